/*
 * Looking at the file and its directory, which are looked at again at every
 * use, because a database can be put in another's place at any time.
 */
#include "sqlite/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define WAL_SUFFIX "-wal"

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return OPENSSL_strdup(".");
    return OPENSSL_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

ks_rc ks_sqlite_file_check(const char *path, struct stat *status,
                           struct ks_err *err)
{
    if (lstat(path, status) != 0)
        return errno == ENOENT
                   ? KS_E_NOT_FOUND
                   : ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    if (S_ISLNK(status->st_mode))
        return ks_fail(err, KS_E_DENIED,
                       "%s: is a symbolic link; name the file itself", path);
    if (!S_ISREG(status->st_mode))
        return ks_fail(err, KS_E_CONFIG, "%s: is not a regular file", path);
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return ks_fail(err, KS_E_DENIED,
                       "%s: database belongs to neither root nor you", path);
    if ((status->st_mode & 077) == 0)
        return KS_OK;
    ks_hint(err, "chmod 600 %s", path);
    return ks_fail(err, KS_E_DENIED,
                   "%s: others may %s the database of keys (mode %04o)", path,
                   (status->st_mode & 022) != 0 ? "write" : "read",
                   (unsigned)(status->st_mode & 07777));
}

static ks_rc check_folder(const char *folder, struct ks_err *err)
{
    struct stat status;

    if (stat(folder, &status) != 0) {
        ks_rc rc = ks_rc_of_errno(errno);

        if (rc == KS_E_NOT_FOUND)
            ks_hint(err, "mkdir -m 700 %s", folder);
        return ks_fail_errno(err, rc, "%s: directory of the keys", folder);
    }
    if (!S_ISDIR(status.st_mode))
        return ks_fail(err, KS_E_CONFIG, "%s: is not a directory", folder);
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return ks_fail(err, KS_E_DENIED,
                       "%s: directory belongs to neither root nor you", folder);
    if ((status.st_mode & 022) == 0)
        return KS_OK;
    ks_hint(err, "chmod go-w %s, or choose another directory", folder);
    return ks_fail(err, KS_E_DENIED,
                   "%s: others may write the directory of the keys (mode %04o)",
                   folder, (unsigned)(status.st_mode & 07777));
}

ks_rc ks_sqlite_folder_check(const char *path, struct ks_err *err)
{
    char *folder = folder_of(path);
    ks_rc rc = folder != NULL ? check_folder(folder, err) : KS_E_NOMEM;

    OPENSSL_free(folder);
    return rc;
}

static ks_rc sync_folder(const char *folder, struct ks_err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ks_rc rc = KS_OK;

    if (fd < 0 || fsync(fd) != 0)
        rc = ks_fail_errno(err, ks_rc_of_errno(errno), "%s: cannot sync",
                           folder);
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    return rc;
}

ks_rc ks_sqlite_file_make(const char *path, struct ks_err *err)
{
    char *folder;
    ks_rc rc = KS_E_NOMEM;

    /* Not by open(2): see place.h. */
    if (mknod(path, S_IFREG | S_IRUSR | S_IWUSR, 0) != 0)
        return errno == EEXIST
                   ? KS_OK
                   : ks_fail_errno(err, ks_rc_of_errno(errno),
                                   "%s: cannot make the database of keys",
                                   path);
    folder = folder_of(path);
    if (folder != NULL)
        rc = sync_folder(folder, err);
    OPENSSL_free(folder);
    return rc;
}

bool ks_sqlite_cannot_write(const char *path)
{
    char *folder = folder_of(path);
    size_t size = strlen(path) + sizeof(WAL_SUFFIX);
    char *wal = OPENSSL_malloc(size);
    struct stat status;
    bool result = false;

    if (folder != NULL && wal != NULL) {
        (void)snprintf(wal, size, "%s" WAL_SUFFIX, path);
        /* access(2) tells of read-only file systems too */
        result = faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) != 0 &&
                 lstat(wal, &status) != 0 && errno == ENOENT;
    }
    OPENSSL_free(folder);
    OPENSSL_free(wal);
    return result;
}
