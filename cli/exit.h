/*
 * Exit codes of caadm, documented in caadm(1).
 */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include "ks_err.h"

enum cli_exit {
    CLI_EXIT_DONE = 0,
    CLI_EXIT_REFUSED = 1,
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_NOT_FOUND = 3,
    CLI_EXIT_KEY = 4,
    CLI_EXIT_STORAGE = 5,
    CLI_EXIT_NEGATIVE = 6,
    CLI_EXIT_INTERRUPTED = 7,
};

/* The exit code of RC; a result that is not in the table is a storage
 * problem, never 0. */
enum cli_exit cli_exit_of(ks_rc rc);

/* A fixed word for RC, for JSON: "not-found". */
const char *cli_exit_word(enum cli_exit code);

#endif
