/*
 * Keys made on the token: what they may be used for, names that are taken,
 * and what is left behind by failures (nothing).
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "hold.h"
#include "leaks.h"
#include "softhsm.h"
#include "test.h"

static const char *described(struct hold *hold, const char *name,
                             const char *fact)
{
    ks_rc rc;
    const char *value = hold_described(hold, name, fact, &rc);

    (void)CHECK_OK(rc, &hold->err);
    return value;
}

static void a_key_does_what_was_asked_and_never_leaves(void)
{
    static const struct {
        const char *kind;
        unsigned usage;
        const char *want;
    } rows[] = {
        {"RSA:2048", 0, "sign"},
        {"RSA:2048", KS_USAGE_DECRYPT, "decrypt"},
        {"RSA:2048", KS_USAGE_SIGN | KS_USAGE_DECRYPT, "sign,decrypt"},
        {"RSA-PSS:2048", 0, "sign"},
        {"EC:P-256", 0, "sign"},
        {"EC:P-256", KS_USAGE_DERIVE, "derive"},
        {"EC:P-256", KS_USAGE_SIGN | KS_USAGE_DERIVE, "sign,derive"},
        {"ED25519", 0, "sign"},
    };
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "key-%zu", i);
        CHECK_OK(hold_make(&hold, name, rows[i].kind, rows[i].usage),
                 &hold.err);
        CHECK_STR(described(&hold, name, "usage"), rows[i].want);
        CHECK_STR(described(&hold, name, "sensitive"), "yes");
        CHECK_STR(described(&hold, name, "extractable"), "no");
        CHECK_STR(described(&hold, name, "never-extractable"), "yes");
        CHECK_STR(described(&hold, name, "always-sensitive"), "yes");
        CHECK_STR(described(&hold, name, "local"), "yes");
        CHECK_STR(described(&hold, name, "label"), name);
        CHECK_INT(strlen(described(&hold, name, "id")), 32);
    }
    hold_close(&hold);
}

static void what_cannot_be_is_refused_before_a_pin(void)
{
    static const struct {
        const char *kind;
        unsigned usage;
        ks_rc rc;
        const char *text;
    } rows[] = {
        {"EC", 0, KS_E_INVALID, "P-256"},
        {"EC:nonsense", 0, KS_E_UNSUPPORTED, "nonsense"},
        {"EC:SM2", 0, KS_E_UNSUPPORTED, "SM2"},
        {"RSA:512", 0, KS_E_INVALID, "512"},
        {"RSA:99999", 0, KS_E_INVALID, "99999"},
        {"DSA", 0, KS_E_UNSUPPORTED, "DSA"},
        {"EC:P-256", KS_USAGE_DECRYPT, KS_E_INVALID, "decrypt"},
        {"RSA:2048", KS_USAGE_DERIVE, KS_E_INVALID, "derive"},
        {"RSA-PSS:2048", KS_USAGE_DECRYPT, KS_E_INVALID, "decrypt"},
        {"ED25519", KS_USAGE_DERIVE, KS_E_INVALID, "derive"},
        {"RSA:2048", 64, KS_E_INVALID, "0x40"},
        {"X25519", KS_USAGE_SIGN, KS_E_INVALID, "sign"},
    };
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_RC(hold_make(&hold, "k", rows[i].kind, rows[i].usage),
                 rows[i].rc);
        CHECK_CONTAINS(hold.err.text, "keystore://hsm/k");
        CHECK_CONTAINS(hold.err.text, rows[i].text);
    }
    CHECK_INT(hold.pins.given, 0);
    CHECK_STR(hold_names(&hold), "");
    hold_close(&hold);
}

static void a_mechanism_that_is_missing_is_named(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    fault_rules("mechanism 0x1055\n");
    CHECK_RC(hold_make(&hold, "k", "ED25519", 0), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(hold.err.text, "token \"hold\"");
    CHECK_CONTAINS(hold.err.text, "CKM_EC_EDWARDS_KEY_PAIR_GEN");
    CHECK_CONTAINS(hold.err.text, "CKR_MECHANISM_INVALID");
    CHECK_CONTAINS(hold.err.hint, "backend check");
    CHECK_RC(hold_make(&hold, "k", "X25519", 0), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(hold.err.text, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN");
    hold_close(&hold);
}

static void a_taken_label_or_id_is_refused(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    REQUIRE(hold_made(&hold, "a;id=0102", "ED25519"));
    CHECK_RC(hold_make(&hold, "a", "EC:P-256", 0), KS_E_EXISTS);
    CHECK_CONTAINS(hold.err.text, "label \"a\"");
    CHECK_CONTAINS(hold.err.text, "token \"hold\"");
    CHECK_CONTAINS(hold.err.hint, "another");
    CHECK_RC(hold_make(&hold, "a;id=0103", "EC:P-256", 0), KS_E_EXISTS);
    CHECK_RC(hold_make(&hold, "b;id=0102", "EC:P-256", 0), KS_E_EXISTS);
    CHECK_CONTAINS(hold.err.text, "CKA_ID");
    CHECK_RC(hold_save(&hold, "a", "ED25519", 0), KS_E_EXISTS);
    CHECK_RC(hold_save(&hold, "c;id=0102", "ED25519", 0), KS_E_EXISTS);
    CHECK_RC(hold_make(&hold, "b;id=0103", "EC:P-256", 0), KS_OK);
    CHECK_STR(hold_names(&hold), "a b");
    CHECK_INT(hold_objects("Private Key Object"), 2);
    CHECK_INT(hold_objects("Public Key Object"), 2);
    hold_close(&hold);
}

/* What goes wrong on the token, and how that is told. */
struct trouble {
    const char *rules;
    ks_rc rc;
    const char *text;
};

/* Each leaves the token as it was. */
static void check_troubles(const struct trouble *rows, size_t n)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    for (size_t i = 0; i < n; i++) {
        fault_rules(rows[i].rules);
        CHECK_RC(hold_make(&hold, "k", "EC:P-256", 0), rows[i].rc);
        CHECK_CONTAINS(hold.err.text, rows[i].text);
        CHECK_CONTAINS(hold.err.text, "keystore://hsm/k");
        CHECK_CONTAINS(hold.err.text, "token \"hold\"");
        fault_rules("");
        CHECK_STR(hold_names(&hold), "");
        CHECK_INT(hold_objects("Private Key Object"), 0);
        CHECK_INT(hold_objects("Public Key Object"), 0);
    }
    CHECK_RC(hold_make(&hold, "k", "EC:P-256", 0), KS_OK);
    hold_close(&hold);
}

static void a_token_that_fails_is_left_as_it_was(void)
{
    static const struct trouble rows[] = {
        {"fail C_GenerateKeyPair CKR_DEVICE_MEMORY\n", KS_E_FULL,
         "CKR_DEVICE_MEMORY"},
        {"fail C_GenerateKeyPair CKR_TOKEN_WRITE_PROTECTED\n", KS_E_DENIED,
         "CKR_TOKEN_WRITE_PROTECTED"},
        {"fail C_GenerateKeyPair CKR_KEY_SIZE_RANGE\n", KS_E_UNSUPPORTED,
         "CKR_KEY_SIZE_RANGE"},
        {"fail C_GenerateKeyPair CKR_DEVICE_ERROR\n", KS_E_IO,
         "CKR_DEVICE_ERROR"},
        {"fail C_OpenSession CKR_TOKEN_WRITE_PROTECTED\n", KS_E_DENIED,
         "CKR_TOKEN_WRITE_PROTECTED"},
    };

    check_troubles(rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_key_that_cannot_be_looked_at_is_taken_back(void)
{
    static const struct trouble rows[] = {
        {"fail C_GetAttributeValue CKR_DEVICE_ERROR\n", KS_E_IO,
         "CKR_DEVICE_ERROR"},
        {"fail C_FindObjects CKR_DEVICE_ERROR 2\n", KS_E_IO,
         "CKR_DEVICE_ERROR"},
        /* CKA_EC_POINT, CKA_PUBLIC_KEY_INFO */
        {"attribute 0x181 0401\nattribute 0x129 none\n", KS_E_UNSUPPORTED,
         "CKR_ATTRIBUTE_VALUE_INVALID"},
    };

    check_troubles(rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_key_that_may_leave_is_taken_back(void)
{
    static const struct trouble rows[] = {
        {"attribute 0x162 01\n", KS_E_UNSUPPORTED, "CKA_EXTRACTABLE"},
        {"attribute 0x103 00\n", KS_E_UNSUPPORTED, "CKA_SENSITIVE"},
        {"attribute 0x162 none\n", KS_E_UNSUPPORTED, "CKA_EXTRACTABLE"},
    };

    check_troubles(rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_token_that_wants_less_is_given_less(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    fault_rules("fail C_GenerateKeyPair CKR_TEMPLATE_INCONSISTENT 0 1\n");
    CHECK_RC(hold_make(&hold, "a", "EC:P-256", 0), KS_OK);
    fault_rules("fail C_GenerateKeyPair CKR_ATTRIBUTE_TYPE_INVALID 0 1\n");
    CHECK_RC(hold_make(&hold, "b", "RSA:2048", 0), KS_OK);
    /* A curve that the token wants by name. */
    fault_rules("fail C_GenerateKeyPair CKR_CURVE_NOT_SUPPORTED 0 1\n");
    test_leaks_ignore(true);
    CHECK_RC(hold_make(&hold, "c", "ED25519", 0), KS_OK);
    test_leaks_ignore(false);
    fault_rules("fail C_GenerateKeyPair CKR_CURVE_NOT_SUPPORTED\n");
    CHECK_RC(hold_make(&hold, "d", "ED25519", 0), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(hold.err.text, "CKR_CURVE_NOT_SUPPORTED");
    fault_rules("");
    CHECK_STR(hold_names(&hold), "a b c");
    CHECK_OK(hold_sign(&hold, "a"), &hold.err);
    CHECK_OK(hold_sign(&hold, "b"), &hold.err);
    CHECK_OK(hold_sign(&hold, "c"), &hold.err);
    hold_close(&hold);
}

static void a_security_officer_makes_no_keys(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    hold.pins.user = NULL;
    hold.pins.so = TEST_SO_PIN;
    CHECK_RC(hold_make(&hold, "k", "EC:P-256", 0), KS_E_DENIED);
    CHECK_CONTAINS(hold.err.text, "CKR_USER_NOT_LOGGED_IN");
    CHECK_CONTAINS(hold.err.hint, "user PIN");
    CHECK_STR(hold_names(&hold), "");
    hold_close(&hold);
}

/* --- races ---------------------------------------------------------------- */

#define N_RACERS 4
#define N_ROUNDS 6

/* 0: won, 1: somebody else was first, 2: something failed. */
static int race(unsigned number)
{
    struct hold hold;
    unsigned tries = 0;
    ks_rc rc;

    hold_open_again(&hold, NULL);
    /* SoftHSM 2.6 reads what another process is writing and then fails so,
     * most of all while several log in; at times until it is loaded anew. */
    while ((rc = hold_make(&hold, "prize", "EC:P-256", 0)) == KS_E_CRYPTO &&
           strstr(hold.err.text, "CKR_GENERAL_ERROR") != NULL && tries++ < 20) {
        hold_close(&hold);
        hold_open_again(&hold, NULL);
    }
    if (rc != KS_OK && rc != KS_E_EXISTS)
        (void)fprintf(stderr, "racer %u: %s\n", number, hold.err.text);
    hold_close(&hold);
    if (rc == KS_OK)
        return 0;
    return rc == KS_E_EXISTS ? 1 : 2;
}

static void of_processes_that_make_one_key_one_wins(void)
{
    struct hold hold;

    test_softhsm_setup();
    test_softhsm_token("hold");
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        pid_t children[N_RACERS];
        unsigned won = 0, failed = 0;

        for (unsigned i = 0; i < N_RACERS; i++) {
            children[i] = fork();
            if (children[i] == 0)
                _exit(race(i));
        }
        for (unsigned i = 0; i < N_RACERS; i++) {
            int status = -1;

            (void)waitpid(children[i], &status, 0);
            won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
            failed += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
        }
        CHECK_INT(won, 1);
        CHECK_INT(failed, 0);
        CHECK_INT(hold_objects("Private Key Object"), 1);
        CHECK_INT(hold_objects("Public Key Object"), 1);
        hold_open_again(&hold, NULL);
        CHECK_OK(hold_sign(&hold, "prize"), &hold.err);
        CHECK_OK(hold_remove(&hold, "prize"), &hold.err);
        hold_close(&hold);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(a_key_does_what_was_asked_and_never_leaves),
    TEST_CASE(what_cannot_be_is_refused_before_a_pin),
    TEST_CASE(a_mechanism_that_is_missing_is_named),
    TEST_CASE(a_taken_label_or_id_is_refused),
    TEST_CASE(a_token_that_fails_is_left_as_it_was),
    TEST_CASE(a_key_that_cannot_be_looked_at_is_taken_back),
    TEST_CASE(a_key_that_may_leave_is_taken_back),
    TEST_CASE(a_token_that_wants_less_is_given_less),
    TEST_CASE(a_security_officer_makes_no_keys),
    TEST_CASE(of_processes_that_make_one_key_one_wins),
};
TEST_MAIN("hsm.keygen", cases)
