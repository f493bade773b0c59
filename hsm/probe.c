/*
 * Trying a module out in a child process, which its crash may end.
 */
#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ckr.h"

#define PROBE_SECONDS 10
#define SLOTS_TRIED 64
#define MECHANISMS_TRIED 512

enum step {
    STEP_LOADING,
    STEP_LOOKING_UP,
    STEP_FUNCTIONS,
    STEP_INITIALISING,
    STEP_LISTING,
    STEP_FINALISING,
    STEP_DONE
};

/* What the child writes before each step, and at its end. */
struct report {
    enum step step;
    CK_RV rv;
    char why[200]; /* dlerror's */
};

static const char *const steps[] = {
    [STEP_LOADING] = "while it is loaded",
    [STEP_LOOKING_UP] = "while C_GetFunctionList is looked up",
    [STEP_FUNCTIONS] = "in C_GetFunctionList",
    [STEP_INITIALISING] = "in C_Initialize",
    [STEP_LISTING] = "while slots and tokens are listed",
    [STEP_FINALISING] = "in C_Finalize",
    [STEP_DONE] = "at its end",
};

static void tell(int fd, struct report *report, enum step step)
{
    report->step = step;
    if (write(fd, report, sizeof(*report)) != (ssize_t)sizeof(*report))
        _exit(1);
}

/* The module may call exit(): the parent's handlers are not for the child. */
static void leave(void)
{
    _exit(1);
}

/* As a fresh program would have it: a crash handler of the parent's would
 * have its report written. */
static void reset_signals(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                SIGABRT, SIGTRAP, SIGSYS, SIGTERM};
    const struct rlimit no_core = {0, 0};
    sigset_t none;

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        (void)signal(fatal[i], SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
}

/* What a look at the tokens calls; its results are told by who looks. */
static void try_listing(CK_FUNCTION_LIST *f)
{
    CK_SLOT_ID slots[SLOTS_TRIED];
    CK_MECHANISM_TYPE mechanisms[MECHANISMS_TRIED];
    CK_ULONG n_slots = SLOTS_TRIED, n;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;

    if (f->C_GetSlotList(CK_FALSE, slots, &n_slots) != CKR_OK)
        return;
    for (CK_ULONG i = 0; i < n_slots && i < SLOTS_TRIED; i++) {
        n = MECHANISMS_TRIED;
        if (f->C_GetSlotInfo(slots[i], &slot) == CKR_OK &&
            f->C_GetTokenInfo(slots[i], &token) == CKR_OK)
            (void)f->C_GetMechanismList(slots[i], mechanisms, &n);
    }
}

static void try_out(const char *path, int fd, struct report *report)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_C_GetFunctionList get;
    CK_FUNCTION_LIST *f = NULL;
    void *library;

    tell(fd, report, STEP_LOADING);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)snprintf(report->why, sizeof(report->why), "%s", dlerror());
        return;
    }
    tell(fd, report, STEP_LOOKING_UP);
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    if (get == NULL)
        return;
    tell(fd, report, STEP_FUNCTIONS);
    report->rv = get(&f);
    if (report->rv != CKR_OK || f == NULL)
        return;
    tell(fd, report, STEP_INITIALISING);
    report->rv = f->C_Initialize(&args);
    if (report->rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        report->rv = CKR_OK;
    if (report->rv != CKR_OK)
        return;
    tell(fd, report, STEP_LISTING);
    try_listing(f);
    tell(fd, report, STEP_FINALISING);
    (void)f->C_Finalize(NULL);
    report->step = STEP_DONE;
}

static void child(const char *path, int fd)
{
    struct report report = {.rv = CKR_OK};

    reset_signals();
    (void)atexit(leave);
    try_out(path, fd, &report);
    tell(fd, &report, report.step);
    tell(fd, &report, report.step); /* twice the same: the end */
    _exit(0);
}

static int milliseconds_left(const struct timespec *until)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec >= until->tv_sec)
        return 0;
    return (int)(until->tv_sec - now.tv_sec) * 1000;
}

/* The last report; *ended: the child said that it was. False: time is up. */
static bool listen_to(int fd, struct report *report, bool *ended)
{
    struct timespec until;
    struct report next;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PROBE_SECONDS;
    for (bool first = true;; first = false) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = poll(&wait, 1, milliseconds_left(&until));

        if (ready == 0)
            return false;
        if (ready < 0 && errno == EINTR)
            continue;
        if (read(fd, &next, sizeof(next)) != (ssize_t)sizeof(next))
            return true; /* it has ended */
        *ended = !first && next.step == report->step;
        *report = next;
    }
}

/* The signal that ended it; 0 if none, or if the program has taken the
 * child's end for itself. */
static int reap(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static ks_rc judge(const char *path, const struct report *report,
                   struct ks_err *err)
{
    switch (report->step) {
    case STEP_DONE:
        return KS_OK;
    case STEP_LOADING:
        return ks_fail(err, KS_E_CONFIG, "module %s: cannot be loaded: %s",
                       path, report->why);
    case STEP_LOOKING_UP:
        return ks_fail(err, KS_E_CONFIG,
                       "module %s: no PKCS#11 library (it has no "
                       "C_GetFunctionList)",
                       path);
    case STEP_FUNCTIONS:
    case STEP_INITIALISING:
    case STEP_LISTING:
    case STEP_FINALISING:
        break;
    }
    (void)hsm_ckr_fail(err, report->rv, "module %s: fails %s", path,
                       steps[report->step]);
    return KS_E_CONFIG;
}

static ks_rc watch(const char *path, pid_t pid, int fd, struct ks_err *err)
{
    struct report report = {0};
    bool ended = false;
    bool in_time = listen_to(fd, &report, &ended);
    int ended_by;

    if (!in_time)
        (void)kill(pid, SIGKILL);
    ended_by = reap(pid);
    if (!in_time)
        return ks_fail(err, KS_E_CONFIG, "module %s: hangs %s (%d s)", path,
                       steps[report.step], PROBE_SECONDS);
    if (ended)
        return judge(path, &report, err);
    ks_hint(err, "the module is broken, or set up wrongly; ask its maker");
    if (ended_by != 0)
        return ks_fail(err, KS_E_CONFIG, "module %s: crashes %s (signal %d)",
                       path, steps[report.step], ended_by);
    return ks_fail(err, KS_E_CONFIG, "module %s: ends the process %s", path,
                   steps[report.step]);
}

ks_rc hsm_module_probe(const char *path, struct ks_err *err)
{
    int fds[2];
    pid_t pid;
    ks_rc rc;

    if (strchr(path, '/') != NULL && access(path, R_OK) != 0)
        return ks_fail_errno(err, KS_E_CONFIG, "module %s", path);
    if (pipe2(fds, O_CLOEXEC) != 0)
        return ks_fail_errno(err, KS_E_IO, "module %s: cannot be tried", path);
    pid = fork();
    if (pid == 0)
        child(path, fds[1]);
    (void)close(fds[1]);
    rc = pid > 0
             ? watch(path, pid, fds[0], err)
             : ks_fail_errno(err, KS_E_IO, "module %s: cannot be tried", path);
    (void)close(fds[0]);
    return rc;
}
