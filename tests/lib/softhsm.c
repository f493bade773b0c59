/*
 * SoftHSM with tokens of the test case's own: below its folder, gone with it.
 */
#include "softhsm.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tmpdir.h"

#define ARGS_MAX 40

extern char **environ;

static void stop(const char *what)
{
    perror(what);
    abort();
}

const char *test_softhsm(void)
{
    const char *path = getenv("SOFTHSM_MODULE");

    return path != NULL ? path : "/usr/lib/softhsm/libsofthsm2.so";
}

void test_softhsm_setup(void)
{
    static unsigned n; /* a case may ask for a second one */
    char name[32], conf[512];
    const char *dir;

    (void)snprintf(name, sizeof(name), "tokens%u", n++);
    dir = test_path(name);
    if (mkdir(dir, 0700) != 0)
        stop(dir);
    (void)snprintf(conf, sizeof(conf),
                   "directories.tokendir = %s\nobjectstore.backend = file\n"
                   "log.level = ERROR\n",
                   dir);
    (void)snprintf(name, sizeof(name), "softhsm%u.conf", n);
    test_write(name, conf, strlen(conf), 0600);
    if (setenv("SOFTHSM2_CONF", test_path(name), 1) != 0)
        stop("setenv");
}

/* What the tool says is shown only if it fails. */
static void run(const char *const *args)
{
    posix_spawn_file_actions_t actions;
    const char *log = test_path("tool.log");
    char command[600];
    int status = -1;
    pid_t pid = -1;

    if (posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 1, log,
                                         O_WRONLY | O_CREAT | O_TRUNC, 0600) ||
        posix_spawn_file_actions_adddup2(&actions, 1, 2) != 0 ||
        posix_spawnp(&pid, args[0], &actions, NULL, (char *const *)args,
                     environ) != 0)
        stop(args[0]);
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        (void)snprintf(command, sizeof(command), "cat '%s' >&2", log);
        if (system(command) != 0)
            perror(log);
        stop(args[0]);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
}

void test_softhsm_token(const char *label)
{
    const char *const args[] = {"softhsm2-util", "--init-token", "--free",
                                "--label",       label,          "--so-pin",
                                TEST_SO_PIN,     "--pin",        TEST_USER_PIN,
                                "--module",      test_softhsm(), NULL};

    run(args);
}

void test_softhsm_token_no_pin(const char *label)
{
    test_pkcs11_tool("--init-token", "--slot-index", "0", "--label", label,
                     "--so-pin", TEST_SO_PIN, NULL);
}

void test_pkcs11_tool(const char *first, ...)
{
    const char *args[ARGS_MAX] = {"pkcs11-tool", "--module", test_softhsm(),
                                  first};
    size_t n = 4;
    va_list list;

    va_start(list, first);
    while (n < ARGS_MAX && (args[n] = va_arg(list, const char *)) != NULL)
        n++;
    va_end(list);
    if (n == ARGS_MAX)
        stop("too many arguments");
    run(args);
}
