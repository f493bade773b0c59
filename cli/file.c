/*
 * Output and input files of commands.
 */
#include "file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "out.h"

ks_rc cli_file_name_check(const char *option, const char *text,
                          struct ks_err *err)
{
    size_t len = 0;

    if (text[0] == '\0')
        return ks_fail(err, KS_E_INVALID, "%s: empty file name", option);
    /* RFC 3986, 3.1 */
    if (isalpha((unsigned char)text[0]))
        while (isalnum((unsigned char)text[len]) ||
               (text[len] != '\0' && strchr("+.-", text[len]) != NULL))
            len++;
    if (len == 0 || text[len] != ':')
        return KS_OK;
    ks_hint(err, "a file of that name is written ./%.64s", text);
    return ks_fail(err, KS_E_INVALID, "%s: %.*s...: a URI, not a file name",
                   option, (int)len + 1, text);
}

static ks_rc check_target(const char *path, bool force, struct ks_err *err)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return KS_OK;
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    }
    if (S_ISLNK(st.st_mode)) {
        ks_hint(err, "name the file that it leads to, or remove the link");
        return ks_fail(err, KS_E_INVALID, "%s: is a symbolic link", path);
    }
    if (S_ISDIR(st.st_mode)) {
        ks_hint(err, "name a file in it");
        return ks_fail(err, KS_E_INVALID, "%s: is a directory", path);
    }
    if (!S_ISREG(st.st_mode)) {
        ks_hint(err, "- is standard output");
        return ks_fail(err, KS_E_INVALID, "%s: not a regular file", path);
    }
    if (!force) {
        ks_hint(err, "--force overwrites it");
        return ks_fail(err, KS_E_EXISTS, "%s: file exists", path);
    }
    return KS_OK;
}

static ks_rc open_temp(struct cli_file *file, mode_t mode, struct ks_err *err)
{
    unsigned char random[8];

    if (RAND_bytes(random, (int)sizeof(random)) != 1)
        return ks_fail(err, KS_E_CRYPTO, "%s: no random bytes", file->path);
    if (asprintf(&file->temp, "%s.%02x%02x%02x%02x%02x%02x.tmp", file->path,
                 random[0], random[1], random[2], random[3], random[4],
                 random[5]) < 0) {
        file->temp = NULL;
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", file->path);
    }
    cli_signals_temp(file->temp);
    file->fd = open(file->temp,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0) {
        ks_rc rc = ks_rc_of_errno(errno);

        (void)ks_fail_errno(err, rc, "%s", file->path);
        free(file->temp);
        file->temp = NULL;
        return rc;
    }
    if (fchmod(file->fd, mode) != 0)
        return ks_fail_errno(err, KS_E_IO, "%s", file->path);
    return KS_OK;
}

/* A closed standard output shows before the work, not after. */
static ks_rc check_stdout(struct ks_err *err)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);

    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
        return KS_OK;
    return ks_fail(err, KS_E_IO, "standard output: is closed");
}

ks_rc cli_file_open(struct cli_file *file, struct cli *cli, const char *path,
                    enum cli_file_mode mode, bool force, struct ks_err *err)
{
    ks_rc rc;

    *file = (struct cli_file){.cli = cli, .fd = -1, .force = force};
    if (path == NULL || strcmp(path, "-") == 0)
        return check_stdout(err);
    rc = cli_file_name_check("--out", path, err);
    if (rc != KS_OK)
        return rc;
    rc = check_target(path, force, err);
    if (rc != KS_OK)
        return rc;
    file->path = strdup(path);
    if (file->path == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    rc = open_temp(file,
                   mode == CLI_FILE_SECRET ? (mode_t)0600
                                           : (mode_t)0666 & ~cli->umask,
                   err);
    if (rc != KS_OK)
        cli_file_abort(file);
    return rc;
}

static ks_rc write_all(int fd, const char *path, const void *data, size_t len,
                       struct ks_err *err)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
        at += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    return KS_OK;
}

static ks_rc sync_folder(const char *path, struct ks_err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    int fd = -1;
    ks_rc rc = KS_E_NOMEM;

    if (folder == NULL) {
        (void)ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
        goto out;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
        rc = ks_fail_errno(err, KS_E_IO, "%s", folder);
        goto out;
    }
    rc = KS_OK;
out:
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return rc;
}

/* Gives the temporary file its name. A file that appeared there in the
 * meantime is only replaced with --force. */
static ks_rc give_name(const struct cli_file *file, struct ks_err *err)
{
    int result;

    if (file->force) {
        result = rename(file->temp, file->path);
    } else {
        result = renameat2(AT_FDCWD, file->temp, AT_FDCWD, file->path,
                           RENAME_NOREPLACE);
        /* Some file systems cannot; a hard link never replaces either. */
        if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
            result = link(file->temp, file->path);
            if (result == 0)
                (void)unlink(file->temp);
        }
    }
    if (result != 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", file->path);
    return KS_OK;
}

ks_rc cli_file_commit(struct cli_file *file, const void *data, size_t len,
                      struct ks_err *err)
{
    ks_rc rc;

    if (file->path == NULL) {
        rc = cli_out_bytes(file->cli, data, len, err);
        return rc != KS_OK || fflush(stdout) == 0 ? rc : cli_out_failed(err);
    }
    rc = write_all(file->fd, file->path, data, len, err);
    if (rc != KS_OK)
        return rc;
    if (close(file->fd) != 0) {
        file->fd = -1;
        return ks_fail_errno(err, KS_E_IO, "%s", file->path);
    }
    file->fd = -1;
    rc = give_name(file, err);
    if (rc != KS_OK)
        return rc;
    free(file->temp);
    file->temp = NULL;
    cli_signals_temp(NULL);
    return sync_folder(file->path, err);
}

void cli_file_abort(struct cli_file *file)
{
    if (file->cli == NULL)
        return;
    if (file->fd >= 0)
        (void)close(file->fd);
    if (file->temp != NULL) {
        (void)unlink(file->temp);
        cli_signals_temp(NULL);
    }
    free(file->temp);
    free(file->path);
    *file = (struct cli_file){.fd = -1};
}

/* Opens without waiting: a FIFO that nobody writes to is empty. */
static ks_rc open_input(const char *option, const char *path, int *fd,
                        struct ks_err *err)
{
    struct stat st;

    if (strcmp(path, "-") == 0) {
        *fd = STDIN_FILENO;
        return KS_OK;
    }
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s: %s", option,
                             path);
    if (fstat(*fd, &st) != 0 || fcntl(*fd, F_SETFL, 0) != 0)
        return ks_fail_errno(err, KS_E_IO, "%s: %s", option, path);
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return ks_fail(err, KS_E_INVALID, "%s: %s: not a file", option, path);
    if (st.st_size > (off_t)CLI_FILE_MAX)
        return ks_fail(err, KS_E_INVALID, "%s: %s: over %zu bytes", option,
                       path, CLI_FILE_MAX);
    return KS_OK;
}

void cli_file_wipe(struct ks_buf *content)
{
    if (content->data != NULL)
        OPENSSL_cleanse(content->data, content->len);
    ks_buf_clear(content);
}

/* One read. *n is 0 at the end. */
static ks_rc read_some(int fd, uint8_t *data, size_t room, size_t *n,
                       struct ks_err *err)
{
    ssize_t got;
    ks_rc rc;

    while ((got = read(fd, data, room)) < 0 && errno == EINTR) {
        rc = cli_check_interrupt(err);
        if (rc != KS_OK)
            return rc;
    }
    if (got < 0)
        return ks_fail_errno(err, KS_E_IO, "read");
    *n = (size_t)got;
    return KS_OK;
}

/* Reads to the end, or one byte more than may be. */
static ks_rc read_all(int fd, struct ks_buf *content, struct ks_err *err)
{
    size_t room = 16384;
    size_t len = 0;
    size_t n = 1;
    uint8_t *data = OPENSSL_malloc(room);
    ks_rc rc = data != NULL ? KS_OK : KS_E_NOMEM;

    while (rc == KS_OK && n > 0 && len <= CLI_FILE_MAX) {
        if (len == room) {
            uint8_t *more = OPENSSL_clear_realloc(data, room, 2 * room);

            if (more == NULL) {
                rc = KS_E_NOMEM;
                break;
            }
            data = more;
            room *= 2;
        }
        rc = read_some(fd, data + len, room - len, &n, err);
        len += rc == KS_OK ? n : 0;
    }
    if (rc == KS_OK)
        rc = ks_buf_set(content, data, len);
    OPENSSL_clear_free(data, room);
    return rc;
}

ks_rc cli_file_read(const char *option, const char *path,
                    struct ks_buf *content, struct ks_err *err)
{
    struct ks_buf all = {0};
    int fd = -1;
    ks_rc rc = cli_file_name_check(option, path, err);

    if (rc == KS_OK)
        rc = open_input(option, path, &fd, err);
    if (rc == KS_OK)
        rc = read_all(fd, &all, err);
    if (rc == KS_OK && all.len == 0)
        rc = ks_fail(err, KS_E_INVALID, "%s: %s: empty", option, path);
    if (rc == KS_OK && all.len > CLI_FILE_MAX)
        rc = ks_fail(err, KS_E_INVALID, "%s: %s: over %zu bytes", option, path,
                     CLI_FILE_MAX);
    if (fd > STDIN_FILENO)
        (void)close(fd);
    if (rc != KS_OK) {
        cli_file_wipe(&all);
        return ks_fail(err, rc, "%s: %s: %s", option, path, ks_rc_text(rc));
    }
    *content = all; /* given to the caller */
    return KS_OK;
}
