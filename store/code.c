/*
 * Files of code that a configuration names. What the path leads through is
 * checked up to the root: whoever may write one of these folders may put
 * another file in the place of the one that was looked at.
 */
#include "ks_code.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ks_setting.h"

#define OTHERS (S_IWGRP | S_IWOTH)

static ks_rc check_owner(const char *path, const struct stat *status,
                         struct ks_err *err)
{
    if (status->st_uid == 0 || status->st_uid == geteuid())
        return KS_OK;
    ks_hint(err, "code runs with your rights: chown root %s", path);
    return ks_fail(err, KS_E_DENIED, "%s: belongs to neither root nor you",
                   path);
}

static ks_rc check_closed(const char *path, const struct stat *status,
                          struct ks_err *err)
{
    if ((status->st_mode & OTHERS) == 0)
        return check_owner(path, status, err);
    ks_hint(err, "chmod go-w %s", path);
    return ks_fail(err, KS_E_DENIED, "%s: others may write it (mode %04o)",
                   path, (unsigned)status->st_mode & 07777);
}

/* In a sticky folder others cannot move what is not theirs. */
static ks_rc check_folder(const char *path, struct ks_err *err)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return ks_fail_errno(err, KS_E_CONFIG, "%s", path);
    return (status.st_mode & S_ISVTX) != 0 ? check_owner(path, &status, err)
                                           : check_closed(path, &status, err);
}

/* All folders above REAL, an absolute path, which is cut on the way and whole
 * again at the end. */
static ks_rc check_folders(char *real, struct ks_err *err)
{
    ks_rc rc = check_folder("/", err);

    for (char *slash = strchr(real + 1, '/'); rc == KS_OK && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = check_folder(real, err);
        *slash = '/';
    }
    return rc;
}

/* PATH with its folder's symbolic links followed. */
static ks_rc find_real(const char *path, char **real, struct ks_err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = OPENSSL_strndup(path, (size_t)(slash - path) + 1);
    char *found = folder != NULL ? realpath(folder, NULL) : NULL;
    ks_rc rc = KS_OK;

    if (folder == NULL)
        rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    else if (found == NULL)
        rc = ks_fail_errno(err, KS_E_CONFIG, "%s", path);
    else if ((*real = ks_path_below(found, slash + 1)) == NULL)
        rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    free(found);
    OPENSSL_free(folder);
    return rc;
}

static ks_rc open_failed(const char *path, struct ks_err *err)
{
    struct stat status;
    ks_rc rc = errno == EACCES || errno == EPERM ? KS_E_DENIED : KS_E_CONFIG;

    if (errno == ELOOP && lstat(path, &status) == 0 &&
        S_ISLNK(status.st_mode)) {
        ks_hint(err, "name the file that it leads to");
        return ks_fail(err, KS_E_CONFIG, "%s: is a symbolic link", path);
    }
    if (rc == KS_E_CONFIG)
        ks_hint(err, "correct the path, or put the file there");
    return ks_fail_errno(err, rc, "%s", path);
}

static ks_rc check_file(const char *path, struct stat *status,
                        struct ks_err *err)
{
    /* Nonblocking, so that a FIFO is refused and not waited for. */
    int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    ks_rc rc = KS_OK;

    if (fd < 0)
        return open_failed(path, err);
    if (fstat(fd, status) != 0)
        rc = ks_fail_errno(err, KS_E_IO, "%s", path);
    else if (!S_ISREG(status->st_mode))
        rc = ks_fail(err, KS_E_CONFIG, "%s: not a regular file", path);
    else
        rc = check_closed(path, status, err);
    (void)close(fd); /* it was only looked at */
    return rc;
}

ks_rc ks_code_check(const char *path, char **real, struct ks_err *err)
{
    struct stat status, again;
    char *found = NULL;
    ks_rc rc;

    if (path[0] != '/') {
        ks_hint(err, "code is named by its absolute path");
        return ks_fail(err, KS_E_CONFIG, "%s: not an absolute path", path);
    }
    rc = check_file(path, &status, err);
    if (rc == KS_OK)
        rc = find_real(path, &found, err);
    if (rc == KS_OK)
        rc = check_folders(found, err);
    /* A folder of the path may have been a link, and have been changed. */
    if (rc == KS_OK &&
        (lstat(found, &again) != 0 || again.st_dev != status.st_dev ||
         again.st_ino != status.st_ino))
        rc = ks_fail(err, KS_E_DENIED, "%s: was replaced while it was checked",
                     path);
    if (rc == KS_OK && real != NULL) {
        *real = found;
        found = NULL; /* given to the caller */
    }
    OPENSSL_free(found);
    return rc;
}
