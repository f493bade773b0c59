/*
 * hsm/relogin.c, login_try.c and pin.c: what is tried once more, and what
 * never is.
 */
#include "login.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"

#define CHILDREN 6

static ks_rc prepare(struct hsm_token *token, struct pins *pins,
                     struct ks_err *err)
{
    struct ks_ask ask = open_ask(pins);

    *err = (struct ks_err){0};
    return hsm_login_prepare(token, NULL, OPEN_URI, &ask, err);
}

/* A new token, taken for logged in as the program's own login is enough. */
static struct hsm_token *fresh_of_program(const char *label, struct pins *pins)
{
    struct hsm_token *token = open_fresh_faulty(label);
    struct ks_err err;

    if (token == NULL)
        return NULL;
    if (!open_login_as_program(token)) {
        hsm_token_put(token);
        return NULL;
    }
    CHECK_OK(open_try_login(token, pins, &err), &err);
    CHECK_INT(pins->given, 0);
    fault_forget();
    return token;
}

static void a_pin_that_one_child_saw_refused_is_not_tried_by_others(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = open_logged_in_faulty("family", &pins);
    pid_t children[CHILDREN];

    REQUIRE(token != NULL);
    open_lose_login(token);
    fault_rules("fail C_Login CKR_PIN_INCORRECT\ndelay C_Login 50");
    fault_forget();
    (void)fflush(NULL);
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            exit(open_use(token, NULL) != CKR_PIN_INCORRECT);
    }
    for (size_t i = 0; i < CHILDREN; i++) {
        int status = -1;

        (void)waitpid(children[i], &status, 0);
        CHECK_INT(status, 0);
    }
    CHECK_INT(fault_calls("C_Login"), 1);
    /* nor by the parent, who learns of it */
    CHECK_INT(open_use(token, NULL), CKR_PIN_INCORRECT);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_failure_of_the_moment_is_outlived(void)
{
    struct hsm_token *token = open_fresh_faulty("moment");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("fail C_Login CKR_GENERAL_ERROR 0 2\n"
                "fail C_Login CKR_USER_PIN_NOT_INITIALIZED 0 1");
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK_INT(fault_calls("C_Login"), 4);
    hsm_token_put(token);
}

static void a_failure_that_was_counted_is_not_repeated(void)
{
    struct hsm_token *token = open_fresh_faulty("counted");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("fail C_Login CKR_GENERAL_ERROR\nflags 0x10000 0");
    CHECK(open_try_login(token, &pins, &err) != KS_OK);
    CHECK_CONTAINS(err.text, "CKR_GENERAL_ERROR");
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void whatever_refuses_a_pin_is_remembered(void)
{
    static const struct {
        const char *rule;
        const char *pin;
    } rows[] = {{"fail C_Login CKR_PIN_INVALID", "51515151"},
                {"fail C_Login CKR_PIN_LEN_RANGE", "52525252"}};
    struct hsm_token *token = open_fresh_faulty("whatever");
    struct ks_err err;

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pins pins = {.user = rows[i].pin};

        fault_rules(rows[i].rule);
        fault_forget();
        CHECK(open_try_login(token, &pins, &err) != KS_OK);
        CHECK_RC(open_try_login(token, &pins, &err), KS_E_SECRET_WRONG);
        CHECK_INT(fault_calls("C_Login"), 1);
    }
    hsm_token_put(token);
}

/* The flags that were read first are old by then. */
static ks_rc lock_and_give(void *arg, const struct ks_question *question,
                           struct ks_secret *secret, struct ks_err *err)
{
    (void)arg;
    (void)err;
    if (question->quiet)
        return KS_E_SECRET_MISSING;
    fault_rules("flags 0x20000 0"); /* CKF_USER_PIN_FINAL_TRY */
    return ks_secret_set(secret, TEST_USER_PIN, strlen(TEST_USER_PIN));
}

static void flags_are_looked_at_after_a_person_was_asked(void)
{
    struct hsm_token *token = open_fresh_faulty("slowly");
    struct ks_ask ask = {lock_and_give, NULL};
    struct ks_err err = {0};

    REQUIRE(token != NULL);
    CHECK_RC(hsm_login(token, NULL, OPEN_URI, &ask, &err), KS_E_DENIED);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void no_empty_pin_is_tried_where_another_library_logged_in(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = fresh_of_program("foreign", &pins);
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_INT(open_login_again(token), CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(fault_calls("C_Login"), 0);

    CHECK_OK(open_try_login(token, &pins, &err), &err);
    open_lose_login(token);
    CHECK_INT(open_use(token, NULL), CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(fault_calls("C_Login"), 0);
    /* now one is asked for */
    CHECK_OK(open_try_login(token, &pins, &err), &err);
    CHECK_INT(pins.given, 1);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_key_that_wants_the_pin_each_time_gets_it_asked_for(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = fresh_of_program("each", &pins);
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(prepare(token, &pins, &err), &err);
    CHECK_OK(prepare(token, &pins, &err), &err);
    CHECK_INT(pins.given, 1);
    CHECK_INT(fault_calls("C_Login"), 0);
    /* SoftHSM: no operation of such a key is active */
    CHECK_INT(open_login_again(token), CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_pin_refused_for_one_use_is_not_tried_for_the_next(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct hsm_token *token = open_logged_in_faulty("uses", &pins);
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("fail C_Login CKR_PIN_INCORRECT");
    fault_forget();
    CHECK_INT(open_login_again(token), CKR_PIN_INCORRECT);
    CHECK_INT(open_login_again(token), CKR_USER_NOT_LOGGED_IN);
    CHECK_OK(open_try_login(token, &pins, &err), &err); /* it still is */
    CHECK_OK(prepare(token, &pins, &err), &err);
    CHECK_INT(open_login_again(token), CKR_PIN_INCORRECT);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void *try_wrong(void *arg)
{
    struct pins pins = {.user = "71717171"};
    struct ks_err err;

    (void)open_try_login(arg, &pins, &err); /* too late, or refused */
    return NULL;
}

static void *try_right(void *arg)
{
    open_login(arg, TEST_USER_PIN);
    return NULL;
}

static void a_thread_with_a_wrong_pin_does_not_harm_one_with_the_right(void)
{
    struct hsm_token *token = open_fresh_faulty("pair");
    pthread_t wrong[4], right[4];

    REQUIRE(token != NULL);
    fault_rules("delay C_Login 20");
    for (size_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&wrong[i], NULL, try_wrong, token) == 0 &&
                pthread_create(&right[i], NULL, try_right, token) == 0);
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(wrong[i], NULL);
        (void)pthread_join(right[i], NULL);
    }
    CHECK(hsm_is_logged_in(token));
    CHECK(fault_calls("C_Login") <= 2);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(a_pin_that_one_child_saw_refused_is_not_tried_by_others),
    TEST_CASE(a_failure_of_the_moment_is_outlived),
    TEST_CASE(a_failure_that_was_counted_is_not_repeated),
    TEST_CASE(whatever_refuses_a_pin_is_remembered),
    TEST_CASE(flags_are_looked_at_after_a_person_was_asked),
    TEST_CASE(no_empty_pin_is_tried_where_another_library_logged_in),
    TEST_CASE(a_key_that_wants_the_pin_each_time_gets_it_asked_for),
    TEST_CASE(a_pin_refused_for_one_use_is_not_tried_for_the_next),
    TEST_CASE(a_thread_with_a_wrong_pin_does_not_harm_one_with_the_right),
};
TEST_MAIN("hsm.relogin", cases)
