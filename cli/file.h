/*
 * Files that a person names on the command line. What is read is bounded;
 * what is written appears whole under its name or not at all, never over
 * another file unless that was asked for, and never through a symbolic link.
 */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "ks_buf.h"
#include "ks_err.h"

#define CLI_FILE_MAX ((size_t)1 << 20) /* bytes of an input file */

/* Who may read a new file. */
enum cli_file_mode {
    CLI_FILE_PUBLIC, /* as the user's umask says */
    CLI_FILE_SECRET, /* 0600 */
};

struct cli_file {
    struct cli *cli;
    char *path; /* NULL: standard output */
    char *temp;
    int fd;
    bool force;
};

/* KS_E_INVALID if TEXT looks like a URI, or is empty. OPTION is for the
 * message: "--out". */
KS_MUST_CHECK ks_rc cli_file_name_check(const char *option, const char *text,
                                        struct ks_err *err);

/*
 * Makes ready to write PATH ("-" or NULL: standard output), before the work
 * whose result it takes: KS_E_EXISTS, KS_E_DENIED, KS_E_FULL, ... show here.
 * FILE is closed by cli_file_commit or cli_file_abort.
 */
KS_MUST_CHECK ks_rc cli_file_open(struct cli_file *file, struct cli *cli,
                                  const char *path, enum cli_file_mode mode,
                                  bool force, struct ks_err *err);
/* Writes DATA, and gives it its name. The file is on stable storage when
 * this returns. */
KS_MUST_CHECK ks_rc cli_file_commit(struct cli_file *file, const void *data,
                                    size_t len, struct ks_err *err);
/* Leaves nothing behind. After a commit, or on { 0 }: harmless. */
void cli_file_abort(struct cli_file *file);

/* Reads PATH ("-": standard input) whole. KS_E_NOT_FOUND, KS_E_INVALID (a
 * directory, empty, over CLI_FILE_MAX), ... Caller wipes or clears. */
KS_MUST_CHECK ks_rc cli_file_read(const char *option, const char *path,
                                  struct ks_buf *content, struct ks_err *err);
/* ks_buf_clear for what may hold a key. */
void cli_file_wipe(struct ks_buf *content);

#endif
