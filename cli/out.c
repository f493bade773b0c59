/*
 * Standard output and standard error.
 */
#include "out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exit.h"

/* The length of the UTF-8 character at AT, and the character; 0 if there is
 * none (RFC 3629). */
static size_t utf8_char(const unsigned char *at, unsigned long *c)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80                    ? 1
                 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                 : (at[0] & 0xf0) == 0xe0        ? 3
                 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                 : 0;

    *c = len < 2 ? at[0] : at[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (at[i] & 0x3f);
    }
    if (len > 1 && (*c < least[len] || *c > 0x10ffff))
        return 0;
    return len;
}

/* What steers a terminal, or turns the direction of a text, so that it reads
 * as something else (Unicode UAX 9). */
static bool is_control(unsigned long c)
{
    static const unsigned long ranges[][2] = {
        {0, 0x1f},        {0x7f, 0x9f},     {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xd800, 0xdfff},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

void cli_put_safe(FILE *stream, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned long c;

    while (*at != '\0') {
        size_t len = utf8_char(at, &c);

        if (len == 0 || is_control(c)) {
            (void)fputc('?', stream);
            at += len == 0 ? 1 : len;
            continue;
        }
        (void)fwrite(at, 1, len, stream);
        at += len;
    }
}

/* One write a line, so that lines of several processes do not mix. */
static void put_line(const char *kind, const char *what, const char *text)
{
    char *line = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&line, &len);

    cli_progress_end();
    if (stream == NULL)
        return;
    (void)fprintf(stream, "caadm: %s", kind);
    if (what != NULL && what[0] != '\0')
        (void)fprintf(stream, "%s: ", what);
    cli_put_safe(stream, text);
    (void)fputc('\n', stream);
    if (fclose(stream) == 0)
        (void)fwrite(line, 1, len, stderr);
    free(line);
}

__attribute__((format(printf, 2, 0))) static void
put_format(const char *kind, const char *format, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, format, args) < 0)
        return;
    put_line(kind, NULL, text);
    free(text);
}

void cli_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format("", format, args);
    va_end(args);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list args;

    if (cli->globals.quiet)
        return;
    va_start(args, format);
    put_format("", format, args);
    va_end(args);
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
    va_list args;

    if (cli->globals.quiet)
        return;
    va_start(args, format);
    put_format("warning: ", format, args);
    va_end(args);
}

static void json_error(struct cli *cli, ks_rc rc, const struct ks_err *err)
{
    enum cli_exit code = cli_exit_of(rc);
    struct ks_err ignored = {0};
    json_t *object;

    object = json_pack("{s:{s:i, s:s, s:s, s:o, s:o, s:o}}", "error", "exit",
                       (int)code, "kind", cli_exit_word(code), "reason",
                       ks_rc_text(rc), "command", cli_json_text(cli->what),
                       "text", cli_json_text(err->text), "hint",
                       cli_json_text(err->hint[0] ? err->hint : NULL));
    rc = cli_out_json(cli, object, &ignored);
    (void)rc; /* the first error is told, on standard error, anyway */
}

void cli_error(struct cli *cli, ks_rc rc, const struct ks_err *err)
{
    put_line("error: ", cli->what,
             err->text[0] != '\0' ? err->text : ks_rc_text(rc));
    if (err->hint[0] != '\0')
        put_line("hint: ", NULL, err->hint);
    if (cli->globals.json && !cli->out_started)
        json_error(cli, rc, err);
}

ks_rc cli_out_failed(struct ks_err *err)
{
    return ks_fail_errno(err, errno == 0 ? KS_E_IO : ks_rc_of_errno(errno),
                         "standard output");
}

ks_rc cli_out_bytes(struct cli *cli, const void *data, size_t len,
                    struct ks_err *err)
{
    cli->out_started = true;
    if (len > 0 && fwrite(data, 1, len, stdout) != len)
        return cli_out_failed(err);
    return KS_OK;
}

ks_rc cli_out_line(struct cli *cli, struct ks_err *err, const char *format, ...)
{
    va_list args;
    int written;

    cli->out_started = true;
    va_start(args, format);
    written = vprintf(format, args);
    va_end(args);
    if (written < 0 || putchar('\n') == EOF)
        return cli_out_failed(err);
    return KS_OK;
}

ks_rc cli_out_json(struct cli *cli, json_t *object, struct ks_err *err)
{
    json_t *whole = json_pack("{s:i}", "version", CLI_JSON_VERSION);
    ks_rc rc = KS_E_NOMEM;

    if (object == NULL || whole == NULL ||
        json_object_update(whole, object) != 0) {
        (void)ks_fail(err, KS_E_NOMEM, "JSON output: out of memory");
        goto out;
    }
    cli->out_started = true;
    if (json_dumpf(whole, stdout, JSON_INDENT(2)) != 0 ||
        putchar('\n') == EOF || fflush(stdout) != 0) {
        rc = cli_out_failed(err);
        goto out;
    }
    rc = KS_OK;
out:
    json_decref(whole);
    json_decref(object);
    return rc;
}

ks_rc cli_out_close(struct cli *cli, struct ks_err *err)
{
    /* A closed descriptor matters only to a command that had data. */
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return cli_out_failed(err);
    if (!cli->out_started)
        return KS_OK;
    if (close(STDOUT_FILENO) != 0 && errno != EINTR)
        return cli_out_failed(err);
    return KS_OK;
}

json_t *cli_json_text(const char *text)
{
    json_t *string = text == NULL ? json_null() : json_string(text);
    char *copy;

    if (string != NULL)
        return string;
    copy = strdup(text);
    if (copy == NULL)
        return NULL;
    for (char *at = copy; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    string = json_string(copy);
    free(copy);
    return string;
}

static struct {
    struct timespec start;
    bool shown;
} progress;

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (double)(now.tv_sec - start->tv_sec) +
           (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

void cli_progress(const struct cli *cli, const char *what, size_t done,
                  size_t total)
{
    if (!cli->stderr_tty || cli->globals.quiet)
        return;
    if (progress.start.tv_sec == 0) {
        (void)clock_gettime(CLOCK_MONOTONIC, &progress.start);
        return;
    }
    if (seconds_since(&progress.start) < 1)
        return;
    progress.shown = true;
    if (total > 0)
        (void)fprintf(stderr, "\rcaadm: %s %zu/%zu\033[K", what, done, total);
    else
        (void)fprintf(stderr, "\rcaadm: %s ...\033[K", what);
    (void)fflush(stderr);
}

void cli_progress_end(void)
{
    if (cli_signals_busy_end() || progress.shown)
        (void)fputs("\r\033[K", stderr);
    progress.shown = false;
}
