/*
 * Options of the command line, on popt: rows (cmd.h) fill a struct.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd.h"
#include "ks_err.h"

/* Options of every command, before or after its verb. */
struct opt_globals {
    const char *home;
    const char *config;
    bool json;
    bool quiet;
    bool help;
    bool version;
};

/* Their rows; offsets are in struct opt_globals. */
extern const struct opt opt_global_rows[];

/* The strings and lists that a parse has made. { 0 } first. */
struct opt_memory {
    void **items;
    size_t count;
};
void opt_memory_free(struct opt_memory *memory);

/* A command line, parsed. */
struct opt_line {
    struct opt_globals globals;
    const char *noun;      /* NULL: none given */
    const char *verb;      /* NULL: none given */
    const struct cmd *cmd; /* NULL: none was named, or only help is wanted */
    struct cmd_args args;
    struct opt_memory memory;
};

/*
 * Parses argv[1..]. LINE is { 0 } before, and cleared by the caller after,
 * whatever the result; what was read before a fault stays in it (so that
 * --json counts for its error too). KS_E_INVALID names the fault, with a
 * hint; KS_E_NOMEM.
 */
KS_MUST_CHECK ks_rc opt_parse(int argc, char *const argv[],
                              struct opt_line *line, struct ks_err *err);
void opt_line_clear(struct opt_line *line);

/* True if WORD is one of CHOICES "a|b|c"; an ARG that is no choice (no '|')
 * takes every word. */
bool opt_choice_has(const char *choices, const char *word);

#endif
