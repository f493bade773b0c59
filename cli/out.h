/*
 * All that caadm prints. Data goes to standard output, as text or JSON;
 * everything else to standard error. Control characters of foreign data
 * never reach a terminal.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "cli.h"
#include "ks_err.h"

#define CLI_JSON_VERSION 1 /* raised when a key changes its meaning */

/* "caadm: ..." with --quiet, too: what goes before a question. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "caadm: ...", "caadm: warning: ..."; not with --quiet. */
void cli_note(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_warn(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The error and its hint, to standard error; with --json also as an object
 * on standard output, unless something went there before. */
void cli_error(struct cli *cli, ks_rc rc, const struct ks_err *err);

/* Writes data to standard output as it is. KS_E_IO. */
KS_MUST_CHECK ks_rc cli_out_bytes(struct cli *cli, const void *data, size_t len,
                                  struct ks_err *err);
KS_MUST_CHECK ks_rc cli_out_line(struct cli *cli, struct ks_err *err,
                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The result of a failed write to standard output, by errno. */
ks_rc cli_out_failed(struct ks_err *err);

/* Writes OBJECT with "version" added, on a line. Takes OBJECT, which may be
 * NULL: out of memory. */
KS_MUST_CHECK ks_rc cli_out_json(struct cli *cli, json_t *object,
                                 struct ks_err *err);

/* Flushes and closes standard output: only then is a result a result. */
KS_MUST_CHECK ks_rc cli_out_close(struct cli *cli, struct ks_err *err);

/* As json_string, but NULL gives null, and bytes that are not UTF-8 give
 * '?'. */
json_t *cli_json_text(const char *text);

/* Writes TEXT with control characters as '?'. */
void cli_put_safe(FILE *stream, const char *text);

/* A line "WHAT N/TOTAL", on a terminal only, and only when the work has
 * taken a second; TOTAL 0 leaves the numbers out. cli_progress_end wipes it.
 */
void cli_progress(const struct cli *cli, const char *what, size_t done,
                  size_t total);
void cli_progress_end(void);

#endif
