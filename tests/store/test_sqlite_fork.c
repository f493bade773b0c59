/* store/sqlite/fork.c: forks and threads with databases that are open */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlite_rig.h"

#define N_THREADS 4
#define N_FORKS 40
#define N_PUTS 30

static int ended(pid_t child)
{
    int status = -1;

    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

/* Open files of this process whose name has keys.db in it. */
static int files_open(void)
{
    char path[64], target[500];
    int n = 0;

    for (int fd = 0; fd < 256; fd++) {
        ssize_t len;

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        len = readlink(path, target, sizeof(target) - 1);
        if (len < 0)
            continue;
        target[len] = '\0';
        n += strstr(target, RIG_FILE) != NULL;
    }
    return n;
}

static void a_child_inherits_no_connection_and_makes_its_own(void)
{
    void *store = rig_open();
    pid_t child;

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    CHECK(files_open() > 0);
    child = fork();
    if (child == 0) {
        if (files_open() != 0)
            _exit(1);
        if (rig_get(store, "k", "a", NULL) != KS_OK)
            _exit(2);
        if (ks_sqlite_backend.put(store, "child", rig_record("b"), NULL) !=
            KS_OK)
            _exit(3);
        rig_close(store);
        _exit(0);
    }
    CHECK_INT(ended(child), 0);
    CHECK_RC(rig_get(store, "child", "b", NULL), KS_OK);
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    rig_close(store);
}

static void a_child_that_only_ends_disturbs_nothing(void)
{
    void *store = rig_open();
    pid_t child;

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    child = fork();
    if (child == 0) {
        rig_close(store);
        _exit(0);
    }
    CHECK_INT(ended(child), 0);
    CHECK_RC(rig_put(store, "l", "b"), KS_OK);
    CHECK_INT(rig_count(store), 2);
    rig_close(store);
}

/* Past pthread_atfork, so that the connection is inherited after all. */
static void a_clone_is_refused_and_disturbs_nothing(void)
{
    void *store = rig_open();
    pid_t child;

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        struct ks_err err = {0};

        if (rig_get(store, "k", "a", &err) != KS_E_IO ||
            strstr(err.text, "cloned") == NULL)
            _exit(1);
        rig_close(store);
        _exit(0);
    }
    CHECK_INT(ended(child), 0);
    CHECK_RC(rig_put(store, "l", "b"), KS_OK);
    CHECK_INT(rig_count(store), 2);
    rig_close(store);
}

struct worker {
    void *store;
    atomic_bool *stop;
    unsigned number;
    unsigned done, failed;
};

static void *reads_and_writes(void *arg)
{
    struct worker *worker = arg;
    char name[32];

    while (!atomic_load(worker->stop)) {
        (void)snprintf(name, sizeof(name), "t%u-%u", worker->number,
                       worker->done);
        if (ks_sqlite_backend.put(worker->store, name, rig_record(name),
                                  NULL) != KS_OK ||
            rig_get(worker->store, name, name, NULL) != KS_OK ||
            rig_get(worker->store, "k", "a", NULL) != KS_OK)
            worker->failed++;
        worker->done++;
    }
    return NULL;
}

static void forks_amid_threads_find_every_key(void)
{
    struct worker workers[N_THREADS];
    pthread_t threads[N_THREADS];
    atomic_bool stop = false;
    void *store = rig_open();
    unsigned total = 1;

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    for (unsigned i = 0; i < N_THREADS; i++) {
        workers[i] =
            (struct worker){.store = store, .stop = &stop, .number = i};
        REQUIRE(pthread_create(&threads[i], NULL, reads_and_writes,
                               &workers[i]) == 0);
    }
    for (int i = 0; i < N_FORKS; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(rig_get(store, "k", "a", NULL) == KS_OK ? 0 : 1);
        CHECK_INT(ended(child), 0);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < N_THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK_INT(workers[i].failed, 0);
        CHECK(workers[i].done > 0);
        total += workers[i].done;
    }
    CHECK_INT(rig_count(store), total);
    rig_close(store);
}

static void *opens_and_closes(void *arg)
{
    struct worker *worker = arg;

    while (!atomic_load(worker->stop)) {
        void *store = rig_open();

        worker->failed += rig_get(store, "k", "a", NULL) != KS_OK;
        rig_close(store);
        worker->done++;
    }
    return NULL;
}

static void stores_come_and_go_amid_forks(void)
{
    struct worker workers[2];
    pthread_t threads[2];
    atomic_bool stop = false;
    void *store = rig_open();

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    for (unsigned i = 0; i < 2; i++) {
        workers[i] = (struct worker){.stop = &stop, .number = i};
        REQUIRE(pthread_create(&threads[i], NULL, opens_and_closes,
                               &workers[i]) == 0);
    }
    for (int i = 0; i < N_FORKS; i++) {
        pid_t child = fork();

        if (child == 0) {
            void *own = rig_open();

            _exit(rig_get(own, "k", "a", NULL) == KS_OK &&
                          rig_get(store, "k", "a", NULL) == KS_OK
                      ? 0
                      : 1);
        }
        CHECK_INT(ended(child), 0);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK_INT(workers[i].failed, 0);
    }
    rig_close(store);
}

static const struct test_case cases[] = {
    TEST_CASE(a_child_inherits_no_connection_and_makes_its_own),
    TEST_CASE(a_child_that_only_ends_disturbs_nothing),
    TEST_CASE(a_clone_is_refused_and_disturbs_nothing),
    TEST_CASE(forks_amid_threads_find_every_key),
    TEST_CASE(stores_come_and_go_amid_forks),
};
TEST_MAIN("store.sqlite_fork", cases)
