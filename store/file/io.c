/*
 * One file of a directory of keys. All paths are relative to the directory's
 * descriptor, and none is followed through a symbolic link.
 */
#include "file/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/dir.h"
#include "file/key_file.h"

#define TEMP_PREFIX ".tmp-"

static ks_rc check_status(const struct ks_file_dir *dir, const char *file_name,
                          const struct stat *status, struct ks_err *err)
{
    if (!S_ISREG(status->st_mode))
        return ks_fail(err, KS_E_DAMAGED, "%s/%s: not a regular file",
                       dir->path, file_name);
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return ks_fail(err, KS_E_DENIED,
                       "%s/%s: belongs to neither root nor you", dir->path,
                       file_name);
    if ((status->st_mode & 077) != 0) {
        ks_hint(err, "chmod 600 %s/%s", dir->path, file_name);
        return ks_fail(
            err, KS_E_DENIED, "%s/%s: others may read or write it (mode %04o)",
            dir->path, file_name, (unsigned)(status->st_mode & 07777));
    }
    if (status->st_size > KS_KEY_FILE_MAX)
        return ks_fail(err, KS_E_DAMAGED, "%s/%s: larger than %d bytes",
                       dir->path, file_name, KS_KEY_FILE_MAX);
    return KS_OK;
}

static ks_rc read_all(int fd, struct ks_secret *text)
{
    size_t used = 0;

    while (used < text->len) {
        ssize_t got = read(fd, text->data + used, text->len - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return KS_E_IO;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    /* A file that shrank meanwhile is read to where it ends now. */
    return ks_secret_set(text, text->data, used);
}

ks_rc ks_file_read(const struct ks_file_dir *dir, const char *file_name,
                   struct ks_secret *text, struct ks_err *err)
{
    struct ks_secret read = {0};
    struct stat status;
    ks_rc rc;
    /* Nonblocking, so that a FIFO is refused and not waited for. */
    int fd = openat(dir->fd, file_name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return KS_E_NOT_FOUND;
    if (fd < 0 && errno == ELOOP)
        return ks_fail(err, KS_E_DENIED, "%s/%s: is a symbolic link", dir->path,
                       file_name);
    if (fd < 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s/%s", dir->path,
                             file_name);
    if (fstat(fd, &status) != 0) {
        rc = ks_fail_errno(err, KS_E_IO, "%s/%s", dir->path, file_name);
        goto out;
    }
    rc = check_status(dir, file_name, &status, err);
    if (rc == KS_OK)
        rc = ks_secret_alloc(&read, (size_t)status.st_size);
    if (rc == KS_OK)
        rc = read_all(fd, &read);
    if (rc == KS_E_IO)
        (void)ks_fail_errno(err, rc, "%s/%s", dir->path, file_name);
    if (rc == KS_OK) {
        *text = read;
        read = (struct ks_secret){0}; /* given to the caller */
    }
out:
    ks_secret_clear(&read);
    ks_file_close(fd);
    return rc;
}

bool ks_file_exists(const struct ks_file_dir *dir, const char *file_name)
{
    struct stat status;

    return fstatat(dir->fd, file_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static int write_all(int fd, const struct ks_secret *text)
{
    size_t done = 0;

    if (fchmod(fd, 0600) != 0) /* whatever the umask */
        return -1;
    while (done < text->len) {
        ssize_t put = write(fd, text->data + done, text->len - done);

        if (put < 0 && errno != EINTR)
            return -1;
        if (put > 0)
            done += (size_t)put;
    }
    return fsync(fd);
}

/* Gives TEMP its name, but to no name that is taken. Some file systems have
 * no RENAME_NOREPLACE; a hard link then does the same in two steps. */
static int rename_new(int dir, const char *temp, const char *file_name)
{
    if (renameat2(dir, temp, dir, file_name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(dir, temp, dir, file_name, 0) != 0)
        return -1;
    (void)unlinkat(dir, temp, 0); /* the key has its name; a sweep can */
    return 0;
}

static int publish(int dir, const char *temp, const char *file_name,
                   bool replace)
{
    return replace ? renameat(dir, temp, dir, file_name)
                   : rename_new(dir, temp, file_name);
}

ks_rc ks_file_write(const struct ks_file_dir *dir, const char *file_name,
                    const struct ks_secret *text, bool replace,
                    struct ks_err *err)
{
    char temp[sizeof(TEMP_PREFIX) + 3 * sizeof(long)];
    ks_rc rc;
    int fd;

    (void)snprintf(temp, sizeof(temp), TEMP_PREFIX "%ld", (long)getpid());
    fd = openat(dir->fd, temp,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    /* Not KS_E_EXISTS, which is said of the key's name: a sweep took what a
     * dead writer left, so this is none of ours, as a folder is. */
    if (fd < 0 && errno == EEXIST) {
        ks_hint(err, "remove it: keys are written under that name first");
        return ks_fail(err, KS_E_IO, "%s/%s: is in the way", dir->path, temp);
    }
    if (fd < 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s: cannot write",
                             dir->path);
    if (write_all(fd, text) != 0) {
        rc = ks_fail_errno(err, ks_rc_of_errno(errno), "%s/%s: cannot write",
                           dir->path, file_name);
        (void)unlinkat(dir->fd, temp, 0); /* else a later sweep does */
    } else if (publish(dir->fd, temp, file_name, replace) != 0) {
        rc = ks_rc_of_errno(errno);
        if (rc != KS_E_EXISTS) /* the caller says it by the key's name */
            (void)ks_fail_errno(err, rc, "%s/%s: cannot rename", dir->path,
                                file_name);
        (void)unlinkat(dir->fd, temp, 0);
    } else {
        rc = ks_file_dir_sync(dir->path, dir->fd, err);
        if (rc != KS_OK && !replace) /* who is told of a failure, has none */
            (void)unlinkat(dir->fd, file_name, 0);
    }
    ks_file_close(fd);
    return rc;
}

ks_rc ks_file_remove(const struct ks_file_dir *dir, const char *file_name,
                     struct ks_err *err)
{
    if (unlinkat(dir->fd, file_name, 0) == 0)
        return ks_file_dir_sync(dir->path, dir->fd, err);
    if (errno == ENOENT)
        return KS_E_NOT_FOUND;
    return ks_fail_errno(err, ks_rc_of_errno(errno), "%s/%s: cannot remove",
                         dir->path, file_name);
}

void ks_file_sweep(const struct ks_file_dir *dir)
{
    /* An own descriptor: closedir closes it, and its offset is its own. */
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (stream == NULL) {
        ks_file_close(fd);
        return;
    }
    while ((entry = readdir(stream)) != NULL)
        if (strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0)
            (void)unlinkat(dir->fd, entry->d_name, 0); /* or the next one */
    (void)closedir(stream);
}
