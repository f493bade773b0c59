/*
 * hsm/session.c, pool.c: sessions are lent, kept and opened anew.
 */
#include "session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"

static struct hsm_token *fresh(const char *label)
{
    struct hsm_token *token;

    test_softhsm_setup();
    test_softhsm_token(label);
    token = open_token(fault_module(), label);
    if (token != NULL)
        open_login(token, TEST_USER_PIN);
    fault_forget();
    return token;
}

static void a_session_is_opened_once(void)
{
    struct hsm_token *token = fresh("pool");

    REQUIRE(token != NULL);
    for (int i = 0; i < 100; i++)
        CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    CHECK_INT(fault_calls("C_OpenSession"), 0); /* the login's is used */
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_CloseSession"), 1);
}

static void a_session_to_write_is_closed_and_the_login_stays(void)
{
    struct hsm_token *token = fresh("write");

    REQUIRE(token != NULL);
    for (int i = 0; i < 3; i++)
        CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_USER_FUNCTIONS);
    CHECK_INT(fault_calls("C_OpenSession"), 3);
    CHECK_INT(fault_calls("C_CloseSession"), 3);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

struct counted {
    unsigned runs;
    CK_RV first, second;
    unsigned long epochs[2];
};

static CK_RV count(const struct hsm_session *session, void *arg)
{
    struct counted *counted = arg;

    if (counted->runs < 2)
        counted->epochs[counted->runs] = session->epoch;
    return counted->runs++ == 0 ? counted->first : counted->second;
}

static void a_stale_result_is_tried_once_more(void)
{
    static const CK_RV stale[] = {
        CKR_SESSION_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID,
        CKR_KEY_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_USER_NOT_LOGGED_IN};
    struct hsm_token *token = fresh("stale");

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++) {
        struct counted counted = {.first = stale[i]};

        CHECK_INT(hsm_run(token, HSM_READ, count, &counted), CKR_OK);
        CHECK_INT(counted.runs, 2);
        CHECK(counted.epochs[0] != counted.epochs[1]);
        counted = (struct counted){0, stale[i], stale[i], {0}};
        CHECK_INT(hsm_run(token, HSM_READ, count, &counted), stale[i]);
        CHECK_INT(counted.runs, 2);
    }
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
}

static void other_results_are_not_tried_again(void)
{
    struct hsm_token *token = fresh("other");
    struct counted counted = {.first = CKR_DEVICE_ERROR};

    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_READ, count, &counted), CKR_DEVICE_ERROR);
    CHECK_INT(counted.runs, 1);
    hsm_token_put(token);
    token = open_token(fault_module(), "other"); /* nobody is logged in */
    counted = (struct counted){.first = CKR_USER_NOT_LOGGED_IN};
    CHECK_INT(hsm_run(token, HSM_READ, count, &counted),
              CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(counted.runs, 1);
    hsm_token_put(token);
}

static CK_RV close_all(const struct hsm_session *session, void *arg)
{
    CK_SESSION_INFO info = {0};

    (void)session->f->C_GetSessionInfo(session->handle, &info);
    *(CK_RV *)arg = session->f->C_CloseAllSessions(info.slotID);
    return CKR_OK;
}

static void sessions_closed_by_another_are_opened_anew(void)
{
    struct hsm_token *token = fresh("closed");
    CK_RV rv = CKR_GENERAL_ERROR;

    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_READ, close_all, &rv), CKR_OK);
    CHECK_INT(rv, CKR_OK);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_token_taken_out_and_put_back_goes_on(void)
{
    struct hsm_token *token = fresh("hotplug");

    REQUIRE(token != NULL);
    fault_rules("removed");
    CHECK_INT(open_state_of(token, HSM_READ), CKR_DEVICE_REMOVED + 1000);
    CHECK_INT(open_state_of(token, HSM_READ), CKR_TOKEN_NOT_PRESENT + 1000);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKR_TOKEN_NOT_PRESENT + 1000);
    CHECK_INT(fault_calls("C_Login"), 0);
    fault_rules("");
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_USER_FUNCTIONS);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_token_that_stays_out_is_put_away(void)
{
    struct hsm_token *token = fresh("gone");

    REQUIRE(token != NULL);
    fault_rules("removed");
    CHECK(open_state_of(token, HSM_READ) > 1000);
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_Finalize"), 1);
}

/* As SoftHSM does that read it while another process wrote it. */
static void a_token_that_was_misread_is_read_anew(void)
{
    struct hsm_token *token = fresh("half");
    struct counted counted = {.first = CKR_USER_PIN_NOT_INITIALIZED};

    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_WRITE, count, &counted), CKR_OK);
    CHECK_INT(counted.runs, 2);
    CHECK_INT(fault_calls("C_Finalize"), 1);
    CHECK_INT(fault_calls("C_Initialize"), 1);
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_USER_FUNCTIONS);
    counted = (struct counted){.first = CKR_GENERAL_ERROR};
    fault_rules("fail C_GetTokenInfo CKR_GENERAL_ERROR 0 20");
    CHECK_INT(hsm_run(token, HSM_READ, count, &counted), CKR_OK);
    CHECK_INT(counted.runs, 2);
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_Finalize"), 3);
}

/* What writes is not done twice; what is as it says is not asked for ever. */
static void a_token_that_was_read_well_is_not_read_anew(void)
{
    struct hsm_token *token = fresh("whole");
    struct counted counted = {.first = CKR_GENERAL_ERROR};

    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_READ, count, &counted), CKR_GENERAL_ERROR);
    CHECK_INT(counted.runs, 1);
    fault_rules("flags 0 0x8\n"); /* CKF_USER_PIN_INITIALIZED */
    counted = (struct counted){.first = CKR_USER_PIN_NOT_INITIALIZED};
    CHECK_INT(hsm_run(token, HSM_READ, count, &counted),
              CKR_USER_PIN_NOT_INITIALIZED);
    CHECK_INT(counted.runs, 1);
    fault_rules("fail C_GetTokenInfo CKR_GENERAL_ERROR 0 20");
    counted = (struct counted){.first = CKR_GENERAL_ERROR};
    CHECK_INT(hsm_run(token, HSM_WRITE, count, &counted), CKR_GENERAL_ERROR);
    CHECK_INT(counted.runs, 1);
    CHECK_INT(fault_calls("C_Finalize"), 0);
    hsm_token_put(token);
}

static CK_RV misread(const struct hsm_session *session, void *arg)
{
    (void)session;
    ++*(unsigned *)arg;
    return CKR_USER_PIN_NOT_INITIALIZED;
}

static void a_token_that_stays_misread_is_an_error(void)
{
    struct hsm_token *token = fresh("never");
    unsigned runs = 0;

    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_READ, misread, &runs),
              CKR_USER_PIN_NOT_INITIALIZED);
    CHECK_INT(runs, 5);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
}

static void at_the_limit_an_idle_session_makes_room(void)
{
    struct hsm_token *token = fresh("limit1");

    REQUIRE(token != NULL);
    fault_rules("sessions 1");
    CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_USER_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RW_USER_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_USER_FUNCTIONS);
    hsm_token_put(token);
}

static void without_any_session_there_is_an_error(void)
{
    struct hsm_token *token;

    test_softhsm_setup();
    test_softhsm_token("limit0");
    token = open_token(fault_module(), "limit0");
    REQUIRE(token != NULL);
    fault_rules("sessions 0");
    CHECK_INT(open_state_of(token, HSM_READ), CKR_SESSION_COUNT + 1000);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKR_SESSION_COUNT + 1000);
    hsm_token_put(token);
}

#define THREADS 8
#define TURNS 200

struct crowd {
    struct hsm_token *token;
    enum hsm_mode mode;
    unsigned turns;
    atomic_uint inside, most, bad;
    atomic_ulong users[64]; /* of a handle */
};

static CK_RV crowd_task(const struct hsm_session *session, void *arg)
{
    struct crowd *crowd = arg;
    atomic_ulong *users = &crowd->users[session->handle % 64];
    unsigned now = atomic_fetch_add(&crowd->inside, 1) + 1;
    unsigned most = atomic_load(&crowd->most);
    CK_SESSION_INFO info = {0};
    CK_RV rv;

    while (now > most &&
           !atomic_compare_exchange_weak(&crowd->most, &most, now))
        ;
    if (session->handle < 64 && atomic_fetch_add(users, 1) != 0)
        (void)atomic_fetch_add(&crowd->bad, 1); /* two on one session */
    rv = session->f->C_GetSessionInfo(session->handle, &info);
    if (session->handle < 64)
        (void)atomic_fetch_sub(users, 1);
    (void)atomic_fetch_sub(&crowd->inside, 1);
    return rv;
}

static void *crowd_thread(void *arg)
{
    struct crowd *crowd = arg;

    for (unsigned i = 0; i < crowd->turns; i++)
        if (hsm_run(crowd->token, crowd->mode, crowd_task, crowd) != CKR_OK)
            (void)atomic_fetch_add(&crowd->bad, 1);
    return NULL;
}

static void run_crowd(struct crowd *crowd)
{
    pthread_t threads[THREADS];
    size_t n = 0;

    while (n < THREADS &&
           CHECK(pthread_create(&threads[n], NULL, crowd_thread, crowd) == 0))
        n++;
    while (n > 0)
        (void)pthread_join(threads[--n], NULL);
    CHECK_INT(crowd->bad, 0);
}

static void threads_never_share_a_session(void)
{
    struct hsm_token *token = fresh("crowd");
    struct crowd crowd = {.token = token, .turns = TURNS};

    REQUIRE(token != NULL);
    run_crowd(&crowd);
    CHECK(fault_calls("C_OpenSession") < THREADS);
    hsm_token_put(token);
}

static void threads_wait_for_each_other_at_the_limit(void)
{
    struct hsm_token *token = fresh("queue");
    struct crowd crowd = {.token = token, .turns = TURNS};

    REQUIRE(token != NULL);
    fault_rules("sessions 2");
    run_crowd(&crowd);
    CHECK(crowd.most <= 2);
    hsm_token_put(token);
}

static void writers_wait_for_each_other_at_the_limit(void)
{
    struct hsm_token *token = fresh("writers");
    struct crowd crowd = {
        .token = token, .mode = HSM_WRITE, .turns = TURNS / 10};

    REQUIRE(token != NULL);
    fault_rules("sessions 2");
    run_crowd(&crowd);
    CHECK(crowd.most <= 2);
    CHECK_INT(open_state_of(token, HSM_READ) % 2, 1); /* still the user */
    hsm_token_put(token);
}

/* As an operation with a private key would: its result tells that the login
 * was lost, which the state of a session alone does not. */
static CK_RV needs_user(const struct hsm_session *session, void *arg)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = session->f->C_GetSessionInfo(session->handle, &info);

    (void)arg;
    return rv == CKR_OK && info.state == CKS_RO_PUBLIC_SESSION
               ? CKR_USER_NOT_LOGGED_IN
               : rv;
}

static void *spoil_thread(void *arg)
{
    struct hsm_token *token = arg;

    for (int i = 0; i < 20; i++) {
        CK_RV rv;

        (void)hsm_run(token, HSM_READ, close_all, &rv);
    }
    return NULL;
}

/* Whoever closes all sessions again and again may win now and then; nobody
 * hangs or crashes, and when it is over all is well. */
static void sessions_closed_under_way_do_no_lasting_harm(void)
{
    struct hsm_token *token = fresh("spoilt");
    struct crowd crowd = {.token = token, .turns = TURNS / 4};
    pthread_t spoiler, threads[THREADS];

    REQUIRE(token != NULL);
    REQUIRE(pthread_create(&spoiler, NULL, spoil_thread, token) == 0);
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, crowd_thread, &crowd) == 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_join(spoiler, NULL);
    CHECK_INT(hsm_run(token, HSM_READ, needs_user, NULL), CKR_OK);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(a_session_is_opened_once),
    TEST_CASE(a_session_to_write_is_closed_and_the_login_stays),
    TEST_CASE(a_stale_result_is_tried_once_more),
    TEST_CASE(other_results_are_not_tried_again),
    TEST_CASE(sessions_closed_by_another_are_opened_anew),
    TEST_CASE(a_token_taken_out_and_put_back_goes_on),
    TEST_CASE(a_token_that_stays_out_is_put_away),
    TEST_CASE(a_token_that_was_misread_is_read_anew),
    TEST_CASE(a_token_that_was_read_well_is_not_read_anew),
    TEST_CASE(a_token_that_stays_misread_is_an_error),
    TEST_CASE(at_the_limit_an_idle_session_makes_room),
    TEST_CASE(without_any_session_there_is_an_error),
    TEST_CASE(threads_never_share_a_session),
    TEST_CASE(threads_wait_for_each_other_at_the_limit),
    TEST_CASE(writers_wait_for_each_other_at_the_limit),
    TEST_CASE(sessions_closed_under_way_do_no_lasting_harm),
};
TEST_MAIN("hsm.session", cases)
