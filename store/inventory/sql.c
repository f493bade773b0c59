/*
 * SQLite in the inventory's terms: results, bound values, statements that
 * are prepared once.
 */
#include "inventory.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

struct inv_arg inv_int(int64_t number)
{
    return (struct inv_arg){.kind = INV_INT, .number = number};
}

struct inv_arg inv_int_or_null(int64_t number)
{
    return (struct inv_arg){.kind = number == 0 ? INV_NULL : INV_INT,
                            .number = number};
}

struct inv_arg inv_text(const char *text)
{
    return (struct inv_arg){.kind = text == NULL ? INV_NULL : INV_TEXT,
                            .data = text,
                            .len = text == NULL ? 0 : strlen(text)};
}

struct inv_arg inv_blob(const void *data, size_t len)
{
    return (struct inv_arg){
        .kind = data == NULL ? INV_NULL : INV_BLOB, .data = data, .len = len};
}

/* SQLite's primary result codes that a person can do something about. */
static const struct {
    int code;
    ks_rc rc;
    const char *hint;
} results[] = {
    {SQLITE_BUSY, KS_E_BUSY,
     "another process is writing to the inventory; try again"},
    {SQLITE_LOCKED, KS_E_BUSY,
     "another process is writing to the inventory; try again"},
    {SQLITE_FULL, KS_E_FULL, "make room on its file system"},
    {SQLITE_NOMEM, KS_E_NOMEM, NULL},
    {SQLITE_CORRUPT, KS_E_IO, "the inventory is damaged: restore a backup"},
    {SQLITE_NOTADB, KS_E_IO,
     "this file is no inventory; see \"database\" in caadm.conf"},
    {SQLITE_READONLY, KS_E_DENIED,
     "the inventory, or its directory, cannot be written"},
    {SQLITE_PERM, KS_E_DENIED, NULL},
    /* What provider/delayed_sqlite.c gives where there is no SQLite. */
    {SQLITE_NOTFOUND, KS_E_CONFIG, "install it (Debian: libsqlite3-0)"},
    {SQLITE_CANTOPEN, KS_E_IO,
     "the inventory's directory must be there and be writable"},
};

ks_rc inv_fail(struct ks_inventory *inv, int sqlite_rc, const char *what,
               struct ks_err *err)
{
    ks_rc rc = KS_E_IO;
    int errnum = sqlite3_system_errno(inv->db);
    bool io = (sqlite_rc & 0xff) == SQLITE_IOERR ||
              (sqlite_rc & 0xff) == SQLITE_CANTOPEN;

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i].code != (sqlite_rc & 0xff))
            continue;
        rc = results[i].rc;
        if (results[i].hint != NULL)
            ks_hint(err, "%s", results[i].hint);
    }
    if (io && (errnum == ENOSPC || errnum == EDQUOT))
        rc = KS_E_FULL;
    else if (io && (errnum == EACCES || errnum == EPERM || errnum == EROFS))
        rc = KS_E_DENIED;
    if (io && errnum != 0) {
        errno = errnum;
        return ks_fail_errno(err, rc, "%s: %s: %s", inv->path, what,
                             sqlite3_errstr(sqlite_rc));
    }
    return ks_fail(err, rc, "%s: %s: %s", inv->path, what,
                   inv->db != NULL ? sqlite3_errmsg(inv->db)
                                   : sqlite3_errstr(sqlite_rc));
}

static int bind(sqlite3_stmt *stmt, int at, const struct inv_arg *arg)
{
    switch (arg->kind) {
    case INV_INT:
        return sqlite3_bind_int64(stmt, at, arg->number);
    case INV_TEXT:
        return sqlite3_bind_text64(stmt, at, arg->data, arg->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case INV_BLOB:
        return sqlite3_bind_blob64(stmt, at, arg->data, arg->len,
                                   SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, at);
    }
}

static ks_rc bind_all(struct ks_inventory *inv, sqlite3_stmt *stmt,
                      const struct inv_arg *args, size_t n, struct ks_err *err)
{
    for (size_t i = 0; i < n; i++) {
        int rc = bind(stmt, (int)i + 1, &args[i]);

        if (rc != SQLITE_OK)
            return inv_fail(inv, rc, "bind", err);
    }
    return KS_OK;
}

ks_rc inv_query_own(struct ks_inventory *inv, const char *sql,
                    const struct inv_arg *args, size_t n, sqlite3_stmt **out,
                    struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v3(inv->db, sql, -1, 0, &stmt, NULL);
    ks_rc rc;

    if (code != SQLITE_OK)
        return inv_fail(inv, code, "prepare", err);
    rc = bind_all(inv, stmt, args, n, err);
    if (rc != KS_OK) {
        (void)sqlite3_finalize(stmt); /* repeats the step's result */
        return rc;
    }
    *out = stmt;
    return KS_OK;
}

static ks_rc find_stmt(struct ks_inventory *inv, const char *sql,
                       sqlite3_stmt **out, struct ks_err *err)
{
    int code;

    for (size_t i = 0; i < inv->n_stmts; i++) {
        if (inv->stmts[i].sql == sql) {
            *out = inv->stmts[i].stmt;
            return KS_OK;
        }
    }
    if (inv->n_stmts == INV_STMT_MAX)
        return ks_fail(err, KS_E_INTERNAL, "too many statements");
    code = sqlite3_prepare_v3(inv->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out,
                              NULL);
    if (code != SQLITE_OK)
        return inv_fail(inv, code, "prepare", err);
    inv->stmts[inv->n_stmts].sql = sql;
    inv->stmts[inv->n_stmts++].stmt = *out;
    return KS_OK;
}

ks_rc inv_query(struct ks_inventory *inv, const char *sql,
                const struct inv_arg *args, size_t n, sqlite3_stmt **out,
                struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = find_stmt(inv, sql, &stmt, err);

    if (rc == KS_OK)
        rc = bind_all(inv, stmt, args, n, err);
    if (rc == KS_OK)
        *out = stmt;
    return rc;
}

ks_rc inv_step(struct ks_inventory *inv, sqlite3_stmt *stmt, struct ks_err *err)
{
    int code = sqlite3_step(stmt);

    if (code == SQLITE_ROW)
        return KS_OK;
    if (code == SQLITE_DONE)
        return KS_E_NOT_FOUND;
    if (code == SQLITE_CONSTRAINT_UNIQUE ||
        code == SQLITE_CONSTRAINT_PRIMARYKEY)
        return KS_E_EXISTS;
    return inv_fail(inv, code, inv->in_tx ? "write" : "read", err);
}

void inv_done(sqlite3_stmt *stmt)
{
    if (stmt == NULL)
        return;
    (void)sqlite3_reset(stmt); /* repeats the step's result */
    (void)sqlite3_clear_bindings(stmt);
}

ks_rc inv_run(struct ks_inventory *inv, const char *sql,
              const struct inv_arg *args, size_t n, struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, args, n, &stmt, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_step(inv, stmt, err);
    inv_done(stmt);
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    return rc == KS_OK ? KS_E_INTERNAL : rc;
}

ks_rc inv_get_int(struct ks_inventory *inv, const char *sql,
                  const struct inv_arg *args, size_t n, int64_t *out,
                  struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, args, n, &stmt, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_step(inv, stmt, err);
    if (rc == KS_OK)
        *out = sqlite3_column_int64(stmt, 0);
    inv_done(stmt);
    return rc;
}

bool inv_col_text(sqlite3_stmt *stmt, int col, char **out)
{
    const unsigned char *text = sqlite3_column_text(stmt, col);

    *out = NULL;
    if (text == NULL)
        return true;
    *out = OPENSSL_strdup((const char *)text);
    return *out != NULL;
}

bool inv_col_blob(sqlite3_stmt *stmt, int col, struct ks_buf *out)
{
    const void *data = sqlite3_column_blob(stmt, col);
    int len = sqlite3_column_bytes(stmt, col);

    if (data == NULL || len <= 0)
        return true;
    return ks_buf_set(out, data, (size_t)len) == KS_OK;
}

void inv_col_hash(sqlite3_stmt *stmt, int col, uint8_t out[KS_HASH_LEN])
{
    const void *data = sqlite3_column_blob(stmt, col);

    memset(out, 0, KS_HASH_LEN);
    if (data != NULL && sqlite3_column_bytes(stmt, col) == KS_HASH_LEN)
        memcpy(out, data, KS_HASH_LEN);
}
