/*
 * Processes that end, in every order: exit_program.c ends them. And the
 * shared object that holds hsm/, unloaded and loaded again.
 */
#include <dlfcn.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

extern char **environ;

/* The status of the program, 1000 + the signal that ended it. */
static int run(const char *how, const char *path)
{
    const char *const args[] = {EXIT_PROGRAM, how, path, "exit", NULL};
    int status = 0;
    pid_t pid;

    if (posix_spawn(&pid, args[0], NULL, NULL, (char *const *)args, environ) !=
            0 ||
        waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void setup(void)
{
    test_softhsm_setup();
    test_softhsm_token("exit");
    open_make_key("exit");
}

static void every_end_is_a_clean_one(void)
{
    static const char *const ends[] = {
        "return",      "put",       "module-only",    "put-late",    "use-late",
        "return-busy", "put-busy",  "exit-in-thread", "fork-unused", "fork",
        "fork-idle",   "fork-busy", "parent-first",   "exec",        "quick",
        "exit-inside", "again"};

    setup();
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        for (int turn = 0; turn < 5; turn++)
            if (!CHECK_INT(run(ends[i], test_softhsm()), 0))
                (void)fprintf(stderr, "    by %s\n", ends[i]);
}

/* The last line of the log of calls, by all processes. */
static const char *last_call(void)
{
    static char last[64];
    size_t len = 0;
    char *log = test_read("fault.log", &len);
    char *line = NULL;

    if (log != NULL && len > 0) {
        log[len - 1] = '\0';
        line = strrchr(log, '\n');
    }
    (void)snprintf(last, sizeof(last), "%s", line != NULL ? line + 1 : "");
    free(log);
    return last;
}

static void a_module_is_finalised_last_and_once(void)
{
    static const char *const ends[] = {
        "return",         "put",         "module-only",
        "put-late",       "use-late",    "put-busy",
        "exit-in-thread", "return-busy", "unload"};

    setup();
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        CHECK_STR(fault_module(), fault_module());
        fault_forget();
        if (!CHECK_INT(run(ends[i], fault_module()), 0) ||
            !CHECK_INT(fault_calls("C_Initialize"), 1) ||
            !CHECK_INT(fault_calls("C_Finalize"), 1) ||
            !CHECK_STR(last_call(), "C_Finalize"))
            (void)fprintf(stderr, "    by %s\n", ends[i]);
    }
}

/* SoftHSM does so where it finds itself broken. */
static void a_module_that_calls_exit_does_not_hang(void)
{
    setup();
    CHECK_STR(fault_module(), fault_module());
    fault_rules("exit C_SignInit");
    CHECK_INT(run("return", fault_module()), 3);
    CHECK_INT(fault_calls("C_Finalize"), 0);
}

static void a_call_that_never_ends_does_not_keep_the_process(void)
{
    setup();
    CHECK_STR(fault_module(), fault_module());
    fault_rules("delay C_Sign 30000 1");
    CHECK_INT(run("return-stuck", fault_module()), 0);
    CHECK_INT(fault_calls("C_Sign"), 2);
    CHECK_INT(fault_calls("C_Finalize"), 0); /* not under a call's feet */
}

struct dso {
    void *library;
    bool (*use)(const char *path, const char *label);
    void (*put)(void);
};

static bool load(struct dso *dso)
{
    dso->library = dlopen(EXIT_DSO, RTLD_NOW | RTLD_LOCAL);
    if (dso->library == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    *(void **)&dso->use = dlsym(dso->library, "dso_use");
    *(void **)&dso->put = dlsym(dso->library, "dso_put");
    return dso->use != NULL && dso->put != NULL;
}

static int fork_and_exit(void)
{
    int status = 0;
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid == 0)
        exit(0);
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void a_shared_object_is_unloaded_and_loaded_again(void)
{
    setup();
    CHECK_STR(fault_module(), fault_module());
    for (int i = 0; i < 5; i++) {
        struct dso dso = {0};

        REQUIRE(CHECK(load(&dso)));
        CHECK(dso.use(fault_module(), "exit"));
        CHECK_INT(fork_and_exit(), 0);
        dso.put();
        CHECK_INT(dlclose(dso.library), 0);
        CHECK(dlopen(EXIT_DSO, RTLD_NOW | RTLD_NOLOAD) == NULL);
        CHECK_INT(fork_and_exit(), 0); /* its handlers are gone with it */
    }
    CHECK_INT(fault_calls("C_Initialize"), 5);
    CHECK_INT(fault_calls("C_Finalize"), 5);
}

static const struct test_case cases[] = {
    TEST_CASE(every_end_is_a_clean_one),
    TEST_CASE(a_module_is_finalised_last_and_once),
    TEST_CASE(a_module_that_calls_exit_does_not_hang),
    TEST_CASE(a_call_that_never_ends_does_not_keep_the_process),
    TEST_CASE(a_shared_object_is_unloaded_and_loaded_again),
};
TEST_MAIN("hsm.exit", cases)
