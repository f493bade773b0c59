/*
 * Processes that fork before, after and while they use a token.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ckr.h"
#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

#define CHILD_SECONDS 60 /* under valgrind; a hang fails the test */

static struct hsm_token *fresh(const char *path, const char *label)
{
    struct hsm_token *token;

    test_softhsm_token(label);
    open_make_key(label);
    token = open_token(path, label);
    if (token != NULL)
        open_login(token, TEST_USER_PIN);
    return token;
}

/* LeakSanitizer asks. What threads of the parent held is lost in its child:
 * libcrypto's own memory of each, for one. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
static bool threads_are_lost;

int __lsan_is_turned_off(void)
{
    return threads_are_lost;
}

/* A child's life: its result is the exit status, through exit(); but not amid
 * threads: if one of them held libcrypto's lock of all threads, its
 * OPENSSL_cleanup would wait for that for ever. */
typedef int life(void *arg);

static pid_t begin(life *live, void *arg)
{
    pid_t pid;
    int status;

    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        (void)alarm(CHILD_SECONDS);
        status = live(arg);
        if (threads_are_lost)
            _exit(status);
        exit(status);
    }
    return pid;
}

/* The child's exit status; 1000 + the signal that ended it. */
static int end(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int in_child(life *live, void *arg)
{
    return end(begin(live, arg));
}

static int sign(void *arg)
{
    CK_RV rv = CKR_OK;

    for (int i = 0; i < 5 && rv == CKR_OK; i++)
        rv = hsm_run(arg, HSM_READ, open_sign, NULL);
    if (rv != CKR_OK)
        (void)fprintf(stderr, "    signing: %s\n", hsm_ckr_name(rv));
    return rv != CKR_OK;
}

static int sign_and_put(void *arg)
{
    int failed = sign(arg);

    hsm_token_put(arg);
    return failed;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int put(void *arg)
{
    hsm_token_put(arg);
    return 0;
}

static int sign_in_grandchild(void *arg)
{
    return sign(arg) + in_child(sign, arg) + sign(arg);
}

static void a_child_uses_what_the_parent_opened(void)
{
    struct hsm_token *token;

    test_softhsm_setup();
    token = fresh(test_softhsm(), "parent");
    REQUIRE(token != NULL);
    CHECK_INT(in_child(sign, token), 0); /* before the parent's first */
    CHECK_INT(sign(token), 0);
    CHECK_INT(in_child(sign, token), 0);
    CHECK_INT(in_child(sign_and_put, token), 0);
    CHECK_INT(in_child(sign_in_grandchild, token), 0);
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
}

static void a_child_that_uses_nothing_calls_nothing(void)
{
    struct hsm_token *token;

    test_softhsm_setup();
    token = fresh(fault_module(), "idle");
    REQUIRE(token != NULL);
    CHECK_INT(sign(token), 0);
    fault_forget();
    CHECK_INT(in_child(nothing, token), 0);
    CHECK_INT(in_child(put, token), 0);
    CHECK_INT(fault_calls("C_Initialize") + fault_calls("C_Finalize") +
                  fault_calls("C_CloseSession") + fault_calls("C_Logout"),
              0);
    CHECK_INT(sign(token), 0);
    CHECK_INT(fault_calls("C_OpenSession"), 0);
    hsm_token_put(token);
}

static void a_child_initialises_and_finalises_its_own(void)
{
    struct hsm_token *token;

    test_softhsm_setup();
    token = fresh(fault_module(), "own");
    REQUIRE(token != NULL);
    fault_forget();
    CHECK_INT(in_child(sign, token), 0);
    CHECK_INT(fault_calls("C_Initialize"), 1);
    CHECK_INT(fault_calls("C_Finalize"), 1);
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_Finalize"), 2);
}

/* A module that notices forks starts with nobody logged in. */
static void a_module_that_notices_forks_gets_the_pin_again(void)
{
    struct hsm_token *token;
    size_t len = 0;
    char *conf, text[600];
    const char *name;

    test_softhsm_setup();
    name = strrchr(getenv("SOFTHSM2_CONF"), '/') + 1;
    conf = test_read(name, &len);
    (void)snprintf(text, sizeof(text), "%slibrary.reset_on_fork = true\n",
                   conf != NULL ? conf : "");
    free(conf);
    test_write(name, text, strlen(text), 0600);
    token = fresh(fault_module(), "notices");
    REQUIRE(token != NULL);
    CHECK_INT(sign(token), 0);
    fault_forget();
    CHECK_INT(in_child(sign, token), 0);
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_INT(in_child(sign_in_grandchild, token), 0);
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
}

static int open_and_sign(void *arg)
{
    struct hsm_token *token = open_token(arg, "later");
    int failed;

    if (token == NULL)
        return 1;
    open_login(token, TEST_USER_PIN);
    failed = sign(token);
    hsm_token_put(token);
    return failed;
}

static void a_fork_before_the_first_use_is_no_trouble(void)
{
    test_softhsm_setup();
    test_softhsm_token("later");
    open_make_key("later");
    CHECK_INT(in_child(open_and_sign, (void *)test_softhsm()), 0);
    CHECK_INT(open_and_sign((void *)test_softhsm()), 0);
    CHECK_INT(in_child(open_and_sign, (void *)test_softhsm()), 0);
}

#define CHILDREN 6

static void many_children_work_at_once(void)
{
    struct hsm_token *token;
    pid_t pids[CHILDREN];

    test_softhsm_setup();
    token = fresh(test_softhsm(), "many");
    REQUIRE(token != NULL);
    for (size_t i = 0; i < CHILDREN; i++)
        pids[i] = begin(i % 2 == 0 ? sign : sign_and_put, token);
    CHECK_INT(sign(token), 0);
    for (size_t i = 0; i < CHILDREN; i++)
        CHECK_INT(end(pids[i]), 0);
    hsm_token_put(token);
}

#define THREADS 4
#define FORKS 20

/* AddressSanitizer's allocator (gcc 12) is not ready for forks amid threads:
 * now and then a child waits for its lock for ever. */
#ifndef __SANITIZE_ADDRESS__
/* All threads have begun, and signed, before the first fork. */
struct busy {
    struct hsm_token *token;
    pthread_barrier_t begun;
    atomic_bool stop;
    atomic_uint bad;
};

static void *sign_until_stopped(void *arg)
{
    struct busy *busy = arg;

    (void)hsm_run(busy->token, HSM_READ, open_sign, NULL);
    (void)pthread_barrier_wait(&busy->begun);
    while (!atomic_load(&busy->stop))
        if (hsm_run(busy->token, HSM_READ, open_sign, NULL) != CKR_OK)
            (void)atomic_fetch_add(&busy->bad, 1);
    return NULL;
}

static void a_fork_amid_busy_threads_leaves_no_lock_behind(void)
{
    struct busy busy = {0};
    pthread_t threads[THREADS];

    test_softhsm_setup();
    busy.token = fresh(test_softhsm(), "busy");
    REQUIRE(busy.token != NULL);
    REQUIRE(pthread_barrier_init(&busy.begun, NULL, THREADS + 1) == 0);
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, sign_until_stopped, &busy) ==
                0);
    (void)pthread_barrier_wait(&busy.begun);
    threads_are_lost = true;
    for (int i = 0; i < FORKS; i++)
        CHECK_INT(in_child(i % 2 == 0 ? sign : sign_and_put, busy.token), 0);
    atomic_store(&busy.stop, true);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&busy.begun);
    threads_are_lost = false;
    CHECK_INT(busy.bad, 0);
    CHECK_INT(sign(busy.token), 0);
    hsm_token_put(busy.token);
}

struct forker {
    struct hsm_token *token;
    pthread_barrier_t *begun;
    int failed;
};

static void *fork_thread(void *arg)
{
    struct forker *forker = arg;

    forker->failed = sign(forker->token);
    (void)pthread_barrier_wait(forker->begun);
    for (int i = 0; i < 5; i++)
        forker->failed += in_child(sign, forker->token) != 0;
    return NULL;
}

static void threads_fork_at_once(void)
{
    struct forker forkers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t begun;
    struct hsm_token *token;

    test_softhsm_setup();
    token = fresh(test_softhsm(), "forkers");
    REQUIRE(token != NULL);
    threads_are_lost = true;
    REQUIRE(pthread_barrier_init(&begun, NULL, THREADS) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        forkers[i] = (struct forker){token, &begun, 0};
        REQUIRE(pthread_create(&threads[i], NULL, fork_thread, &forkers[i]) ==
                0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        CHECK_INT(forkers[i].failed, 0);
    }
    (void)pthread_barrier_destroy(&begun);
    threads_are_lost = false;
    hsm_token_put(token);
}

#endif

static void *slow_call(void *arg)
{
    (void)open_state_of(arg, HSM_READ);
    return NULL;
}

/* A call that takes longer than a fork waits for. */
static void a_fork_does_not_wait_for_ever(void)
{
    struct hsm_token *token;
    pthread_t thread;

    test_softhsm_setup();
    token = fresh(fault_module(), "slow");
    REQUIRE(token != NULL);
    fault_rules("delay C_GetSessionInfo 4000");
    REQUIRE(pthread_create(&thread, NULL, slow_call, token) == 0);
    threads_are_lost = true;
    (void)usleep(100000);
    CHECK_INT(in_child(sign, token), 0);
    (void)pthread_join(thread, NULL);
    threads_are_lost = false;
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
}

static CK_RV fork_task(const struct hsm_session *session, void *arg)
{
    CK_SESSION_INFO info;
    pid_t pid = fork();

    if (pid == 0)
        exit(0);
    *(int *)arg = end(pid);
    return session->f->C_GetSessionInfo(session->handle, &info);
}

/* Some modules start a program of theirs. */
static void a_fork_from_inside_a_module_does_not_hang(void)
{
    struct hsm_token *token;
    int status = -1;

    test_softhsm_setup();
    token = fresh(test_softhsm(), "inside");
    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_READ, fork_task, &status), CKR_OK);
    CHECK_INT(status, 0);
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
}

static atomic_bool is_asked;

static ks_rc ask_slowly(void *arg, const struct ks_question *question,
                        struct ks_secret *secret, struct ks_err *err)
{
    (void)arg;
    (void)err;
    if (question->quiet)
        return KS_E_SECRET_MISSING;
    atomic_store(&is_asked, true);
    (void)usleep(300000);
    return ks_secret_set(secret, TEST_USER_PIN, strlen(TEST_USER_PIN));
}

static void *log_in_slowly(void *arg)
{
    struct ks_ask ask = {ask_slowly, NULL};
    struct ks_err err = {0};

    CHECK_OK(hsm_login(arg, NULL, "keystore://hsm/key", &ask, &err), &err);
    return NULL;
}

static int log_in_and_sign(void *arg)
{
    open_login(arg, TEST_USER_PIN);
    return hsm_is_logged_in(arg) ? sign(arg) : 1;
}

static void a_fork_while_a_person_is_asked_leaves_the_login_free(void)
{
    struct hsm_token *token;
    pthread_t thread;

    test_softhsm_setup();
    test_softhsm_token("asked");
    open_make_key("asked");
    token = open_token(test_softhsm(), "asked");
    REQUIRE(token != NULL);
    REQUIRE(pthread_create(&thread, NULL, log_in_slowly, token) == 0);
    threads_are_lost = true;
    while (!atomic_load(&is_asked))
        (void)usleep(1000);
    CHECK_INT(in_child(log_in_and_sign, token), 0);
    (void)pthread_join(thread, NULL);
    threads_are_lost = false;
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
}

static int exec_true(void *arg)
{
    if (sign(arg) != 0)
        return 1;
    (void)execlp("true", "true", (char *)NULL);
    return 2;
}

static void a_child_may_become_another_program(void)
{
    struct hsm_token *token;

    test_softhsm_setup();
    token = fresh(test_softhsm(), "exec");
    REQUIRE(token != NULL);
    CHECK_INT(in_child(exec_true, token), 0);
    CHECK_INT(sign(token), 0);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(a_child_uses_what_the_parent_opened),
    TEST_CASE(a_child_that_uses_nothing_calls_nothing),
    TEST_CASE(a_child_initialises_and_finalises_its_own),
    TEST_CASE(a_module_that_notices_forks_gets_the_pin_again),
    TEST_CASE(a_fork_before_the_first_use_is_no_trouble),
    TEST_CASE(many_children_work_at_once),
#ifndef __SANITIZE_ADDRESS__
    TEST_CASE(a_fork_amid_busy_threads_leaves_no_lock_behind),
    TEST_CASE(threads_fork_at_once),
#endif
    TEST_CASE(a_fork_does_not_wait_for_ever),
    TEST_CASE(a_fork_from_inside_a_module_does_not_hang),
    TEST_CASE(a_fork_while_a_person_is_asked_leaves_the_login_free),
    TEST_CASE(a_child_may_become_another_program),
};
TEST_MAIN("hsm.fork", cases)
