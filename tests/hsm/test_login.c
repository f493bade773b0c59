/*
 * hsm/login.c and pin.c: one PIN, one try.
 */
#include "login.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"

static void the_user_logs_in_once(void)
{
    struct hsm_token *token = open_fresh_faulty("once");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK(!hsm_is_logged_in(token));
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK(hsm_is_logged_in(token));
    CHECK(!hsm_is_so(token));
    CHECK_INT(pins.given, 1);
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_Logout"), 1);
}

static void a_refused_pin_is_tried_once_in_a_process(void)
{
    struct hsm_token *token = open_fresh_faulty("refused");
    struct pins pins = {.user = "99999999"};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "token \"refused\"");
    CHECK_CONTAINS(err.text, "CKR_PIN_INCORRECT");
    CHECK_CONTAINS(err.hint, "counts");
    CHECK(strstr(err.text, "99999999") == NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "not tried again");
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_INT(pins.given, 2);
    hsm_token_put(token);

    fault_forget();
    token = open_token(fault_module(), "refused");
    REQUIRE(token != NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_INT(fault_calls("C_Login"), 0);
    pins.user = TEST_USER_PIN; /* another one is */
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    hsm_token_put(token);
}

static void a_pin_refused_by_one_token_is_tried_on_another(void)
{
    struct hsm_token *a = open_fresh_faulty("first");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(a != NULL);
    fault_rules("fail C_Login CKR_PIN_INCORRECT 0 1");
    CHECK_RC(open_try_login(a, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_RC(open_try_login(a, &pins, &err), KS_E_SECRET_WRONG);
    hsm_token_put(a);
    fault_rules("");
    a = open_fresh_faulty("second");
    REQUIRE(a != NULL);
    CHECK_OK(open_try_login(a, &pins, &err), &err);
    hsm_token_put(a);
}

static void nothing_is_tried_where_it_would_lock(void)
{
    static const struct {
        const char *rule;
        const char *text;
    } states[] = {
        {"flags 0x40000 0", "CKR_PIN_LOCKED"},
        {"flags 0x20000 0", "one more wrong PIN would lock it"},
        {"flags 0x80000 0", "CKR_PIN_EXPIRED"},
        {"flags 0 0x8", "CKR_USER_PIN_NOT_INITIALIZED"},
    };
    struct hsm_token *token = open_fresh_faulty("flags");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        fault_rules(states[i].rule);
        CHECK_RC(open_try_login(token, &pins, &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "token \"flags\"");
        CHECK_CONTAINS(err.text, states[i].text);
        CHECK(err.hint[0] != '\0');
    }
    CHECK_INT(pins.given, 0); /* nobody was bothered */
    CHECK_INT(fault_calls("C_Login"), 0);
    fault_rules("");
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    hsm_token_put(token);
}

static void a_refusal_tells_what_is_left(void)
{
    static const struct {
        const char *rules;
        const char *pin;
        const char *hint;
    } states[] = {
        {"fail C_Login CKR_PIN_INCORRECT\nflags 0x10000 0", "1111",
         "after a few"},
        {"fail C_Login CKR_PIN_LOCKED\n", "2222", "security officer"},
        {"fail C_Login CKR_PIN_EXPIRED\n", "3333", "change it"},
        {"fail C_Login CKR_DEVICE_ERROR\n", "4444", "connected"},
    };
    struct hsm_token *token = open_fresh_faulty("left");
    struct ks_err err;

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct pins pins = {.user = states[i].pin};

        fault_rules(states[i].rules);
        CHECK(open_try_login(token, &pins, &err) != KS_OK);
        CHECK_CONTAINS(err.hint, states[i].hint);
        CHECK_CONTAINS(err.text, "CKR_");
        CHECK(!hsm_is_logged_in(token));
    }
    hsm_token_put(token);
}

static void a_pin_that_cannot_be_right_is_not_tried(void)
{
    struct hsm_token *token = open_fresh_faulty("length");
    struct pins pins = {.user = "123"}; /* SoftHSM: 4 to 255 */
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "CKR_PIN_LEN_RANGE");
    CHECK_CONTAINS(err.text, "4 to 255");
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void without_a_pin_there_is_no_login(void)
{
    struct hsm_token *token = open_fresh_faulty("missing");
    struct pins pins = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_MISSING);
    CHECK_INT(pins.asked, 1);
    err = (struct ks_err){0};
    CHECK_RC(hsm_login(token, NULL, OPEN_URI, NULL, &err), KS_E_SECRET_MISSING);
    CHECK_CONTAINS(err.text, "token \"missing\"");
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void a_token_without_user_pin_says_so(void)
{
    struct hsm_token *token;
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token_no_pin("bare");
    token = open_token(fault_module(), "bare");
    REQUIRE(token != NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "CKR_USER_PIN_NOT_INITIALIZED");
    CHECK_CONTAINS(err.hint, "security officer");
    hsm_token_put(token);
}

static void an_so_pin_logs_the_security_officer_in(void)
{
    struct hsm_token *token = open_fresh_faulty("officer");
    struct pins pins = {.user = TEST_USER_PIN, .so = TEST_SO_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK(hsm_is_logged_in(token));
    CHECK(hsm_is_so(token));
    CHECK_INT(pins.given, 1);
    CHECK_INT(pins.asked, 0); /* quietly */
    /* there are no sessions to read with, so reading gets one to write */
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RW_SO_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_SO_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RW_SO_FUNCTIONS);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_refused_so_pin_does_not_lead_to_the_user_pin(void)
{
    struct hsm_token *token = open_fresh_faulty("officer2");
    struct pins pins = {.user = TEST_USER_PIN, .so = "00000000"};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "SO PIN");
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_INT(fault_calls("C_Login"), 1);
    pins.so = TEST_SO_PIN;
    fault_rules("flags 0x400000 0"); /* CKF_SO_PIN_LOCKED */
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_DENIED);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_login_of_another_library_is_enough(void)
{
    struct hsm_token *token = open_fresh_faulty("other");
    struct pins pins = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    REQUIRE(open_login_as_program(token));
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK(hsm_is_logged_in(token));
    CHECK_INT(pins.asked, 0);
    hsm_token_put(token); /* it stays that library's */
    CHECK_INT(fault_calls("C_Logout"), 0);
}

static void no_pin_is_given_to_a_token_with_a_pin_pad(void)
{
    struct hsm_token *token = open_fresh_faulty("pad");
    struct pins pins = {.user = TEST_USER_PIN, .so = TEST_SO_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("flags 0x100 0\nfail C_Login CKR_FUNCTION_CANCELED");
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_INTERRUPTED);
    CHECK_INT(pins.given, 0);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_token_that_needs_no_login_gets_none(void)
{
    struct hsm_token *token = open_fresh_faulty("open");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("flags 0 0x4"); /* CKF_LOGIN_REQUIRED */
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK_INT(pins.given, 0);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void a_lost_login_is_made_again_with_the_same_pin(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = open_logged_in_faulty("lost", &pins);
    unsigned runs = 0;

    REQUIRE(token != NULL);
    open_lose_login(token);
    CHECK_INT(open_use(token, &runs), CKR_OK);
    CHECK_INT(runs, 2);
    CHECK_INT(pins.given, 1);
    hsm_token_put(token);
}

static void a_pin_that_was_changed_meanwhile_is_tried_once(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = open_logged_in_faulty("changed", &pins);
    unsigned runs = 0;
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("fail C_Login CKR_PIN_INCORRECT");
    fault_forget();
    open_lose_login(token);
    CHECK_INT(open_use(token, &runs), CKR_PIN_INCORRECT);
    CHECK(!hsm_is_logged_in(token));
    CHECK_INT(open_use(token, &runs), CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_lost_login_is_not_made_again_at_the_last_try(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = open_logged_in_faulty("lasttry", &pins);
    unsigned runs = 0;

    REQUIRE(token != NULL);
    open_lose_login(token);
    fault_rules("flags 0x20000 0");
    fault_forget();
    CHECK_INT(open_use(token, &runs), CKR_PIN_LOCKED);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void a_context_login_takes_the_kept_pin(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = open_logged_in_faulty("context", &pins);

    REQUIRE(token != NULL);
    /* SoftHSM: no operation of such a key is active */
    CHECK_INT(open_login_again(token), CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(fault_calls("C_Login"), 2);
    CHECK(hsm_is_logged_in(token));
    hsm_token_put(token);
}

static void *log_in_thread(void *arg)
{
    open_login(arg, TEST_USER_PIN);
    return NULL;
}

static void threads_that_log_in_at_once_make_one_login(void)
{
    struct hsm_token *token = open_fresh_faulty("threads");
    pthread_t threads[8];

    REQUIRE(token != NULL);
    fault_rules("delay C_Login 50");
    for (size_t i = 0; i < 8; i++)
        REQUIRE(pthread_create(&threads[i], NULL, log_in_thread, token) == 0);
    for (size_t i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(hsm_is_logged_in(token));
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(the_user_logs_in_once),
    TEST_CASE(a_refused_pin_is_tried_once_in_a_process),
    TEST_CASE(a_pin_refused_by_one_token_is_tried_on_another),
    TEST_CASE(nothing_is_tried_where_it_would_lock),
    TEST_CASE(a_refusal_tells_what_is_left),
    TEST_CASE(a_pin_that_cannot_be_right_is_not_tried),
    TEST_CASE(without_a_pin_there_is_no_login),
    TEST_CASE(a_token_without_user_pin_says_so),
    TEST_CASE(an_so_pin_logs_the_security_officer_in),
    TEST_CASE(a_refused_so_pin_does_not_lead_to_the_user_pin),
    TEST_CASE(a_login_of_another_library_is_enough),
    TEST_CASE(no_pin_is_given_to_a_token_with_a_pin_pad),
    TEST_CASE(a_token_that_needs_no_login_gets_none),
    TEST_CASE(a_lost_login_is_made_again_with_the_same_pin),
    TEST_CASE(a_pin_that_was_changed_meanwhile_is_tried_once),
    TEST_CASE(a_lost_login_is_not_made_again_at_the_last_try),
    TEST_CASE(a_context_login_takes_the_kept_pin),
    TEST_CASE(threads_that_log_in_at_once_make_one_login),
};
TEST_MAIN("hsm.login", cases)
