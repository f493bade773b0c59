/*
 * caadm.conf as a file: who may write it, and its bytes.
 */
#include "config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "config/config_scan.h"

static bool in_group(gid_t gid)
{
    gid_t *groups = NULL;
    int n = getgroups(0, NULL);
    bool found = gid == getegid();

    if (found || n <= 0)
        return found;
    groups = OPENSSL_zalloc((size_t)n * sizeof(*groups));
    if (groups != NULL)
        n = getgroups(n, groups);
    for (int i = 0; groups != NULL && i < n; i++)
        found = found || groups[i] == gid;
    OPENSSL_free(groups);
    return found;
}

static ks_rc check_status(const char *path, const struct stat *status,
                          struct ks_err *err)
{
    if (!S_ISREG(status->st_mode))
        return ks_fail(err, KS_E_CONFIG, "%s: not a regular file", path);
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return ks_fail(err, KS_E_DENIED, "%s: belongs to neither root nor you",
                       path);
    if ((status->st_mode & S_IWOTH) != 0 ||
        ((status->st_mode & S_IWGRP) != 0 && !in_group(status->st_gid))) {
        ks_hint(err, "chmod go-w %s", path);
        return ks_fail(err, KS_E_DENIED, "%s: others may write it", path);
    }
    if (status->st_size > KS_CONFIG_SIZE_MAX)
        return ks_fail(err, KS_E_CONFIG, "%s: larger than %d bytes", path,
                       KS_CONFIG_SIZE_MAX);
    return KS_OK;
}

static ks_rc read_all(int fd, const char *path, struct ks_secret *text,
                      struct ks_err *err)
{
    size_t used = 0;

    while (used < text->len) {
        ssize_t got = read(fd, text->data + used, text->len - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ks_fail_errno(err, KS_E_IO, "%s", path);
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return ks_secret_set(text, text->data, used); /* to its true length */
}

ks_rc ks_config_read(const char *path, struct ks_secret *text,
                     struct stat *status, struct ks_err *err)
{
    /* Nonblocking, so that a FIFO is refused and not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ks_rc rc;

    if (fd < 0) {
        rc = ks_rc_of_errno(errno);
        if (rc == KS_E_NOT_FOUND)
            ks_hint(err, "\"caadm init\" makes one; CAADM_HOME and "
                         "CAADM_CONFIG say where");
        return ks_fail_errno(err, rc, "%s", path);
    }
    if (fstat(fd, status) != 0) {
        rc = ks_fail_errno(err, KS_E_IO, "%s", path);
        goto out;
    }
    rc = check_status(path, status, err);
    if (rc != KS_OK)
        goto out;
    rc = ks_secret_alloc(text, (size_t)status->st_size);
    if (rc == KS_OK)
        rc = read_all(fd, path, text, err);
out:
    (void)close(fd); /* it was only read */
    return rc;
}
