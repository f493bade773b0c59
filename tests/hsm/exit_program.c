/*
 * A program that uses a token and then ends in the way that its first
 * argument names; for test_exit.c. The others: module, token's label. Its
 * status is 0 if all went well; it makes no check of the test frame's.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "login.h"
#include "open.h"
#include "softhsm.h"

static struct hsm_module *module;
static struct hsm_token *token;
static char *const *arguments;

/* LeakSanitizer asks. Threads that never end never give back what libcrypto
 * holds for each. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
static bool something_is_lost;

int __lsan_is_turned_off(void)
{
    return something_is_lost;
}

static bool sign(void)
{
    return hsm_run(token, HSM_READ, open_sign, NULL) == CKR_OK;
}

static void use(void)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_ask ask = open_ask(&pins);
    struct ks_err err = {0};

    if (hsm_module_get(arguments[2], &module, &err) != KS_OK ||
        hsm_token_get(module, open_by_label, arguments[3], "token", &token,
                      &err) != KS_OK ||
        hsm_login(token, NULL, "keystore://hsm/key", &ask, &err) != KS_OK ||
        !sign())
        _exit(10);
}

static void put(void)
{
    hsm_token_put(token);
    hsm_module_put(module);
    token = NULL;
    module = NULL;
}

static int end_of_child(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, 0) != pid)
        return 20;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 21;
}

static int do_return(void)
{
    use();
    return 0;
}

static int do_put(void)
{
    use();
    put();
    return 0;
}

static int do_module_only(void)
{
    struct ks_err err = {0};

    return hsm_module_get(arguments[2], &module, &err) == KS_OK ? 0 : 11;
}

/* As libcrypto does with providers: from a handler that is older than the
 * module, and so comes after its destructors. */
static int do_put_late(void)
{
    if (atexit(put) != 0)
        return 12;
    use();
    return 0;
}

static void use_late(void)
{
    if (sign())
        _exit(13); /* there was no module any more */
    put();
}

static int do_use_late(void)
{
    if (atexit(use_late) != 0)
        return 12;
    use();
    return 0;
}

static void *exit_thread(void *arg)
{
    (void)arg;
    exit(0);
}

static int do_exit_in_thread(void)
{
    pthread_t thread;

    use();
    something_is_lost = true;
    if (pthread_create(&thread, NULL, exit_thread, NULL) != 0)
        return 12;
    for (;;)
        (void)pause();
}

static void *busy_thread(void *arg)
{
    (void)arg;
    while (sign()) /* until it is refused */
        ;
    /* Ending now would race with libcrypto, which is being taken down. */
    (void)sleep(60);
    return NULL;
}

static bool make_busy(void)
{
    pthread_t thread;

    use();
    something_is_lost = true;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&thread, NULL, busy_thread, NULL) != 0 ||
            pthread_detach(thread) != 0)
            return false;
    (void)usleep(20000);
    return true;
}

static int do_return_busy(void)
{
    return make_busy() ? 0 : 12;
}

/* The rules that hold from the second signature on are the test's. */
static void *one_signature(void *arg)
{
    (void)arg;
    (void)sign();
    return NULL;
}

static int do_return_stuck(void)
{
    pthread_t thread;

    use();
    something_is_lost = true;
    if (pthread_create(&thread, NULL, one_signature, NULL) != 0)
        return 12;
    (void)usleep(100000);
    return 0;
}

static int do_put_busy(void)
{
    if (!make_busy())
        return 12;
    hsm_module_put(module); /* TOKEN's threads go on */
    return 0;
}

/* Returns once every other holder of the writing end has let go of it. */
static void wait_for_others(const int *fds)
{
    char byte;

    (void)close(fds[1]);
    while (read(fds[0], &byte, 1) > 0)
        ;
}

/* One after the other: SoftHSM writes the token's file at each login, and a
 * process that starts meanwhile finds it half written. */
static int do_fork_unused(void)
{
    int fds[2];
    pid_t pid;

    if (pipe(fds) != 0)
        return 12;
    pid = fork();
    if (pid == 0)
        wait_for_others(fds);
    use();
    if (pid != 0)
        (void)close(fds[1]);
    return pid == 0 ? 0 : end_of_child(pid);
}

static int do_fork(void)
{
    pid_t pid;

    use();
    pid = fork();
    if (pid == 0)
        return sign() ? 0 : 14;
    return end_of_child(pid) + (sign() ? 0 : 15);
}

static int do_fork_idle(void)
{
    pid_t pid;

    use();
    pid = fork();
    return pid == 0 ? 0 : end_of_child(pid);
}

static int do_fork_busy(void)
{
    pid_t pid;

    if (!make_busy())
        return 12;
    pid = fork();
    if (pid == 0)
        return sign() ? 0 : 14;
    return end_of_child(pid);
}

static int do_parent_first(void)
{
    int fds[2];

    if (pipe(fds) != 0)
        return 12;
    use();
    if (fork() != 0)
        return 0; /* the child's status is nobody's */
    wait_for_others(fds);
    return sign() ? 0 : 14;
}

static int do_exec(void)
{
    char *args[] = {arguments[0], (char *)"return", arguments[2], arguments[3],
                    NULL};

    use();
    (void)execv(arguments[0], args);
    return 12;
}

static int do_quick(void)
{
    use();
    _exit(0);
}

static CK_RV exit_task(const struct hsm_session *session, void *arg)
{
    (void)session;
    (void)arg;
    exit(0);
}

static int do_exit_inside(void)
{
    use();
    (void)hsm_run(token, HSM_READ, exit_task, NULL);
    return 12;
}

static int do_again(void)
{
    for (int i = 0; i < 5; i++) {
        use();
        put();
    }
    use();
    return 0;
}

/* What hsm/ held is lost with its code. */
static int do_unload(void)
{
    void *library = dlopen(EXIT_DSO, RTLD_NOW | RTLD_LOCAL);
    bool (*dso_use)(const char *path, const char *label);
    pid_t pid;

    something_is_lost = true;
    if (library == NULL)
        return 12;
    *(void **)&dso_use = dlsym(library, "dso_use");
    if (dso_use == NULL || !dso_use(arguments[2], arguments[3]) ||
        dlclose(library) != 0 || dlopen(EXIT_DSO, RTLD_NOW | RTLD_NOLOAD))
        return 16;
    pid = fork(); /* its handlers are gone, too */
    return pid == 0 ? 0 : end_of_child(pid);
}

static const struct {
    const char *name;
    int (*run)(void);
} ends[] = {
    {"return", do_return},
    {"put", do_put},
    {"module-only", do_module_only},
    {"put-late", do_put_late},
    {"use-late", do_use_late},
    {"exit-in-thread", do_exit_in_thread},
    {"return-busy", do_return_busy},
    {"put-busy", do_put_busy},
    {"return-stuck", do_return_stuck},
    {"fork-unused", do_fork_unused},
    {"fork", do_fork},
    {"fork-idle", do_fork_idle},
    {"fork-busy", do_fork_busy},
    {"parent-first", do_parent_first},
    {"exec", do_exec},
    {"quick", do_quick},
    {"exit-inside", do_exit_inside},
    {"again", do_again},
    {"unload", do_unload},
};

int main(int argc, char **argv)
{
    arguments = argv;
    (void)alarm(60);
    for (size_t i = 0; argc == 4 && i < sizeof(ends) / sizeof(ends[0]); i++)
        if (strcmp(argv[1], ends[i].name) == 0)
            return ends[i].run();
    return 2;
}
