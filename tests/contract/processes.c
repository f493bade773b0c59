/*
 * What a backend whose keys outlive the process has to keep when several
 * processes write, and when one of them is killed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contract.h"
#include "tmpdir.h"

#define N_PROCESSES 4
#define N_KEYS 8
#define N_KILLS 60
#define KILL_AFTER_MAX_US 15000

/* Runs WORK in a process of its own, which ends with what it returns. */
static pid_t start(int (*work)(void *store, unsigned number,
                               const struct test_key *key),
                   unsigned number, const struct test_key *key)
{
    pid_t child;

    (void)test_dir(); /* so that the child has no other */
    if (subject.prepare != NULL)
        subject.prepare();
    child = fork();
    if (child == 0) {
        void *store = contract_open();
        int result = work(store, number, key);

        subject.backend->close(store);
        _exit(result);
    }
    return child;
}

static int result_of(pid_t child)
{
    int status = -1;

    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

/* The number of names it was the first to take; 100 if something failed. */
static int take_names(void *store, unsigned number, const struct test_key *key)
{
    char name[32];
    int won = 0;

    for (unsigned i = 0; i < N_KEYS; i++) {
        ks_rc rc;

        (void)snprintf(name, sizeof(name), "shared-%u", i);
        rc = contract_save(store, name, key, "x");
        if (rc != KS_OK && rc != KS_E_EXISTS)
            return 100;
        won += rc == KS_OK;
        (void)snprintf(name, sizeof(name), "own-%u-%u", number, i);
        if (contract_save(store, name, key, "x") != KS_OK ||
            contract_load(store, name, "x", NULL) != KS_OK)
            return 100;
    }
    return won;
}

static void of_processes_that_take_one_name_one_wins(void)
{
    pid_t children[N_PROCESSES];
    struct test_key key;
    void *store;
    char name[32];
    int won = 0;

    test_key_make("ED25519", &key);
    for (unsigned i = 0; i < N_PROCESSES; i++)
        children[i] = start(take_names, i, &key);
    for (unsigned i = 0; i < N_PROCESSES; i++)
        won += result_of(children[i]);
    CHECK_INT(won, N_KEYS);
    store = contract_open();
    CHECK_INT(contract_count(store), N_KEYS * (N_PROCESSES + 1));
    for (unsigned i = 0; i < N_KEYS; i++) {
        (void)snprintf(name, sizeof(name), "shared-%u", i);
        CHECK_RC(contract_load(store, name, "x", NULL), KS_OK);
    }
    subject.backend->close(store);
    test_key_clear(&key);
}

/* 0 if it changed the passphrase, 1 if another process was first. */
static int change_secret(void *store, unsigned number,
                         const struct test_key *key)
{
    char secret[32];
    ks_rc rc;

    (void)key;
    (void)snprintf(secret, sizeof(secret), "new-%u", number);
    rc = contract_reseal(store, "k", "old", secret);
    if (rc == KS_OK)
        return 0;
    return rc == KS_E_BUSY || rc == KS_E_SECRET_WRONG ? 1 : 100;
}

/* Each has read the old sealing; only one may put its own in its place, and
 * that one must be the one that stays. */
static void of_processes_that_reseal_one_key_one_wins(void)
{
    struct test_key key;

    test_key_make("ED25519", &key);
    for (unsigned round = 0; round < 10; round++) {
        pid_t children[N_PROCESSES];
        unsigned winner = 0, won = 0;
        char secret[32];
        void *store = contract_open();

        CHECK_RC(contract_save(store, "k", &key, "old"), KS_OK);
        for (unsigned i = 0; i < N_PROCESSES; i++)
            children[i] = start(change_secret, i, &key);
        for (unsigned i = 0; i < N_PROCESSES; i++) {
            int result = result_of(children[i]);

            CHECK(result == 0 || result == 1);
            if (result == 0) {
                winner = i;
                won++;
            }
        }
        CHECK_INT(won, 1);
        (void)snprintf(secret, sizeof(secret), "new-%u", winner);
        CHECK_RC(contract_load(store, "k", secret, NULL), KS_OK);
        CHECK_RC(contract_remove(store, "k"), KS_OK);
        subject.backend->close(store);
    }
    test_key_clear(&key);
}

/* Saves, reseals and removes until it is killed. */
static int write_for_ever(void *store, unsigned number,
                          const struct test_key *key)
{
    char name[32];

    for (unsigned i = 0; i < 1000000; i++) { /* never so far */
        (void)snprintf(name, sizeof(name), "k-%u-%u", number, i);
        (void)contract_save(store, name, key, "one");
        (void)contract_reseal(store, "steady", i % 2 == 0 ? "one" : "two",
                              i % 2 == 0 ? "two" : "one");
        if (i % 3 == 0)
            (void)contract_remove(store, name);
    }
    return 0;
}

struct survey {
    void *store;
    unsigned n, bad;
};

static ks_rc look(void *arg, const char *name, struct ks_err *err)
{
    struct survey *survey = arg;

    (void)err;
    survey->n++;
    survey->bad += contract_load(survey->store, name, "one", "two") != KS_OK;
    return KS_OK;
}

/* Whether what was killed left anything that is half a key, or a lock. */
static void check_all_is_whole(void *store)
{
    struct survey survey = {.store = store};
    struct ks_err err = {0};

    CHECK_OK(subject.backend->list(store, look, &survey, &err), &err);
    CHECK_INT(survey.bad, 0);
    CHECK(survey.n > 0);
    /* The writer may have left it at either. */
    (void)contract_reseal(store, "steady", "two", "one");
    CHECK_RC(contract_load(store, "steady", "one", NULL), KS_OK);
}

static void a_killed_writer_leaves_whole_keys(void)
{
    void *store = contract_open();
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "steady", &key, "one"), KS_OK);
    srandom((unsigned)time(NULL));
    for (unsigned i = 0; i < N_KILLS; i++) {
        pid_t child = start(write_for_ever, i, &key);
        int status;

        (void)usleep((useconds_t)(random() % KILL_AFTER_MAX_US));
        (void)kill(child, SIGKILL);
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        check_all_is_whole(store);
    }
    /* What was left behind goes with the next write. */
    CHECK_RC(contract_save(store, "last", &key, "one"), KS_OK);
    CHECK_INT(contract_listed(store, "last"), 1);
    CHECK_INT(subject.leftovers(), 0);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void keys_outlive_the_store_that_saved_them(void)
{
    void *first = contract_open(), *second;
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(first, "k", &key, "x"), KS_OK);
    second = contract_open();
    CHECK_RC(contract_load(second, "k", "x", NULL), KS_OK);
    CHECK_RC(contract_remove(second, "k"), KS_OK);
    CHECK_RC(contract_load(first, "k", "x", NULL), KS_E_NOT_FOUND);
    subject.backend->close(first);
    subject.backend->close(second);
    test_key_clear(&key);
}

static const struct test_case cases[] = {
    TEST_CASE(keys_outlive_the_store_that_saved_them),
    TEST_CASE(of_processes_that_take_one_name_one_wins),
    TEST_CASE(of_processes_that_reseal_one_key_one_wins),
    TEST_CASE(a_killed_writer_leaves_whole_keys),
};

/* Keys that stay inside are not sealed by us, nor written by files of ours. */
static const struct test_case inside_cases[] = {
    TEST_CASE(keys_outlive_the_store_that_saved_them),
    TEST_CASE(of_processes_that_take_one_name_one_wins),
};

#define N_OF(cases) (sizeof(cases) / sizeof((cases)[0]))

int main(int argc, char **argv)
{
    if (subject.inside)
        return test_run("contract.processes", inside_cases, N_OF(inside_cases),
                        argc, argv);
    return test_run("contract.processes", cases, N_OF(cases), argc, argv);
}
