/*
 * The directory of a file backend. There is one lock for all writers, held
 * for a few system calls: so a temporary file seen under the lock is nobody's.
 */
#include "file/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define LOCK_NAME ".lock"
#define LOCK_WAIT_MS 30000
#define LOCK_STEP_MS 10

void ks_file_close(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* what matters was synced before */
}

static ks_rc sync_parent(const char *path, struct ks_err *err)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL || slash == path
                       ? OPENSSL_strdup(slash == NULL ? "." : "/")
                       : OPENSSL_strndup(path, (size_t)(slash - path));
    int fd;
    ks_rc rc;

    if (parent == NULL)
        return KS_E_NOMEM;
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd >= 0 ? ks_file_dir_sync(parent, fd, err)
                 : ks_fail_errno(err, ks_rc_of_errno(errno), "%s", parent);
    ks_file_close(fd);
    OPENSSL_free(parent);
    return rc;
}

static ks_rc make(const char *path, struct ks_err *err)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path, err);
    if (errno == EEXIST)
        return KS_OK;
    return ks_fail_errno(err, ks_rc_of_errno(errno),
                         "%s: cannot make the directory of keys", path);
}

static ks_rc check_status(const char *path, const struct stat *status,
                          struct ks_err *err)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return ks_fail(err, KS_E_DENIED,
                       "%s: directory belongs to neither root nor you", path);
    if ((status->st_mode & 077) == 0)
        return KS_OK;
    ks_hint(err, "chmod 700 %s", path);
    return ks_fail(err, KS_E_DENIED,
                   "%s: others may %s the directory of keys (mode %04o)", path,
                   (status->st_mode & 022) != 0 ? "write" : "read",
                   (unsigned)(status->st_mode & 07777));
}

static ks_rc open_failed(const char *path, struct ks_err *err)
{
    struct stat status;
    int errnum = errno;

    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        return ks_fail(err, KS_E_DENIED,
                       "%s: is a symbolic link; name the directory itself",
                       path);
    if (errnum == ENOTDIR)
        return ks_fail(err, KS_E_CONFIG, "%s: is not a directory", path);
    errno = errnum;
    return ks_fail_errno(err, ks_rc_of_errno(errnum), "%s", path);
}

ks_rc ks_file_dir_open(const char *path, bool create, int *dir,
                       struct ks_err *err)
{
    struct stat status;
    ks_rc rc;
    int fd;

    *dir = -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && create) {
        rc = make(path, err);
        if (rc != KS_OK)
            return rc;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0)
        return open_failed(path, err);
    if (fstat(fd, &status) != 0)
        rc = ks_fail_errno(err, KS_E_IO, "%s", path);
    else
        rc = check_status(path, &status, err);
    if (rc != KS_OK)
        ks_file_close(fd);
    else
        *dir = fd;
    return rc;
}

static ks_rc wait_for(const char *path, int fd, struct ks_err *err)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0;
         waited += LOCK_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ks_fail_errno(err, ks_rc_of_errno(errno),
                                 "%s/" LOCK_NAME ": cannot lock", path);
        if (waited >= LOCK_WAIT_MS)
            return ks_fail(err, KS_E_BUSY,
                           "%s/" LOCK_NAME ": another process holds the lock",
                           path);
        (void)nanosleep(&step, NULL); /* shorter is as good */
    }
    return KS_OK;
}

ks_rc ks_file_dir_lock(const char *path, int dir, int *lock, struct ks_err *err)
{
    ks_rc rc;
    int fd;

    *lock = -1;
    fd = openat(dir, LOCK_NAME,
                O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno),
                             "%s/" LOCK_NAME ": cannot open for writing", path);
    rc = wait_for(path, fd, err);
    if (rc != KS_OK)
        ks_file_close(fd);
    else
        *lock = fd;
    return rc;
}

/* Not by closing alone: a child that another thread forked meanwhile holds a
 * copy of the descriptor, and with it the lock, for as long as it lives. */
void ks_file_dir_unlock(int lock)
{
    if (lock >= 0)
        (void)flock(lock, LOCK_UN); /* cannot fail on a file that is open */
    ks_file_close(lock);
}

ks_rc ks_file_dir_sync(const char *path, int dir, struct ks_err *err)
{
    ks_rc rc;

    if (fsync(dir) == 0)
        return KS_OK;
    /* Whatever the reason, nobody knows what lasts. */
    rc = ks_rc_of_errno(errno) == KS_E_FULL ? KS_E_FULL : KS_E_IO;
    return ks_fail_errno(err, rc, "%s: cannot sync", path);
}
