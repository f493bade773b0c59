/*
 * Where secrets come from: one row a source.
 */
#include "ks_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ks_config.h"

#define FD_MAX 1000000 /* no process has more descriptors */

/* One resolution. WHAT is "passphrase" or "PIN". */
struct request {
    const char *base_dir;
    const struct ks_question *question;
    const char *what;
    struct ks_secret *secret;
    struct ks_err *err;
};

static const char *what_of(const struct ks_question *question)
{
    return question != NULL && question->what != NULL ? question->what
                                                      : "passphrase";
}

/* The number of an fd: source; -1 if it is none. */
static int fd_of(const char *text)
{
    size_t len = strlen(text);
    int number;

    if (len == 0 || len > 7 || strspn(text, "0123456789") != len)
        return -1;
    number = atoi(text);
    return number <= FD_MAX ? number : -1;
}

static bool is_pass(const char *rest)
{
    (void)rest; /* anything, and even nothing, can be a passphrase's text */
    return true;
}

static bool is_name(const char *rest)
{
    return *rest != '\0' && strchr(rest, '=') == NULL;
}

static bool is_path(const char *rest)
{
    return *rest != '\0';
}

static bool is_fd(const char *rest)
{
    return fd_of(rest) >= 0;
}

/* systemd.exec(5): a credential's name is that of a file. */
static bool is_credential(const char *rest)
{
    return *rest != '\0' && strchr(rest, '/') == NULL &&
           strcmp(rest, ".") != 0 && strcmp(rest, "..") != 0;
}

static bool is_nothing(const char *rest)
{
    return *rest == '\0';
}

/* FROM and NAME say where it is from, as the source does: "file:" and a
 * path. */
static ks_rc set_checked(const struct request *request, const char *from,
                         const char *name, const void *data, size_t len)
{
    if (len == 0)
        return ks_fail(request->err, KS_E_SECRET_MISSING, "%s%s: %s is empty",
                       from, name, request->what);
    if (len > KS_SECRET_MAX)
        return ks_fail(request->err, KS_E_INVALID,
                       "%s%s: %s is longer than %d bytes", from, name,
                       request->what, KS_SECRET_MAX);
    if (memchr(data, '\0', len) != NULL)
        return ks_fail(request->err, KS_E_INVALID, "%s%s: %s has a NUL byte",
                       from, name, request->what);
    return ks_secret_set(request->secret, data, len);
}

static ks_rc get_pass(const struct request *request, const char *rest)
{
    return set_checked(request, "pass", "", rest, strlen(rest));
}

static ks_rc get_env(const struct request *request, const char *rest)
{
    const char *value = secure_getenv(rest);

    if (value == NULL)
        return ks_fail(request->err, KS_E_SECRET_MISSING,
                       "env:%s: variable is not set", rest);
    return set_checked(request, "env:", rest, value, strlen(value));
}

/* Reads one byte at a time, so that what follows the line is still there for
 * the next reader of FD. WHOLE: to the end of the file, which may be one
 * line's end longer than the secret. */
static ks_rc read_line(const struct request *request, const char *from,
                       const char *name, int fd, bool whole)
{
    uint8_t line[KS_SECRET_MAX + 3]; /* and a CR, an LF, one too many */
    size_t len = 0;
    ks_rc rc;

    while (len < sizeof(line)) {
        ssize_t got = read(fd, line + len, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = ks_fail_errno(request->err, KS_E_SECRET_MISSING,
                               "%s%s: cannot read the %s", from, name,
                               request->what);
            goto out;
        }
        if (got == 0 || (line[len] == '\n' && !whole))
            break;
        len++;
    }
    if (whole && len > 0 && line[len - 1] == '\n')
        len--;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    rc = set_checked(request, from, name, line, len);
out:
    OPENSSL_cleanse(line, sizeof(line));
    return rc;
}

static ks_rc read_file(const struct request *request, const char *from,
                       const char *path, bool whole)
{
    /* Nonblocking, so that nothing waits for the other end of a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    ks_rc rc;

    if (fd < 0)
        return ks_fail_errno(request->err, KS_E_SECRET_MISSING,
                             "%s%s: cannot read the %s", from, path,
                             request->what);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        rc = ks_fail(request->err, KS_E_SECRET_MISSING,
                     "%s%s: not a regular file", from, path);
    else
        rc = read_line(request, from, path, fd, whole);
    (void)close(fd); /* it was only read */
    return rc;
}

static ks_rc get_file(const struct request *request, const char *rest)
{
    char *path = request->base_dir != NULL
                     ? ks_path_below(request->base_dir, rest)
                     : OPENSSL_strdup(rest);
    ks_rc rc;

    if (path == NULL)
        return KS_E_NOMEM;
    rc = read_file(request, "file:", path, false);
    OPENSSL_free(path);
    return rc;
}

static ks_rc get_fd(const struct request *request, const char *rest)
{
    return read_line(request, "fd:", rest, fd_of(rest), false);
}

static ks_rc get_stdin(const struct request *request, const char *rest)
{
    return read_line(request, "stdin", rest, STDIN_FILENO, false);
}

static ks_rc get_cred(const struct request *request, const char *rest)
{
    const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
    char *path;
    ks_rc rc;

    if (dir == NULL || *dir == '\0')
        return ks_fail(request->err, KS_E_SECRET_MISSING,
                       "cred:%s: CREDENTIALS_DIRECTORY is not set, so systemd "
                       "passed no credentials",
                       rest);
    path = ks_path_below(dir, rest);
    if (path == NULL)
        return KS_E_NOMEM;
    rc = read_file(request, "cred:", path, true);
    OPENSSL_free(path);
    return rc;
}

static ks_rc get_prompt(const struct request *request, const char *rest)
{
    static const struct ks_question unknown = {.what = "passphrase"};

    (void)rest;
    return ks_secret_prompt(request->question != NULL ? request->question
                                                      : &unknown,
                            request->secret, request->err);
}

static const struct source {
    const char *prefix;
    bool (*check)(const char *rest);
    ks_rc (*get)(const struct request *request, const char *rest);
} sources[] = {
    {"pass:", is_pass, get_pass},       {"env:", is_name, get_env},
    {"file:", is_path, get_file},       {"fd:", is_fd, get_fd},
    {"stdin", is_nothing, get_stdin},   {"cred:", is_credential, get_cred},
    {"prompt", is_nothing, get_prompt},
};

/* NULL if SOURCE is no good source; else *rest is what follows its prefix. */
static const struct source *source_of(const char *source, const char **rest)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        size_t len = strlen(sources[i].prefix);

        if (strncmp(source, sources[i].prefix, len) != 0)
            continue;
        *rest = source + len;
        return sources[i].check(*rest) ? &sources[i] : NULL;
    }
    return NULL;
}

/* The source itself is not quoted: people do write passphrases there. */
static ks_rc refuse(const char *source, struct ks_err *err)
{
    if (ks_secret_is_random(source)) {
        ks_hint(err, "\"random\" stands for a passphrase that is drawn for a "
                     "key and found again without being named: passphrase in "
                     "caadm.conf, --passout of a key in a backend");
        return ks_fail(err, KS_E_INVALID,
                       "a random secret cannot be used here");
    }
    return ks_fail(err, KS_E_INVALID,
                   "not a source of a secret: pass:TEXT, env:NAME, file:PATH, "
                   "fd:N, stdin, cred:NAME or prompt");
}

bool ks_secret_is_random(const char *source)
{
    return source != NULL && strcmp(source, KS_SECRET_RANDOM) == 0;
}

ks_rc ks_secret_passphrase_check(const char *source, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    if (ks_secret_is_random(source))
        return KS_OK;
    rc = ks_secret_source_check(source, &why);
    return rc == KS_OK ? KS_OK : ks_fail(err, rc, "%s, or random", why.text);
}

ks_rc ks_secret_source_check(const char *source, struct ks_err *err)
{
    const char *rest;

    if (source == NULL || source_of(source, &rest) == NULL)
        return refuse(source, err);
    return KS_OK;
}

ks_rc ks_secret_resolve(const char *source, const char *base_dir,
                        const struct ks_question *question,
                        struct ks_secret *secret, struct ks_err *err)
{
    const struct request request = {base_dir, question, what_of(question),
                                    secret, err};
    const struct source *row;
    const char *rest = NULL;

    row = source != NULL ? source_of(source, &rest) : NULL;
    return row != NULL ? row->get(&request, rest) : refuse(source, err);
}
