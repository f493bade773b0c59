/*
 * The shape of a command: `caadm NOUN VERB`. A command is one row of the
 * table in cmds.c; its options are rows that fill a struct of its own.
 * Parsing, help, completion and the check of the man pages read these rows.
 */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "ks_err.h"

struct cli;

enum opt_kind {
    OPT_FLAG, /* bool */
    OPT_TEXT, /* const char *, NULL when absent */
    OPT_UINT, /* struct opt_uint */
    OPT_LIST, /* struct opt_list; may be given more than once */
};

/* Values of a repeated option, in the order given. Ends with NULL. */
struct opt_list {
    const char **items;
    size_t count;
};

/* A number; SET tells 0 from absent. */
struct opt_uint {
    bool set;
    unsigned value;
};

/* One option. ARG is shown in help and tells completion what the value is:
 * CA, PROFILE, BACKEND, URI, FILE, DIR, or a choice "pem|der|text", which is
 * checked too. Rows end with a NULL name. */
struct opt {
    const char *name; /* without the dashes */
    char letter;      /* '\0': none */
    enum opt_kind kind;
    size_t offset; /* in the command's struct */
    const char *arg;
    const char *help;
};

/* What a command runs with: all strings are borrowed from the parser. */
struct cmd_args {
    void *opts; /* the command's struct, filled */
    const char **argv;
    size_t argc;
};

struct cmd {
    const char *noun;
    const char *verb; /* "" if the noun is the whole command */
    const char *summary;
    const char *args; /* of the synopsis; "" for none */
    size_t min_args;
    size_t max_args;
    const struct opt *opts; /* NULL: none but the global ones */
    size_t opts_size;
    ks_rc (*run)(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err);
    const char *about; /* a paragraph for its help; may be NULL */
    const char *example;
};

/* Every command, in the order of help. Ends with NULL. */
extern const struct cmd *const cmds[];

/* NULL if there is none. VERB may be NULL for nouns that stand alone. */
const struct cmd *cmd_find(const char *noun, const char *verb);
bool cmd_noun_exists(const char *noun);

extern const struct cmd cmd_init;
extern const struct cmd cmd_ca_create;
extern const struct cmd cmd_ca_list;
extern const struct cmd cmd_ca_show;
extern const struct cmd cmd_cert_issue;
extern const struct cmd cmd_cert_list;
extern const struct cmd cmd_cert_show;
extern const struct cmd cmd_key_create;
extern const struct cmd cmd_key_import;
extern const struct cmd cmd_key_list;
extern const struct cmd cmd_key_show;
extern const struct cmd cmd_key_export;
extern const struct cmd cmd_key_delete;
extern const struct cmd cmd_key_passwd;
extern const struct cmd cmd_key_reseal;
extern const struct cmd cmd_key_move;
extern const struct cmd cmd_key_cert;
extern const struct cmd cmd_key_test;
extern const struct cmd cmd_key_uri;
extern const struct cmd cmd_backend_list;
extern const struct cmd cmd_backend_check;
extern const struct cmd cmd_backend_init;
extern const struct cmd cmd_profile_list;
extern const struct cmd cmd_profile_show;
extern const struct cmd cmd_doctor;

#endif
