/*
 * Private to the inventory: the handle, and how its files speak SQL. A
 * statement is prepared once per handle and found again by the address of
 * its text, so every SQL text here is a static string.
 */
#ifndef INVENTORY_H
#define INVENTORY_H

#include <sqlite3.h>

#include "ks_inventory.h"

#define INV_STMT_MAX 64 /* distinct statements of one handle */

struct inv_stmt {
    const char *sql; /* static */
    sqlite3_stmt *stmt;
};

struct ks_inventory {
    sqlite3 *db;
    char *path;
    bool read_only;
    bool in_tx;
    unsigned timeout_ms;
    int64_t waiting_since; /* milliseconds; for the busy handler */
    int owner_fd;          /* -1 until this handle owns rows */
    int64_t owner;
    struct inv_stmt stmts[INV_STMT_MAX];
    size_t n_stmts;
};

/* --- sql.c -------------------------------------------------------------- */

/* One bound value; made by the functions below, borrowed until the step. */
struct inv_arg {
    enum {
        INV_NULL,
        INV_INT,
        INV_TEXT,
        INV_BLOB
    } kind;
    int64_t number;
    const void *data;
    size_t len;
};
struct inv_arg inv_int(int64_t number);
struct inv_arg inv_int_or_null(int64_t number);        /* NULL for 0 */
struct inv_arg inv_text(const char *text);             /* NULL for NULL */
struct inv_arg inv_blob(const void *data, size_t len); /* NULL for NULL */

#define INV_ARGS(...)                                                          \
    (const struct inv_arg[]){__VA_ARGS__},                                     \
        sizeof((const struct inv_arg[]){__VA_ARGS__}) / sizeof(struct inv_arg)

/* Maps SQLite's result to ours and writes the text: PATH: WHAT: why. */
ks_rc inv_fail(struct ks_inventory *inv, int sqlite_rc, const char *what,
               struct ks_err *err);

/* The statement, bound and ready to step; the handle owns it. It must be
 * inv_done before it is used again. */
KS_MUST_CHECK ks_rc inv_query(struct ks_inventory *inv, const char *sql,
                              const struct inv_arg *args, size_t n,
                              sqlite3_stmt **out, struct ks_err *err);
/* As inv_query, but the caller owns it, for listings whose callback may use
 * the handle: end with sqlite3_finalize. */
KS_MUST_CHECK ks_rc inv_query_own(struct ks_inventory *inv, const char *sql,
                                  const struct inv_arg *args, size_t n,
                                  sqlite3_stmt **out, struct ks_err *err);
/* KS_OK: a row. KS_E_NOT_FOUND (no text): no more. */
KS_MUST_CHECK ks_rc inv_step(struct ks_inventory *inv, sqlite3_stmt *stmt,
                             struct ks_err *err);
void inv_done(sqlite3_stmt *stmt); /* takes NULL */

/* Runs a statement that gives no rows. KS_E_EXISTS when a unique index
 * forbids it. */
KS_MUST_CHECK ks_rc inv_run(struct ks_inventory *inv, const char *sql,
                            const struct inv_arg *args, size_t n,
                            struct ks_err *err);
/* The first column of the first row. KS_E_NOT_FOUND (no text). */
KS_MUST_CHECK ks_rc inv_get_int(struct ks_inventory *inv, const char *sql,
                                const struct inv_arg *args, size_t n,
                                int64_t *out, struct ks_err *err);

/* Copies of columns; false when out of memory. NULL columns give NULL, 0
 * bytes. */
bool inv_col_text(sqlite3_stmt *stmt, int col, char **out);
bool inv_col_blob(sqlite3_stmt *stmt, int col, struct ks_buf *out);
/* Exactly KS_HASH_LEN octets, or zeros. */
void inv_col_hash(sqlite3_stmt *stmt, int col, uint8_t out[KS_HASH_LEN]);

/* --- inventory.c -------------------------------------------------------- */

/* A transaction unless the caller has one; *mine says which. */
KS_MUST_CHECK ks_rc inv_enter(struct ks_inventory *inv, bool *mine,
                              struct ks_err *err);
/* Ends it if it is MINE: commits if RC is KS_OK, else rolls back. Returns RC
 * or the commit's failure. */
KS_MUST_CHECK ks_rc inv_leave(struct ks_inventory *inv, bool mine, ks_rc rc,
                              struct ks_err *err);

/* --- schema.c ----------------------------------------------------------- */

/* Checks that the open file is an inventory, and brings it up to date if it
 * may be written. */
KS_MUST_CHECK ks_rc inv_schema(struct ks_inventory *inv, struct ks_err *err);

/* --- owner.c ------------------------------------------------------------ */

/* The mark of this handle on rows that are not finished, made on first use.
 * It holds as long as the process lives. */
KS_MUST_CHECK ks_rc inv_owner(struct ks_inventory *inv, int64_t *owner,
                              struct ks_err *err);
/* True in *alive if the process of that mark still lives. */
KS_MUST_CHECK ks_rc inv_owner_alive(struct ks_inventory *inv, int64_t owner,
                                    bool *alive, struct ks_err *err);
/* Marks a row of a dead process as this handle's: FIND gives its owner, CLAIM
 * sets it, its first parameter. False in *claimed if there is no such row, or
 * its owner lives. */
KS_MUST_CHECK ks_rc inv_claim(struct ks_inventory *inv, const char *find,
                              const char *claim, int64_t id, bool *claimed,
                              struct ks_err *err);
void inv_owner_close(struct ks_inventory *inv);

/* --- serial.c ----------------------------------------------------------- */

void inv_serial_hex(const uint8_t *serial, size_t len, char out[KS_SERIAL_HEX]);

#define INV_SERIAL_RANGE (KS_SERIAL_MAX + 1)
/* The serials that begin with some digits: from <= s, and s < below unless
 * below_len is 0. */
struct inv_serial_range {
    size_t digits; /* how many were given */
    uint8_t from[INV_SERIAL_RANGE];
    size_t from_len;
    uint8_t below[INV_SERIAL_RANGE];
    size_t below_len;
};
/* KS_E_INVALID unless HEX is 1..40 digits, colons aside. ODD: a zero digit
 * is set before them. */
KS_MUST_CHECK ks_rc inv_serial_range(const char *hex, bool odd,
                                     struct inv_serial_range *range,
                                     struct ks_err *err);

#endif
