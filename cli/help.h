/*
 * Help, printed from the tables of commands and options.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli.h"
#include "cmd.h"

/* What to do next, for `caadm` alone. */
KS_MUST_CHECK ks_rc help_next(struct cli *cli, struct ks_err *err);
/* All commands; NOUN != NULL: its verbs only. */
KS_MUST_CHECK ks_rc help_list(struct cli *cli, const char *noun,
                              struct ks_err *err);
/* One command. */
KS_MUST_CHECK ks_rc help_command(struct cli *cli, const struct cmd *cmd,
                                 struct ks_err *err);
/* `caadm help [NOUN [VERB]]`. KS_E_INVALID if there is none. */
KS_MUST_CHECK ks_rc help_words(struct cli *cli, const char *const *words,
                               size_t count, struct ks_err *err);

/* For completion and the check of the man pages: a line a command, its noun,
 * verb and options. */
KS_MUST_CHECK ks_rc help_tables(struct cli *cli, struct ks_err *err);

#endif
