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

#define URI "keystore://hsm/key"
#define CHILDREN 6

/* A new token behind the fault module. Each its own label, as what was
 * refused is remembered. */
static struct hsm_token *fresh(const char *label)
{
    test_softhsm_setup();
    test_softhsm_token(label);
    return open_token(fault_module(), label);
}

static ks_rc login(struct hsm_token *token, struct pins *pins,
                   struct ks_err *err)
{
    struct ks_ask ask = open_ask(pins);

    *err = (struct ks_err){0};
    return hsm_login(token, NULL, URI, &ask, err);
}

static ks_rc prepare(struct hsm_token *token, struct pins *pins,
                     struct ks_err *err)
{
    struct ks_ask ask = open_ask(pins);

    *err = (struct ks_err){0};
    return hsm_login_prepare(token, NULL, URI, &ask, err);
}

static CK_RV log_out(const struct hsm_session *session, void *arg)
{
    (void)arg;
    return session->f->C_Logout(session->handle);
}

/* As an operation would have it that needs the user. */
static CK_RV wants_user(const struct hsm_session *session, void *arg)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = session->f->C_GetSessionInfo(session->handle, &info);

    (void)arg;
    if (rv == CKR_OK && info.state != CKS_RO_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    return rv;
}

static CK_RV again(const struct hsm_session *session, void *arg)
{
    *(CK_RV *)arg = hsm_login_again(session);
    return CKR_OK;
}

/* The program's own login, past us. */
static bool log_in_as_program(struct hsm_token *token)
{
    CK_SESSION_HANDLE session;
    CK_FUNCTION_LIST *f;
    CK_SLOT_ID slots[4];
    CK_ULONG n = 4;

    return CHECK(hsm_module_use(hsm_token_module(token), &f) == CKR_OK &&
                 f->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK &&
                 f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL,
                                  &session) == CKR_OK &&
                 f->C_Login(session, CKU_USER, (CK_BYTE *)TEST_USER_PIN,
                            strlen(TEST_USER_PIN)) == CKR_OK);
}

static void a_pin_that_one_child_saw_refused_is_not_tried_by_others(void)
{
    struct hsm_token *token = fresh("family");
    struct pins pins = {.user = TEST_USER_PIN};
    pid_t children[CHILDREN];
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(hsm_run(token, HSM_READ, log_out, NULL), CKR_OK);
    fault_rules("fail C_Login CKR_PIN_INCORRECT\ndelay C_Login 50");
    fault_forget();
    (void)fflush(NULL);
    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            exit(hsm_run(token, HSM_READ, wants_user, NULL) !=
                 CKR_PIN_INCORRECT);
    }
    for (size_t i = 0; i < CHILDREN; i++) {
        int status = -1;

        (void)waitpid(children[i], &status, 0);
        CHECK_INT(status, 0);
    }
    CHECK_INT(fault_calls("C_Login"), 1);
    /* nor by the parent, who learns of it */
    CHECK_INT(hsm_run(token, HSM_READ, wants_user, NULL), CKR_PIN_INCORRECT);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_failure_of_the_moment_is_outlived(void)
{
    struct hsm_token *token = fresh("moment");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("fail C_Login CKR_GENERAL_ERROR 0 2\n"
                "fail C_Login CKR_USER_PIN_NOT_INITIALIZED 0 1");
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(fault_calls("C_Login"), 4);
    hsm_token_put(token);
}

static void a_failure_that_was_counted_is_not_repeated(void)
{
    struct hsm_token *token = fresh("counted");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("fail C_Login CKR_GENERAL_ERROR\nflags 0x10000 0");
    CHECK(login(token, &pins, &err) != KS_OK);
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
    struct hsm_token *token = fresh("whatever");
    struct ks_err err;

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pins pins = {.user = rows[i].pin};

        fault_rules(rows[i].rule);
        fault_forget();
        CHECK(login(token, &pins, &err) != KS_OK);
        CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
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
    struct hsm_token *token = fresh("slowly");
    struct ks_ask ask = {lock_and_give, NULL};
    struct ks_err err = {0};

    REQUIRE(token != NULL);
    CHECK_RC(hsm_login(token, NULL, URI, &ask, &err), KS_E_DENIED);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void no_empty_pin_is_tried_where_another_library_logged_in(void)
{
    struct hsm_token *token = fresh("foreign");
    struct pins pins = {.user = TEST_USER_PIN};
    CK_RV rv = CKR_OK;
    struct ks_err err;

    REQUIRE(token != NULL);
    REQUIRE(log_in_as_program(token));
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(pins.given, 0);
    fault_forget();
    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    CHECK_INT(rv, CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(fault_calls("C_Login"), 0);

    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(hsm_run(token, HSM_READ, log_out, NULL), CKR_OK);
    CHECK_INT(hsm_run(token, HSM_READ, wants_user, NULL),
              CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(fault_calls("C_Login"), 0);
    CHECK_OK(login(token, &pins, &err), &err); /* now one is asked for */
    CHECK_INT(pins.given, 1);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_key_that_wants_the_pin_each_time_gets_it_asked_for(void)
{
    struct hsm_token *token = fresh("each");
    struct pins pins = {.user = TEST_USER_PIN};
    CK_RV rv = CKR_OK;
    struct ks_err err;

    REQUIRE(token != NULL);
    REQUIRE(log_in_as_program(token));
    CHECK_OK(login(token, &pins, &err), &err);
    fault_forget();
    CHECK_OK(prepare(token, &pins, &err), &err);
    CHECK_OK(prepare(token, &pins, &err), &err);
    CHECK_INT(pins.given, 1);
    CHECK_INT(fault_calls("C_Login"), 0);
    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    /* SoftHSM: no operation of such a key is active */
    CHECK_INT(rv, CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_pin_refused_for_one_use_is_not_tried_for_the_next(void)
{
    struct hsm_token *token = fresh("uses");
    struct pins pins = {.user = TEST_USER_PIN};
    CK_RV rv = CKR_OK;
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    fault_rules("fail C_Login CKR_PIN_INCORRECT");
    fault_forget();
    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    CHECK_INT(rv, CKR_PIN_INCORRECT);
    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    CHECK_INT(rv, CKR_USER_NOT_LOGGED_IN);
    CHECK_OK(login(token, &pins, &err), &err); /* it still is */
    CHECK_OK(prepare(token, &pins, &err), &err);
    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    CHECK_INT(rv, CKR_PIN_INCORRECT);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void *try_wrong(void *arg)
{
    struct pins pins = {.user = "71717171"};
    struct ks_err err;

    (void)login(arg, &pins, &err); /* too late, or refused */
    return NULL;
}

static void *try_right(void *arg)
{
    open_login(arg, TEST_USER_PIN);
    return NULL;
}

static void a_thread_with_a_wrong_pin_does_not_harm_one_with_the_right(void)
{
    struct hsm_token *token = fresh("pair");
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
