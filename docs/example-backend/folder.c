/*
 * The files of the folder. A file's name is the SHA-256 digest of the key's,
 * so that no key's name can lead out of the folder or be too long for it.
 * Files appear and change by rename alone: who reads one sees the old or the
 * new, never half of it, and needs no lock.
 */
#include "example.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define FILE_MAX (1024 * 1024) /* bytes */
#define SUFFIX ".key"
#define FILE_NAME_SIZE (64 + sizeof(SUFFIX))
#define TEMPORARY ".new" /* one, because writers take turns */
#define LOCK ".lock"

static ks_rc file_name(const struct place *place, const char *name,
                       char out[FILE_NAME_SIZE], struct ks_err *err)
{
    uint8_t sum[32];
    size_t len = sizeof(sum);

    if (EVP_Q_digest(place->libctx, "SHA2-256", place->propq, name,
                     strlen(name), sum, &len) != 1)
        return ks_fail(err, KS_E_CRYPTO, "%s: no SHA-256", place->path);
    for (size_t i = 0; i < sizeof(sum); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", sum[i]);
    memcpy(out + 64, SUFFIX, sizeof(SUFFIX));
    return KS_OK;
}

static ks_rc io_failed(const struct place *place, const char *name,
                       struct ks_err *err)
{
    return ks_fail_errno(err, ks_rc_of_errno(errno), "key \"%s\" in %s", name,
                         place->path);
}

static ks_rc read_whole(int fd, struct ks_secret *bytes)
{
    size_t used = 0;

    while (used < bytes->len) {
        ssize_t got = read(fd, bytes->data + used, bytes->len - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return KS_E_IO; /* a file does not shrink: see rename above */
        used += (size_t)got;
    }
    return KS_OK;
}

/* The file FILE; NAME is for messages. */
static ks_rc read_file(const struct place *place, const char *file,
                       const char *name, struct ks_secret *bytes,
                       struct ks_err *err)
{
    struct ks_secret found = {0};
    struct stat status;
    ks_rc rc = KS_OK;
    int fd = openat(place->folder, file,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? KS_E_NOT_FOUND : io_failed(place, name, err);
    if (fstat(fd, &status) != 0)
        rc = io_failed(place, name, err);
    else if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
        rc = ks_fail(err, KS_E_DAMAGED, "key \"%s\" in %s is damaged", name,
                     place->path);
    else
        rc = ks_secret_alloc(&found, (size_t)status.st_size);
    if (rc == KS_OK && read_whole(fd, &found) != KS_OK)
        rc = io_failed(place, name, err);
    (void)close(fd); /* it was only read */
    if (rc == KS_OK)
        *bytes = found;
    else
        ks_secret_clear(&found);
    return rc;
}

ks_rc folder_read(const struct place *place, const char *name,
                  struct ks_secret *bytes, struct ks_err *err)
{
    char file[FILE_NAME_SIZE];
    ks_rc rc = file_name(place, name, file, err);

    return rc == KS_OK ? read_file(place, file, name, bytes, err) : rc;
}

/* Each call opens the file anew, so threads wait for each other too. */
ks_rc folder_lock(const struct place *place, int *lock, struct ks_err *err)
{
    int fd = openat(place->folder, LOCK,
                    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = -1;

    while (fd >= 0 && (rc = flock(fd, LOCK_EX)) != 0 && errno == EINTR)
        ;
    if (rc != 0) {
        ks_rc result = ks_fail_errno(err, ks_rc_of_errno(errno),
                                     "%s: cannot be locked", place->path);

        if (fd >= 0)
            (void)close(fd);
        return result;
    }
    *lock = fd;
    return KS_OK;
}

void folder_unlock(int lock)
{
    (void)close(lock);
}

static bool write_whole(int fd, const struct ks_secret *bytes)
{
    size_t done = 0;

    while (done < bytes->len) {
        ssize_t put = write(fd, bytes->data + done, bytes->len - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        done += (size_t)put;
    }
    return fsync(fd) == 0;
}

ks_rc folder_write(const struct place *place, const char *name,
                   const struct ks_secret *bytes, struct ks_err *err)
{
    char file[FILE_NAME_SIZE];
    ks_rc rc = file_name(place, name, file, err);
    int fd;

    if (rc != KS_OK)
        return rc;
    (void)unlinkat(place->folder, TEMPORARY, 0); /* of one that was killed */
    fd = openat(place->folder, TEMPORARY,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_failed(place, name, err);
    if (!write_whole(fd, bytes))
        rc = io_failed(place, name, err);
    if (close(fd) != 0 && rc == KS_OK)
        rc = io_failed(place, name, err);
    if (rc == KS_OK &&
        renameat(place->folder, TEMPORARY, place->folder, file) != 0)
        rc = io_failed(place, name, err);
    if (rc != KS_OK)
        (void)unlinkat(place->folder, TEMPORARY, 0);
    else if (fsync(place->folder) != 0)
        rc = io_failed(place, name, err);
    return rc;
}

ks_rc folder_remove(const struct place *place, const char *name,
                    struct ks_err *err)
{
    char file[FILE_NAME_SIZE];
    int lock;
    ks_rc rc = file_name(place, name, file, err);

    if (rc == KS_OK)
        rc = folder_lock(place, &lock, err);
    if (rc != KS_OK)
        return rc;
    if (unlinkat(place->folder, file, 0) != 0)
        rc = errno == ENOENT ? KS_E_NOT_FOUND : io_failed(place, name, err);
    else if (fsync(place->folder) != 0)
        rc = io_failed(place, name, err);
    folder_unlock(lock);
    return rc;
}

static bool is_key(const char *file)
{
    size_t len = strlen(file);

    return len == FILE_NAME_SIZE - 1 && strcmp(file + 64, SUFFIX) == 0;
}

/* Tells EACH of the key in FILE, unless it was removed meanwhile. */
static ks_rc tell(const struct place *place, const char *file, ks_list_fn *each,
                  void *arg, bool *stopped, struct ks_err *err)
{
    struct ks_secret bytes = {0};
    char *name = NULL;
    ks_rc rc = read_file(place, file, file, &bytes, err);

    if (rc == KS_OK)
        rc = record_name(&bytes, &name, err);
    ks_secret_clear(&bytes);
    if (rc != KS_OK)
        return rc == KS_E_NOT_FOUND ? KS_OK : rc;
    rc = each(arg, name, err);
    *stopped = rc != KS_OK;
    OPENSSL_free(name);
    return rc;
}

/* One file that cannot be read does not hide the others: all are told, then
 * comes the first failure. */
ks_rc folder_list(const struct place *place, ks_list_fn *each, void *arg,
                  struct ks_err *err)
{
    int fd = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    bool stopped = false;
    ks_rc rc = KS_OK;

    if (dir == NULL) {
        rc = ks_fail_errno(err, KS_E_IO, "%s", place->path);
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while (!stopped && (entry = readdir(dir)) != NULL) {
        struct ks_err why = {0};
        ks_rc one = KS_OK;

        if (is_key(entry->d_name))
            one = tell(place, entry->d_name, each, arg, &stopped, &why);
        if (one != KS_OK && (rc == KS_OK || stopped)) {
            rc = one;
            if (err != NULL)
                *err = why;
        }
    }
    (void)closedir(dir);
    return rc;
}
