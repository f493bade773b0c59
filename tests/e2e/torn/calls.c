/*
 * A library for LD_PRELOAD that lets a program die at its Nth call that
 * changes what is stored, as by kill -9 or as by a power loss. From the
 * environment:
 *   TORN_BELOW  the directory that is meant; all else is let alone
 *   TORN_AT     N; past the last call, or 0: the program is done when it dies
 *   TORN_MODE   kill; or lost, names, data, mixed:SEED, for a power loss
 *               (disk.h); or fail: it does not die, the call fails
 *   TORN_LOG    gets a line about each call that was counted
 * A write at which it dies is made by half. All other calls are not made.
 */
#undef _FORTIFY_SOURCE /* its open() would be in the way of ours */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "disk.h"
#include "raw.h"

static struct {
    char below[4096];
    unsigned long at, count;
    enum disk_mode mode;
    unsigned seed;
    bool fail;
    int log;
    pid_t pid; /* forked children are let alone */
} torn = {.log = -1};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const modes[] = {
    [DISK_KEPT] = "kill", [DISK_LOST] = "lost",    [DISK_NAMES] = "names",
    [DISK_DATA] = "data", [DISK_MIXED] = "mixed:",
};

__attribute__((constructor)) static void begin(void)
{
    const char *below = getenv("TORN_BELOW"), *at = getenv("TORN_AT"),
               *mode = getenv("TORN_MODE"), *log = getenv("TORN_LOG");

    if (below == NULL || realpath(below, torn.below) == NULL)
        return;
    torn.at = at != NULL ? strtoul(at, NULL, 10) : 0;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (mode != NULL && strncmp(mode, modes[i], strlen(modes[i])) == 0)
            torn.mode = (enum disk_mode)i;
    if (torn.mode == DISK_MIXED)
        torn.seed = (unsigned)strtoul(strchr(mode, ':') + 1, NULL, 10);
    torn.fail = mode != NULL && strcmp(mode, "fail") == 0;
    if (log != NULL)
        torn.log = raw_openat(AT_FDCWD, log,
                              O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    torn.pid = getpid();
}

/* What a program has done must be there for ever. */
__attribute__((destructor)) static void end(void)
{
    if (torn.pid != getpid())
        return;
    torn.pid = 0;
    disk_power_lost(torn.mode, torn.seed);
}

static _Noreturn void die(void)
{
    disk_power_lost(torn.mode, torn.seed);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* What the last call gives, which ends the lock. */
static int last_call(void)
{
    if (!torn.fail)
        die();
    (void)pthread_mutex_unlock(&lock);
    errno = EIO;
    return -1;
}

/* Counts a call, under the lock. True: it is the last one. */
static bool is_last(const char *call, const char *what)
{
    torn.count++;
    if (torn.log >= 0)
        (void)dprintf(torn.log, "%lu %s %s\n", torn.count, call, what);
    return torn.count == torn.at;
}

static bool is_on(void)
{
    return torn.pid != 0 && torn.pid == getpid();
}

/* SQLite makes anew the index of its log; nothing in it is ever synced. */
static bool is_scratch(const char *path)
{
    size_t len = strlen(path);

    return len > 4 && strcmp(path + len - 4, "-shm") == 0;
}

/* Whether FD is a file or a directory that is meant; its path. */
static bool is_meant(int fd, char path[static 4096])
{
    struct stat st;
    int saved = errno;
    bool meant = is_on() && fstat(fd, &st) == 0 &&
                 (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
                 disk_path(torn.below, fd, path) && !is_scratch(path);

    errno = saved;
    return meant;
}

static bool is_meant_name(int dir, const char *path, struct disk_name *name)
{
    int saved = errno;
    bool meant = is_on() && !is_scratch(path);

    if (meant) {
        (void)pthread_mutex_lock(&lock);
        meant = disk_name(torn.below, dir, path, name);
        (void)pthread_mutex_unlock(&lock);
    }
    errno = saved;
    return meant;
}

/* AT < 0: where the descriptor stands. */
static ssize_t put(int fd, const void *data, size_t len, off_t at)
{
    return at < 0 ? raw_write(fd, data, len) : raw_pwrite(fd, data, len, at);
}

static ssize_t counted_put(int fd, const void *data, size_t len, off_t at)
{
    char path[4096];
    ssize_t result;

    if (!is_meant(fd, path))
        return put(fd, data, len, at);
    (void)pthread_mutex_lock(&lock);
    disk_before_write(fd);
    if (is_last("write", path)) {
        if (!torn.fail)
            (void)put(fd, data, len / 2, at);
        return last_call();
    }
    result = put(fd, data, len, at);
    (void)pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *data, size_t len)
{
    return counted_put(fd, data, len, -1);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return counted_put(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return counted_put(fd, data, len, at);
}

/* As many writes, of which any may be the last. */
ssize_t writev(int fd, const struct iovec *part, int n)
{
    ssize_t done = 0;

    for (int i = 0; i < n; i++) {
        ssize_t put_now =
            counted_put(fd, part[i].iov_base, part[i].iov_len, -1);

        if (put_now < 0)
            return done > 0 ? done : -1;
        done += put_now;
        if ((size_t)put_now < part[i].iov_len)
            break;
    }
    return done;
}

static int counted_ftruncate(int fd, off_t len)
{
    char path[4096];
    int result;

    if (!is_meant(fd, path))
        return raw_ftruncate(fd, len);
    (void)pthread_mutex_lock(&lock);
    disk_before_write(fd);
    if (is_last("ftruncate", path))
        return last_call();
    result = raw_ftruncate(fd, len);
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t len)
{
    return counted_ftruncate(fd, len);
}

int ftruncate64(int fd, off64_t len)
{
    return counted_ftruncate(fd, len);
}

static int counted_sync(int fd, const char *call)
{
    char path[4096];
    int result;

    if (!is_meant(fd, path))
        return raw_fsync(fd);
    (void)pthread_mutex_lock(&lock);
    if (is_last(call, path))
        return last_call();
    /* The disk is ours: nothing has to get to the real one. */
    result = 0;
    disk_synced(fd);
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd)
{
    return counted_sync(fd, "fsync");
}

int fdatasync(int fd)
{
    return counted_sync(fd, "fdatasync");
}

/* A file that is there loses its contents. Ends the lock. */
static int counted_truncating_open(int dir, const char *path, int flags)
{
    int fd = raw_openat(dir, path, flags & ~(O_TRUNC | O_CREAT), 0);

    if (fd >= 0) {
        disk_before_write(fd);
        if (is_last("open to truncate", path)) {
            (void)syscall(SYS_close, fd);
            return last_call();
        }
        (void)raw_ftruncate(fd, 0);
    }
    (void)pthread_mutex_unlock(&lock);
    return fd;
}

static int counted_open(int dir, const char *path, int flags, mode_t mode)
{
    struct disk_name name;
    bool there;
    int fd;

    if ((flags & (O_CREAT | O_TRUNC)) == 0 || !is_meant_name(dir, path, &name))
        return raw_openat(dir, path, flags, mode);
    (void)pthread_mutex_lock(&lock);
    there = disk_has(&name);
    if (there && (flags & O_TRUNC) != 0 && (flags & O_EXCL) == 0)
        return counted_truncating_open(dir, path, flags);
    if (!there && (flags & O_CREAT) != 0 && is_last("create", path))
        return last_call();
    fd = raw_openat(dir, path, flags, mode);
    if (!there && fd >= 0)
        disk_made(&name);
    (void)pthread_mutex_unlock(&lock);
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                                             \
    int name(const char *path, int flags, ...)                                 \
    {                                                                          \
        va_list args;                                                          \
        mode_t mode;                                                           \
                                                                               \
        va_start(args, flags);                                                 \
        mode = mode_of(flags, args);                                           \
        va_end(args);                                                          \
        return counted_open(AT_FDCWD, path, flags, mode);                      \
    }
#define OPENAT(name)                                                           \
    int name(int dir, const char *path, int flags, ...)                        \
    {                                                                          \
        va_list args;                                                          \
        mode_t mode;                                                           \
                                                                               \
        va_start(args, flags);                                                 \
        mode = mode_of(flags, args);                                           \
        va_end(args);                                                          \
        return counted_open(dir, path, flags, mode);                           \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode)
{
    return counted_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
    struct disk_name name;
    int result;

    if ((flags & AT_REMOVEDIR) != 0 || !is_meant_name(dir, path, &name) ||
        !disk_has(&name))
        return raw_unlinkat(dir, path, flags);
    (void)pthread_mutex_lock(&lock);
    if (is_last("unlink", path))
        return last_call();
    disk_before_unlink(&name);
    result = raw_unlinkat(dir, path, flags);
    if (result != 0)
        disk_failed();
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int linkat(int dir, const char *path, int new_dir, const char *new_path,
           int flags)
{
    struct disk_name name;
    int result;

    if (!is_meant_name(new_dir, new_path, &name))
        return raw_linkat(dir, path, new_dir, new_path, flags);
    (void)pthread_mutex_lock(&lock);
    if (is_last("link", new_path))
        return last_call();
    result = raw_linkat(dir, path, new_dir, new_path, flags);
    if (result == 0)
        disk_made(&name);
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int link(const char *path, const char *new_path)
{
    return linkat(AT_FDCWD, path, AT_FDCWD, new_path, 0);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    struct disk_name name;
    int result;

    if (!is_meant_name(dir, path, &name) || disk_has(&name))
        return raw_mkdirat(dir, path, mode);
    (void)pthread_mutex_lock(&lock);
    if (is_last("mkdir", path))
        return last_call();
    result = raw_mkdirat(dir, path, mode);
    if (result == 0)
        disk_made(&name);
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int mknodat(int dir, const char *path, mode_t mode, dev_t dev)
{
    struct disk_name name;
    int result;

    if (!is_meant_name(dir, path, &name) || disk_has(&name))
        return raw_mknodat(dir, path, mode, dev);
    (void)pthread_mutex_lock(&lock);
    if (is_last("mknod", path))
        return last_call();
    result = raw_mknodat(dir, path, mode, dev);
    if (result == 0)
        disk_made(&name);
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int mknod(const char *path, mode_t mode, dev_t dev)
{
    return mknodat(AT_FDCWD, path, mode, dev);
}

int renameat2(int dir, const char *path, int new_dir, const char *new_path,
              unsigned flags)
{
    struct disk_name from, to;
    int result;

    if (!is_meant_name(dir, path, &from) ||
        !is_meant_name(new_dir, new_path, &to))
        return raw_renameat2(dir, path, new_dir, new_path, flags);
    (void)pthread_mutex_lock(&lock);
    if (is_last("rename", new_path))
        return last_call();
    disk_before_rename(&from, &to);
    result = raw_renameat2(dir, path, new_dir, new_path, flags);
    if (result != 0)
        disk_failed();
    (void)pthread_mutex_unlock(&lock);
    return result;
}

int renameat(int dir, const char *path, int new_dir, const char *new_path)
{
    return renameat2(dir, path, new_dir, new_path, 0);
}

int rename(const char *path, const char *new_path)
{
    return renameat2(AT_FDCWD, path, AT_FDCWD, new_path, 0);
}
