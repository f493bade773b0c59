/*
 * The state of a token, found out without a PIN, and tokens that are made.
 */
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "hold.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

/* All facts, as "name=value" lines. */
struct facts {
    char text[8192];
};

static ks_rc note(void *arg, const char *name, const char *value,
                  struct ks_err *err)
{
    struct facts *facts = arg;
    size_t used = strlen(facts->text);

    (void)err;
    (void)snprintf(facts->text + used, sizeof(facts->text) - used, "%s=%s\n",
                   name, value);
    return KS_OK;
}

static ks_rc check(const char *module, const char *token, struct facts *facts,
                   struct ks_err *err)
{
    struct hold_env room;

    memset(facts, 0, sizeof(*facts));
    memset(err, 0, sizeof(*err));
    return ks_pkcs11_backend.check(hold_env(&room, module, token), note, facts,
                                   err);
}

static void a_good_token_tells_what_it_is(void)
{
    struct facts facts;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("hold");
    CHECK_OK(check(NULL, NULL, &facts, &err), &err);
    CHECK_CONTAINS(facts.text, "module=/");
    CHECK_CONTAINS(facts.text, "library=Implementation of PKCS11\n");
    CHECK_CONTAINS(facts.text, "library-version=2.");
    CHECK_CONTAINS(facts.text, "slot=");
    CHECK_CONTAINS(facts.text, "token=hold\n");
    CHECK_CONTAINS(facts.text, "serial=");
    CHECK_CONTAINS(facts.text, "model=SoftHSM v2\n");
    CHECK_CONTAINS(facts.text, "firmware=");
    CHECK_CONTAINS(facts.text, "user-pin=ok\n");
    CHECK_CONTAINS(facts.text, "so-pin=ok\n");
    CHECK_CONTAINS(facts.text, "mechanisms=CKM_");
    CHECK_CONTAINS(facts.text, ", CKM_EC_EDWARDS_KEY_PAIR_GEN");
    CHECK(strstr(facts.text, "write-protected") == NULL);
    /* With no label configured the only token is meant. */
    CHECK_OK(check(NULL, "", &facts, &err), &err);
}

static void states_of_pins_are_told_and_no_try_is_used(void)
{
    static const struct {
        const char *rules, *fact, *text;
        ks_rc rc;
    } rows[] = {
        {"flags 0x10000 0\n", "user-pin=count low\n", NULL, KS_OK},
        {"flags 0x20000 0\n", "user-pin=final try\n", "one try left",
         KS_E_DENIED},
        {"flags 0x60000 0\n", "user-pin=locked\n", "CKR_PIN_LOCKED",
         KS_E_DENIED},
        {"flags 0x80000 0\n", "user-pin=to be changed\n", "CKR_PIN_EXPIRED",
         KS_E_DENIED},
        {"flags 0x400000 0\n", "so-pin=locked\n", NULL, KS_OK},
        {"flags 0x2 0\n", "write-protected=yes\n", NULL, KS_OK},
        {"flags 0x100 0\n", "pin-pad=yes\n", NULL, KS_OK},
    };
    struct facts facts;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("hold");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *module = i == 0 ? fault_module() : NULL;
        static char path[256];

        if (module != NULL)
            (void)snprintf(path, sizeof(path), "%s", module);
        fault_rules(rows[i].rules);
        CHECK_RC(check(path, NULL, &facts, &err), rows[i].rc);
        CHECK_CONTAINS(facts.text, rows[i].fact);
        CHECK_CONTAINS(facts.text, "mechanisms=");
        if (rows[i].text != NULL) {
            CHECK_CONTAINS(err.text, rows[i].text);
            CHECK_CONTAINS(err.text, "token \"hold\"");
            CHECK(err.hint[0] != '\0');
        }
    }
    CHECK_INT(fault_calls("C_Login"), 0);
}

static void a_token_without_a_user_pin_is_not_ready(void)
{
    struct facts facts;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token_no_pin("hold");
    CHECK_RC(check(NULL, NULL, &facts, &err), KS_E_DENIED);
    CHECK_CONTAINS(facts.text, "user-pin=not set\n");
    CHECK_CONTAINS(err.text, "CKR_USER_PIN_NOT_INITIALIZED");
    CHECK_CONTAINS(err.hint, "security officer");
}

static void what_is_missing_is_named(void)
{
    static const char text[] = "not a library";
    struct facts facts;
    struct ks_err err;
    char path[300];

    test_softhsm_setup();
    test_softhsm_token("other");
    CHECK_RC(check(NULL, NULL, &facts, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "\"hold\"");
    CHECK_CONTAINS(err.text, "backend hsm");
    CHECK_CONTAINS(err.hint, "\"other\"");
    CHECK_CONTAINS(facts.text, "library=");
    CHECK(check("/nowhere/p11.so", NULL, &facts, &err) != KS_OK);
    CHECK_CONTAINS(err.text, "/nowhere/p11.so");
    CHECK_STR(facts.text, "module=/nowhere/p11.so\n");
    test_write("text.so", text, strlen(text), 0600);
    (void)snprintf(path, sizeof(path), "%s", test_path("text.so"));
    CHECK_RC(check(path, NULL, &facts, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "text.so");
    CHECK_RC(check("libcrypto.so.3", NULL, &facts, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "libcrypto.so.3");
}

static void a_module_that_crashes_does_so_elsewhere(void)
{
    struct facts facts;
    struct ks_err err;
    char path[300];

    test_softhsm_setup();
    test_softhsm_token("hold");
    (void)snprintf(path, sizeof(path), "%s", fault_module());
    fault_rules("crash C_Initialize\n");
    CHECK_RC(check(path, NULL, &facts, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "signal");
    CHECK_CONTAINS(err.text, path);
}

/* --- making a token ------------------------------------------------------- */

static ks_rc initialise(const char *token, struct pins *pins,
                        struct ks_err *err)
{
    const struct ks_ask ask = open_ask(pins);
    struct hold_env room;

    memset(err, 0, sizeof(*err));
    return ks_pkcs11_backend.initialise(hold_env(&room, NULL, token), &ask,
                                        err);
}

static void a_token_is_made_and_takes_keys(void)
{
    struct pins pins = {.user = TEST_USER_PIN, .so = TEST_SO_PIN};
    struct hold hold;
    struct ks_err err;

    test_softhsm_setup();
    CHECK_OK(initialise(NULL, &pins, &err), &err);
    CHECK_INT(pins.given, 2);
    hold_open_again(&hold, NULL);
    CHECK(hold_made(&hold, "k", "ED25519"));
    CHECK_OK(hold_sign(&hold, "k"), &hold.err);
    hold_close(&hold);
}

static void a_token_that_is_there_stays_as_it_is(void)
{
    struct pins pins = {.user = "0000", .so = "00000000"};
    struct hold hold;
    struct ks_err err;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    CHECK(hold_made(&hold, "k", "ED25519"));
    CHECK_RC(initialise(NULL, &pins, &err), KS_E_EXISTS);
    CHECK_CONTAINS(err.text, "token \"hold\"");
    CHECK_INT(pins.given, 0);
    CHECK_OK(hold_sign(&hold, "k"), &hold.err);
    hold_close(&hold);
}

static void a_token_needs_a_label_and_pins(void)
{
    struct pins none = {.user = NULL}, no_user = {.so = TEST_SO_PIN};
    struct ks_err err;

    test_softhsm_setup();
    CHECK_RC(initialise("", &none, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "[backend hsm] token");
    CHECK_RC(initialise("a label that has thirty-three byte", &none, &err),
             KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "32");
    CHECK_RC(initialise(NULL, &none, &err), KS_E_SECRET_MISSING);
    CHECK_RC(initialise(NULL, &no_user, &err), KS_E_SECRET_MISSING);
    /* Nothing was begun. */
    no_user.user = TEST_USER_PIN;
    CHECK_OK(initialise(NULL, &no_user, &err), &err);
}

static const struct test_case cases[] = {
    TEST_CASE(a_good_token_tells_what_it_is),
    TEST_CASE(states_of_pins_are_told_and_no_try_is_used),
    TEST_CASE(a_token_without_a_user_pin_is_not_ready),
    TEST_CASE(what_is_missing_is_named),
    TEST_CASE(a_module_that_crashes_does_so_elsewhere),
    TEST_CASE(a_token_is_made_and_takes_keys),
    TEST_CASE(a_token_that_is_there_stays_as_it_is),
    TEST_CASE(a_token_needs_a_label_and_pins),
};
TEST_MAIN("hsm.check", cases)
