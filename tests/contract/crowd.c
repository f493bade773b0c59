/*
 * Many processes at one place for a minute: four write, eight read, and no
 * one sees an error, nor loses a key. Then the same with writers who are
 * killed at any moment.
 *
 * CROWD_SECONDS in the environment: for how long (60).
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contract.h"
#include "tmpdir.h"

#define N_WRITERS 4
#define N_READERS 8
#define N_STEADY 20
#define N_KEPT 40 /* of its newest keys a writer keeps as many */
#define N_KILLS 80
#define LIFE_MAX_US 60000

/* What all processes see. Key i of a writer is there for sure if
 * removed <= i < saved, and surely not if i >= saving or i < gone. */
struct writer {
    atomic_uint saving, saved, removed, gone;
    atomic_uint reseals;
};

struct shared {
    struct writer writers[N_WRITERS];
    atomic_uint loads, lists, errors;
    atomic_bool over;
    char first_error[256];
};

static struct shared *shared;
static struct test_key key;

static void complain(const char *what, const char *name, ks_rc rc)
{
    if (atomic_fetch_add(&shared->errors, 1) == 0)
        (void)snprintf(shared->first_error, sizeof(shared->first_error),
                       "%s %s: %d", what, name, (int)rc);
}

static const char *name_of(unsigned writer, unsigned i, char name[32])
{
    (void)snprintf(name, 32, "w%u-%u", writer, i);
    return name;
}

/* ---- writers ---- */

static void add_key(void *store, unsigned number)
{
    struct writer *writer = &shared->writers[number];
    char name[32];
    unsigned i = atomic_fetch_add(&writer->saving, 1);
    ks_rc rc = contract_quiet_save(store, name_of(number, i, name), &key, "x");

    if (rc != KS_OK)
        complain("save", name, rc);
    atomic_store(&writer->saved, i + 1);
}

static void remove_oldest(void *store, unsigned number)
{
    struct writer *writer = &shared->writers[number];
    char name[32];
    unsigned i = atomic_fetch_add(&writer->removed, 1);
    ks_rc rc = contract_remove(store, name_of(number, i, name));

    if (rc != KS_OK)
        complain("remove", name, rc);
    atomic_store(&writer->gone, i + 1);
}

/* One of the steady keys, which no other writer touches, gets a new seal and
 * then the old one again: readers try both passphrases. */
static void reseal_own(void *store, unsigned number)
{
    char name[32];
    ks_rc rc;

    (void)snprintf(name, sizeof(name), "steady-%u", number);
    rc = contract_reseal(store, name, "x", "y");
    if (rc == KS_OK)
        rc = contract_reseal(store, name, "y", "x");
    if (rc != KS_OK)
        complain("reseal", name, rc);
    (void)atomic_fetch_add(&shared->writers[number].reseals, 2);
}

static void write_keys(void *store, unsigned number)
{
    const struct writer *writer = &shared->writers[number];

    while (!atomic_load(&shared->over)) {
        add_key(store, number);
        if (atomic_load(&writer->saved) - atomic_load(&writer->removed) >
            N_KEPT)
            remove_oldest(store, number);
        reseal_own(store, number);
    }
}

/* ---- readers ---- */

/* A key that was there before and after it was asked for was there. */
static void read_any(void *store)
{
    unsigned number = (unsigned)random() % N_WRITERS;
    struct writer *writer = &shared->writers[number];
    unsigned removed = atomic_load(&writer->removed),
             saved = atomic_load(&writer->saved), i;
    char name[32];
    ks_rc rc;

    if (saved <= removed)
        return;
    i = removed + (unsigned)random() % (saved - removed);
    rc = contract_quiet_load(store, name_of(number, i, name), "x");
    if (rc == KS_E_NOT_FOUND && i < atomic_load(&writer->removed))
        rc = KS_OK; /* it was removed meanwhile */
    if (rc != KS_OK)
        complain("load", name, rc);
    (void)atomic_fetch_add(&shared->loads, 1);
}

static void read_steady(void *store)
{
    char name[32];
    ks_rc rc;

    (void)snprintf(name, sizeof(name), "steady-%u",
                   (unsigned)random() % N_STEADY);
    rc = contract_load(store, name, "x", "y");
    if (rc != KS_OK)
        complain("load", name, rc);
    (void)atomic_fetch_add(&shared->loads, 1);
}

struct survey {
    unsigned steady[N_STEADY];
};

static ks_rc count_steady(void *arg, const char *name, struct ks_err *err)
{
    struct survey *survey = arg;
    unsigned i;

    (void)err;
    if (sscanf(name, "steady-%u", &i) == 1 && i < N_STEADY)
        survey->steady[i]++;
    return KS_OK;
}

static void list_all(void *store)
{
    struct survey survey = {0};
    ks_rc rc = subject.backend->list(store, count_steady, &survey, NULL);

    if (rc != KS_OK)
        complain("list", "all", rc);
    for (unsigned i = 0; i < N_STEADY; i++)
        if (survey.steady[i] != 1)
            complain("list", "a steady key not once", (ks_rc)i);
    (void)atomic_fetch_add(&shared->lists, 1);
}

static void read_keys(void *store, unsigned number)
{
    srandom(number + 1);
    while (!atomic_load(&shared->over)) {
        for (unsigned i = 0; i < 20; i++) {
            read_any(store);
            read_steady(store);
        }
        list_all(store);
    }
}

/* ---- all of them ---- */

static pid_t start(void (*work)(void *store, unsigned number), unsigned number)
{
    pid_t child = fork();

    if (child == 0) {
        void *store = contract_open();

        work(store, number);
        subject.backend->close(store);
        _exit(0);
    }
    return child;
}

static unsigned seconds(void)
{
    const char *text = getenv("CROWD_SECONDS");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 60;
}

/* Before there are processes: a folder, a key, and keys that stay. */
static void *make_place(void)
{
    void *store = contract_open();
    char name[32];

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    test_key_make("ED25519", &key);
    for (unsigned i = 0; i < N_STEADY; i++) {
        (void)snprintf(name, sizeof(name), "steady-%u", i);
        CHECK_RC(contract_save(store, name, &key, "x"), KS_OK);
    }
    return store;
}

static void leave_place(void *store)
{
    CHECK_STR(shared->first_error, "");
    CHECK_INT(shared->errors, 0);
    subject.backend->close(store);
    test_key_clear(&key);
    (void)munmap(shared, sizeof(*shared));
}

/* All that was saved is there, each once, and nothing else. */
static void check_all(void *store)
{
    unsigned want = N_STEADY;

    for (unsigned w = 0; w < N_WRITERS; w++) {
        struct writer *writer = &shared->writers[w];
        unsigned saved = atomic_load(&writer->saved);
        char name[32];

        CHECK(saved > 0);
        for (unsigned i = atomic_load(&writer->removed); i < saved; i++) {
            name_of(w, i, name);
            CHECK_RC(contract_load(store, name, "x", NULL), KS_OK);
            want++;
        }
    }
    CHECK_INT(contract_count(store), want);
}

static void report(void)
{
    unsigned saved = 0, removed = 0, reseals = 0;

    for (unsigned w = 0; w < N_WRITERS; w++) {
        saved += atomic_load(&shared->writers[w].saved);
        removed += atomic_load(&shared->writers[w].removed);
        reseals += atomic_load(&shared->writers[w].reseals);
    }
    (void)printf("%u saved, %u removed, %u sealed anew; %u loads, %u lists\n",
                 saved, removed, reseals, atomic_load(&shared->loads),
                 atomic_load(&shared->lists));
}

static void four_write_and_eight_read_and_nothing_is_lost(void)
{
    void *store = make_place();
    pid_t children[N_WRITERS + N_READERS];
    int status;

    for (unsigned i = 0; i < N_WRITERS; i++)
        children[i] = start(write_keys, i);
    for (unsigned i = 0; i < N_READERS; i++)
        children[N_WRITERS + i] = start(read_keys, i);
    (void)sleep(seconds());
    atomic_store(&shared->over, true);
    for (unsigned i = 0; i < N_WRITERS + N_READERS; i++)
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    report();
    check_all(store);
    CHECK(atomic_load(&shared->lists) > 0);
    leave_place(store);
}

/* What a writer was at when it was killed is there or is not; it goes on from
 * there. */
static void take_over(void *store, unsigned number)
{
    struct writer *writer = &shared->writers[number];
    char name[32];
    ks_rc rc;

    if (atomic_load(&writer->gone) < atomic_load(&writer->removed)) {
        name_of(number, atomic_load(&writer->gone), name);
        rc = contract_remove(store, name);
        if (rc != KS_OK && rc != KS_E_NOT_FOUND)
            complain("remove again", name, rc);
        atomic_store(&writer->gone, atomic_load(&writer->removed));
    }
    if (atomic_load(&writer->saved) < atomic_load(&writer->saving)) {
        name_of(number, atomic_load(&writer->saved), name);
        rc = contract_quiet_save(store, name, &key, "x");
        if (rc != KS_OK && rc != KS_E_EXISTS)
            complain("save again", name, rc);
        atomic_store(&writer->saved, atomic_load(&writer->saving));
    }
    (void)snprintf(name, sizeof(name), "steady-%u", number);
    if (contract_quiet_load(store, name, "x") != KS_OK) {
        rc = contract_reseal(store, name, "y", "x");
        if (rc != KS_OK)
            complain("reseal again", name, rc);
    }
}

static void write_on(void *store, unsigned number)
{
    take_over(store, number);
    write_keys(store, number);
}

static void writers_who_are_killed_lose_nothing_of_others(void)
{
    void *store = make_place();
    pid_t writers[N_WRITERS], readers[2];
    int status;

    srandom((unsigned)time(NULL));
    for (unsigned i = 0; i < N_WRITERS; i++)
        writers[i] = start(write_on, i);
    for (unsigned i = 0; i < 2; i++)
        readers[i] = start(read_keys, i);
    for (unsigned i = 0; i < N_KILLS; i++) {
        unsigned number = (unsigned)random() % N_WRITERS;

        (void)usleep((useconds_t)(random() % LIFE_MAX_US));
        (void)kill(writers[number], SIGKILL);
        CHECK(waitpid(writers[number], &status, 0) == writers[number] &&
              WIFSIGNALED(status));
        writers[number] = start(write_on, number);
    }
    /* Each gets to save something, however loaded the machine is. */
    for (unsigned w = 0; w < N_WRITERS; w++)
        while (atomic_load(&shared->writers[w].saved) == 0)
            (void)usleep(1000);
    atomic_store(&shared->over, true);
    for (unsigned i = 0; i < N_WRITERS; i++)
        CHECK(waitpid(writers[i], &status, 0) == writers[i] && status == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(waitpid(readers[i], &status, 0) == readers[i] && status == 0);
    report();
    check_all(store);
    CHECK_INT(subject.leftovers(), 0);
    leave_place(store);
}

static const struct test_case cases[] = {
    TEST_CASE(four_write_and_eight_read_and_nothing_is_lost),
    TEST_CASE(writers_who_are_killed_lose_nothing_of_others),
};
TEST_MAIN("contract.crowd", cases)
