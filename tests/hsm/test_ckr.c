/*
 * hsm/ckr.c: what Cryptoki's results are called and what they mean.
 */
#include "ckr.h"

#include <pthread.h>
#include <string.h>

#include "test.h"

static void results_have_their_names(void)
{
    CHECK_STR(hsm_ckr_name(CKR_OK), "CKR_OK");
    CHECK_STR(hsm_ckr_name(CKR_PIN_INCORRECT), "CKR_PIN_INCORRECT");
    CHECK_STR(hsm_ckr_name(CKR_MECHANISM_PARAM_INVALID),
              "CKR_MECHANISM_PARAM_INVALID");
    CHECK_STR(hsm_ckr_name(CKR_FUNCTION_REJECTED), "CKR_FUNCTION_REJECTED");
}

static void an_unknown_result_has_its_number(void)
{
    CHECK_STR(hsm_ckr_name(0x80000001), "CKR_0x80000001");
    CHECK_STR(hsm_ckr_name(0x7fff), "CKR_0x00007FFF");
    CHECK_STR(hsm_ckr_name(~0UL), "CKR_0xFFFFFFFFFFFFFFFF");
    CHECK_INT(hsm_ckr_rc(0x80000001), KS_E_CRYPTO);
    CHECK(!hsm_ckr_is_stale(0x80000001));
}

/* PKCS#11 3.0, 6.2: general results end at 0x202. */
static void no_number_is_named_twice(void)
{
    for (CK_RV a = 0; a < 0x220; a++)
        for (CK_RV b = a + 1; b < 0x220; b++) {
            char name[64];

            (void)strncpy(name, hsm_ckr_name(a), sizeof(name) - 1);
            name[sizeof(name) - 1] = '\0';
            if (strcmp(name, hsm_ckr_name(b)) == 0)
                CHECK_STR(name, "");
        }
}

static void results_lead_to_ours(void)
{
    CHECK_RC(hsm_ckr_rc(CKR_OK), KS_OK);
    CHECK_RC(hsm_ckr_rc(CKR_PIN_INCORRECT), KS_E_SECRET_WRONG);
    CHECK_RC(hsm_ckr_rc(CKR_PIN_LOCKED), KS_E_DENIED);
    CHECK_RC(hsm_ckr_rc(CKR_MECHANISM_INVALID), KS_E_UNSUPPORTED);
    CHECK_RC(hsm_ckr_rc(CKR_DEVICE_MEMORY), KS_E_FULL);
    CHECK_RC(hsm_ckr_rc(CKR_TOKEN_NOT_PRESENT), KS_E_NOT_FOUND);
    CHECK_RC(hsm_ckr_rc(CKR_SESSION_COUNT), KS_E_BUSY);
    CHECK_RC(hsm_ckr_rc(CKR_ATTRIBUTE_SENSITIVE), KS_E_NOT_EXPORTABLE);
}

static void only_lost_handles_are_stale(void)
{
    static const CK_RV stale[] = {
        CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
        CKR_OBJECT_HANDLE_INVALID,  CKR_KEY_HANDLE_INVALID,
        CKR_DEVICE_REMOVED,         CKR_TOKEN_NOT_PRESENT,
        CKR_USER_NOT_LOGGED_IN,     CKR_CRYPTOKI_NOT_INITIALIZED,
    };
    static const CK_RV not_stale[] = {
        CKR_OK,          CKR_PIN_INCORRECT,  CKR_SESSION_COUNT,
        CKR_HOST_MEMORY, CKR_DEVICE_ERROR,   CKR_GENERAL_ERROR,
        CKR_PIN_LOCKED,  CKR_DATA_LEN_RANGE,
    };

    for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
        CHECK(hsm_ckr_is_stale(stale[i]));
    for (size_t i = 0; i < sizeof(not_stale) / sizeof(not_stale[0]); i++)
        CHECK(!hsm_ckr_is_stale(not_stale[i]));
}

static void a_failure_says_what_and_why(void)
{
    struct ks_err err = {0};

    CHECK_RC(hsm_ckr_fail(&err, CKR_MECHANISM_INVALID,
                          "token \"%s\": key \"%s\"", "t", "k"),
             KS_E_UNSUPPORTED);
    CHECK_STR(err.text, "token \"t\": key \"k\": CKR_MECHANISM_INVALID: the "
                        "token lacks this mechanism");
    CHECK_CONTAINS(err.hint, "backend check");
}

static void the_first_text_and_hint_stay(void)
{
    struct ks_err err = {.text = "first", .hint = "do this"};

    CHECK_RC(hsm_ckr_fail(&err, CKR_PIN_LOCKED, "token"), KS_E_DENIED);
    CHECK_STR(err.text, "first");
    CHECK_STR(err.hint, "do this");
    CHECK_RC(hsm_ckr_fail(NULL, CKR_PIN_LOCKED, "token"), KS_E_DENIED);
}

static void ok_where_a_failure_was_expected_is_a_failure(void)
{
    struct ks_err err = {0};

    CHECK_RC(hsm_ckr_fail(&err, CKR_OK, "token"), KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, "token: ");
}

static void a_makers_own_result_is_his(void)
{
    struct ks_err err = {0};

    CHECK_RC(hsm_ckr_fail(&err, CKR_VENDOR_DEFINED + 5, "token"), KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, "CKR_0x80000005");
    CHECK_CONTAINS(err.text, "maker");
}

static void a_name_without_end_is_cut(void)
{
    struct ks_err err = {0};
    char name[2000];

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    CHECK_RC(hsm_ckr_fail(&err, CKR_PIN_LOCKED, "%s", name), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "CKR_PIN_LOCKED");
}

static void *name_it(void *arg)
{
    (void)arg;
    return strcmp(hsm_ckr_name(0x9999), "CKR_0x00009999") == 0 ? "" : NULL;
}

static void each_thread_has_its_own_text(void)
{
    const char *mine = hsm_ckr_name(0x8888);
    pthread_t thread;
    void *done = NULL;

    REQUIRE(pthread_create(&thread, NULL, name_it, NULL) == 0);
    (void)pthread_join(thread, &done);
    CHECK(done != NULL);
    CHECK_STR(mine, "CKR_0x00008888");
}

static const struct test_case cases[] = {
    TEST_CASE(results_have_their_names),
    TEST_CASE(an_unknown_result_has_its_number),
    TEST_CASE(no_number_is_named_twice),
    TEST_CASE(results_lead_to_ours),
    TEST_CASE(only_lost_handles_are_stale),
    TEST_CASE(a_failure_says_what_and_why),
    TEST_CASE(the_first_text_and_hint_stay),
    TEST_CASE(ok_where_a_failure_was_expected_is_a_failure),
    TEST_CASE(a_makers_own_result_is_his),
    TEST_CASE(a_name_without_end_is_cut),
    TEST_CASE(each_thread_has_its_own_text),
};
TEST_MAIN("hsm.ckr", cases)
