/*
 * Completion of command lines, from the tables and the inventory. The shell
 * calls `caadm --complete WORD...`; `caadm --list-commands` prints the tables
 * for the check of the man pages.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include <stdbool.h>

#include "cli.h"

/* True if argv asks for one of the two. */
bool complete_wanted(int argc, char *const argv[]);

/* Prints what can stand for the last word, one a line; "@file" and "@dir"
 * stand for file names. Never fails for want of a configuration. */
KS_MUST_CHECK ks_rc complete(struct cli *cli, int argc, char *const argv[],
                             struct ks_err *err);

#endif
