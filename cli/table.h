/*
 * Rows and objects for people and programs from one source: a JSON object.
 * On a terminal a table in columns; into a pipe one line a row, its cells
 * parted by tabs, without a heading; with --json an array.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "out.h"

/* A column: a key of the row's object and its heading. Ends with NULL. */
struct cli_column {
    const char *key;
    const char *title;
};

struct cli_table {
    struct cli *cli;
    const char *name; /* of the array in JSON: "certs" */
    const struct cli_column *columns;
    json_t *rows; /* kept for a terminal only, to know the widths */
    size_t count;
};

void cli_table_init(struct cli_table *table, struct cli *cli, const char *name,
                    const struct cli_column *columns);
/* Takes ROW, which may be NULL: out of memory. */
KS_MUST_CHECK ks_rc cli_table_row(struct cli_table *table, json_t *row,
                                  struct ks_err *err);
KS_MUST_CHECK ks_rc cli_table_end(struct cli_table *table, struct ks_err *err);
/* For every way out. */
void cli_table_clear(struct cli_table *table);

/* Prints one object, a line a field; with --json the whole of it, as member
 * NAME. Takes OBJECT. Fields that are null are left out of the text. */
KS_MUST_CHECK ks_rc cli_show(struct cli *cli, const char *name, json_t *object,
                             const struct cli_column *fields,
                             struct ks_err *err);

#endif
