/*
 * hsm/token.c, slot.c, token_init.c: slots and tokens.
 */
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

static ks_rc get(const char *label, struct hsm_token **token,
                 struct ks_err *err)
{
    struct hsm_module *module = open_module(fault_module());
    char wanted[80];
    ks_rc rc;

    *err = (struct ks_err){0};
    (void)snprintf(wanted, sizeof(wanted), "token \"%s\"", label);
    rc = hsm_token_get(module, open_by_label, label, wanted, token, err);
    hsm_module_put(module);
    return rc;
}

static void a_token_is_found_by_its_label(void)
{
    struct hsm_token *token = NULL;
    CK_TOKEN_INFO info = {0};
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("alpha");
    test_softhsm_token("beta");
    REQUIRE(CHECK_OK(get("beta", &token, &err), &err));
    CHECK_STR(hsm_token_label(token), "beta");
    CHECK_INT(strlen(hsm_token_serial(token)), 16);
    CHECK_INT(hsm_token_info(token, &info), CKR_OK);
    CHECK(memcmp(info.label, "beta ", 5) == 0);
    CHECK_STR(hsm_module_path(hsm_token_module(token)), fault_module());
    hsm_token_put(token);
    hsm_token_put(NULL);
}

static void what_is_not_found_is_answered_by_what_is_there(void)
{
    struct hsm_token *token = NULL;
    struct ks_err err;

    test_softhsm_setup();
    CHECK_RC(get("gamma", &token, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "token \"gamma\": not found");
    CHECK_CONTAINS(err.hint, "no initialised token");
    test_softhsm_token("alpha");
    test_softhsm_token("beta");
    CHECK_RC(get("gamma", &token, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.hint, "\"alpha\"");
    CHECK_CONTAINS(err.hint, "\"beta\"");
    CHECK(token == NULL);
}

static void two_tokens_of_one_label_are_told_apart_by_serial(void)
{
    struct hsm_token *token = NULL;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("twin");
    test_softhsm_token("twin");
    CHECK_RC(get("twin", &token, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "token \"twin\": 2 tokens");
    CHECK_CONTAINS(err.hint, "serial");
    CHECK(strchr(err.hint, ',') != NULL);
    CHECK(token == NULL);
}

static void many_tokens_do_not_overrun_the_error(void)
{
    struct hsm_token *token = NULL;
    struct ks_err err;

    test_softhsm_setup();
    for (int i = 0; i < 12; i++)
        test_softhsm_token("a label of thirty-two characters");
    CHECK_RC(get("none", &token, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.hint, "\"a label of thirty-two characters\"");
    CHECK_RC(get("a label of thirty-two characters", &token, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "12 tokens");
}

static void a_token_in_use_is_one_object(void)
{
    struct hsm_token *a = NULL, *b = NULL;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("one");
    REQUIRE(CHECK_OK(get("one", &a, &err), &err));
    REQUIRE(CHECK_OK(get("one", &b, &err), &err));
    CHECK(a == b);
    open_login(a, TEST_USER_PIN);
    hsm_token_put(a);
    CHECK(hsm_is_logged_in(b));
    hsm_token_ref(b);
    hsm_token_put(b);
    CHECK_INT(open_state_of(b, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(b);
}

static void a_slot_that_fails_does_not_hide_the_others(void)
{
    struct hsm_token *token = NULL;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("good");
    REQUIRE(fault_module() != NULL);
    for (int i = 0; i < 2; i++) {
        struct hsm_module *module = open_module(fault_module());

        fault_rules(i == 0 ? "fail C_GetTokenInfo CKR_DEVICE_ERROR 1 1"
                           : "fail C_GetSlotInfo CKR_DEVICE_ERROR 1 1");
        err = (struct ks_err){0};
        CHECK_OK(
            hsm_token_get(module, open_by_label, "good", "good", &token, &err),
            &err);
        hsm_token_put(token);
        hsm_module_put(module);
    }
}

static void a_list_that_fails_is_an_error(void)
{
    struct hsm_module *module;
    struct hsm_token *token = NULL;
    struct ks_err err = {0};

    test_softhsm_setup();
    test_softhsm_token("list");
    module = open_module(fault_module());
    REQUIRE(module != NULL);
    fault_rules("fail C_GetSlotList CKR_DEVICE_ERROR");
    CHECK_RC(
        hsm_token_get(module, open_by_label, "list", "token", &token, &err),
        KS_E_IO);
    CHECK_CONTAINS(err.text, "CKR_DEVICE_ERROR");
    CHECK_CONTAINS(err.text, fault_module());
    err = (struct ks_err){0};
    fault_rules("fail C_GetSlotList CKR_BUFFER_TOO_SMALL 1 1");
    CHECK_OK(
        hsm_token_get(module, open_by_label, "list", "token", &token, &err),
        &err);
    hsm_token_put(token);
    fault_rules("fail C_GetSlotList CKR_BUFFER_TOO_SMALL");
    CHECK(hsm_token_get(module, open_by_label, "list", "token", &token, &err) !=
          KS_OK);
    hsm_module_put(module);
}

static ks_rc stop_at_first(void *arg, const struct hsm_slot *slot,
                           struct ks_err *err)
{
    (void)slot;
    (*(int *)arg)++;
    return ks_fail(err, KS_E_INTERRUPTED, "stopped");
}

static void a_walk_ends_with_its_first_result(void)
{
    struct hsm_module *module;
    struct ks_err err = {0};
    int n = 0;

    test_softhsm_setup();
    test_softhsm_token("a");
    test_softhsm_token("b");
    module = open_module(fault_module());
    REQUIRE(module != NULL);
    CHECK_RC(hsm_slots(module, stop_at_first, &n, &err), KS_E_INTERRUPTED);
    CHECK_INT(n, 1);
    hsm_module_put(module);
}

static void mechanisms_are_looked_up_when_asked_for(void)
{
    struct hsm_token *token = NULL;
    CK_MECHANISM_TYPE *list = NULL;
    size_t n = 0, n_hidden = 0;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("mech");
    REQUIRE(CHECK_OK(get("mech", &token, &err), &err));
    open_login(token, TEST_USER_PIN);
    CHECK_INT(fault_calls("C_GetMechanismList"), 0);
    CHECK_INT(fault_calls("C_GetMechanismInfo"), 0);
    CHECK(hsm_token_can(token, CKM_ECDSA, CKF_SIGN));
    CHECK(!hsm_token_can(token, CKM_ECDSA, CKF_DECRYPT));
    CHECK(!hsm_token_can(token, CKM_VENDOR_DEFINED, 0));
    CHECK_INT(hsm_token_mechanisms(token, &list, &n), CKR_OK);
    CHECK(n > 50);
    OPENSSL_free(list);
    fault_rules("mechanism 0x1041"); /* CKM_ECDSA */
    CHECK(!hsm_token_can(token, CKM_ECDSA, CKF_SIGN));
    CHECK_INT(hsm_token_mechanisms(token, &list, &n_hidden), CKR_OK);
    CHECK_INT(n_hidden, n - 1);
    OPENSSL_free(list);
    fault_rules("fail C_GetMechanismList CKR_DEVICE_ERROR 1");
    CHECK_INT(hsm_token_mechanisms(token, &list, &n), CKR_DEVICE_ERROR);
    CHECK(list == NULL);
    hsm_token_put(token);
}

static ks_rc init(const char *label, const char *so, const char *user,
                  struct ks_err *err)
{
    struct hsm_module *module = open_module(fault_module());
    struct ks_secret so_pin = {0}, user_pin = {0};
    ks_rc rc;

    *err = (struct ks_err){0};
    CHECK_RC(ks_secret_set(&so_pin, so, strlen(so)), KS_OK);
    CHECK_RC(ks_secret_set(&user_pin, user, strlen(user)), KS_OK);
    rc = hsm_token_init(module, open_by_label, NULL, label, &so_pin, &user_pin,
                        err);
    ks_secret_clear(&so_pin);
    ks_secret_clear(&user_pin);
    hsm_module_put(module);
    return rc;
}

static void a_token_that_was_made_takes_its_pins(void)
{
    struct hsm_token *token = NULL;
    struct pins pins = {.so = TEST_SO_PIN};
    struct ks_ask ask = open_ask(&pins);
    struct ks_err err;

    test_softhsm_setup();
    CHECK_OK(init("new one", TEST_SO_PIN, TEST_USER_PIN, &err), &err);
    CHECK_OK(init("new two", TEST_SO_PIN, TEST_USER_PIN, &err), &err);
    REQUIRE(CHECK_OK(get("new one", &token, &err), &err));
    open_login(token, TEST_USER_PIN);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
    REQUIRE(CHECK_OK(get("new two", &token, &err), &err));
    CHECK_OK(hsm_login(token, NULL, "x", &ask, &err), &err);
    hsm_token_put(token);
    test_pkcs11_tool("--token-label", "new two", "--login", "--pin",
                     TEST_USER_PIN, "-O", NULL);
}

static void a_token_in_use_goes_on_while_another_is_made(void)
{
    struct hsm_token *token = NULL;
    struct hsm_module *module;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("used");
    REQUIRE(CHECK_OK(get("used", &token, &err), &err));
    module = hsm_token_module(token);
    hsm_module_ref(module);
    open_login(token, TEST_USER_PIN);
    fault_forget();
    CHECK_OK(init("other", TEST_SO_PIN, TEST_USER_PIN, &err), &err);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    /* once for the other's SO; ours was not lost */
    CHECK_INT(fault_calls("C_Login"), 0 + 1);
    hsm_token_put(token);
    hsm_module_put(module);
}

static void a_label_that_is_taken_is_refused(void)
{
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("taken");
    CHECK_RC(init("taken", TEST_SO_PIN, TEST_USER_PIN, &err), KS_E_EXISTS);
    CHECK_CONTAINS(err.text, "token \"taken\"");
    CHECK_INT(fault_calls("C_InitToken"), 0);
}

static void what_no_token_can_be_made_of_is_refused(void)
{
    struct ks_err err;

    test_softhsm_setup();
    CHECK_RC(init("", TEST_SO_PIN, TEST_USER_PIN, &err), KS_E_INVALID);
    CHECK_RC(init("123456789012345678901234567890123", TEST_SO_PIN,
                  TEST_USER_PIN, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "32");
    CHECK_RC(init("x", "", TEST_USER_PIN, &err), KS_E_SECRET_MISSING);
    CHECK_RC(init("x", TEST_SO_PIN, "", &err), KS_E_SECRET_MISSING);
    CHECK_INT(fault_calls("C_InitToken"), 0);
    CHECK(init("x", "1", TEST_USER_PIN, &err) != KS_OK); /* too short */
    CHECK_CONTAINS(err.text, "token \"x\": it was not made: CKR_");
    CHECK_OK(init("12345678901234567890123456789012", TEST_SO_PIN,
                  TEST_USER_PIN, &err),
             &err);
}

static void a_token_left_without_user_pin_is_told_of(void)
{
    struct ks_err err;

    test_softhsm_setup();
    CHECK_STR(fault_module(), fault_module());
    fault_rules("fail C_InitPIN CKR_FUNCTION_FAILED");
    CHECK_RC(init("half", TEST_SO_PIN, TEST_USER_PIN, &err), KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, "token \"half\" was made but has no user PIN");
    CHECK_CONTAINS(err.text, "CKR_FUNCTION_FAILED");
    CHECK_CONTAINS(err.hint, "security officer");
    CHECK_RC(init("half", TEST_SO_PIN, TEST_USER_PIN, &err), KS_E_EXISTS);
}

static const struct test_case cases[] = {
    TEST_CASE(a_token_is_found_by_its_label),
    TEST_CASE(what_is_not_found_is_answered_by_what_is_there),
    TEST_CASE(two_tokens_of_one_label_are_told_apart_by_serial),
    TEST_CASE(many_tokens_do_not_overrun_the_error),
    TEST_CASE(a_token_in_use_is_one_object),
    TEST_CASE(a_slot_that_fails_does_not_hide_the_others),
    TEST_CASE(a_list_that_fails_is_an_error),
    TEST_CASE(a_walk_ends_with_its_first_result),
    TEST_CASE(mechanisms_are_looked_up_when_asked_for),
    TEST_CASE(a_token_that_was_made_takes_its_pins),
    TEST_CASE(a_token_in_use_goes_on_while_another_is_made),
    TEST_CASE(a_label_that_is_taken_is_refused),
    TEST_CASE(what_no_token_can_be_made_of_is_refused),
    TEST_CASE(a_token_left_without_user_pin_is_told_of),
};
TEST_MAIN("hsm.token", cases)
