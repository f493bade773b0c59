/*
 * libsqlite3: the functions that store/sqlite and store/inventory call.
 */
#include <stdarg.h>
#include <stddef.h>

#include <sqlite3.h>

#include "delayed.h"

static struct library sqlite = LIBRARY(SQLITE_SONAME);

static void load_sqlite(void)
{
    delayed_load(&sqlite);
}

/* clang-format off */
DELAYED(sqlite, int, sqlite3_bind_blob64,
        (sqlite3_stmt *stmt, int at, const void *data, sqlite3_uint64 len,
         void (*destroy)(void *)),
        (stmt, at, data, len, destroy), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_bind_int64,
        (sqlite3_stmt *stmt, int at, sqlite3_int64 number),
        (stmt, at, number), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_bind_null,
        (sqlite3_stmt *stmt, int at),
        (stmt, at), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_bind_text64,
        (sqlite3_stmt *stmt, int at, const char *text, sqlite3_uint64 len,
         void (*destroy)(void *), unsigned char encoding),
        (stmt, at, text, len, destroy, encoding), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_busy_handler,
        (sqlite3 *db, int (*busy)(void *, int), void *arg),
        (db, busy, arg), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_changes, (sqlite3 *db), (db), 0)
DELAYED(sqlite, int, sqlite3_clear_bindings,
        (sqlite3_stmt *stmt),
        (stmt), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_close_v2, (sqlite3 *db), (db), SQLITE_ERROR)
DELAYED(sqlite, const void *, sqlite3_column_blob,
        (sqlite3_stmt *stmt, int at),
        (stmt, at), NULL)
DELAYED(sqlite, int, sqlite3_column_bytes,
        (sqlite3_stmt *stmt, int at),
        (stmt, at), 0)
DELAYED(sqlite, int, sqlite3_column_int,
        (sqlite3_stmt *stmt, int at),
        (stmt, at), 0)
DELAYED(sqlite, sqlite3_int64, sqlite3_column_int64,
        (sqlite3_stmt *stmt, int at),
        (stmt, at), 0)
DELAYED(sqlite, const unsigned char *, sqlite3_column_text,
        (sqlite3_stmt *stmt, int at),
        (stmt, at), NULL)
DELAYED(sqlite, int, sqlite3_column_type, (sqlite3_stmt *stmt, int at),
        (stmt, at), SQLITE_NULL)
DELAYED(sqlite, const char *, sqlite3_db_filename,
        (sqlite3 *db, const char *name),
        (db, name), NULL)
DELAYED(sqlite, int, sqlite3_db_readonly,
        (sqlite3 *db, const char *name),
        (db, name), 1)
DELAYED(sqlite, const char *, sqlite3_errmsg, (sqlite3 *db), (db), sqlite.why)
DELAYED(sqlite, const char *, sqlite3_errstr, (int code), (code), sqlite.why)
DELAYED(sqlite, int, sqlite3_exec,
        (sqlite3 *db, const char *sql,
         int (*each)(void *, int, char **, char **), void *arg, char **why),
        (db, sql, each, arg, why), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_extended_result_codes,
        (sqlite3 *db, int on),
        (db, on), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_finalize,
        (sqlite3_stmt *stmt),
        (stmt), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_get_autocommit, (sqlite3 *db), (db), 1)
DELAYED(sqlite, sqlite3_int64, sqlite3_last_insert_rowid, (sqlite3 *db), (db),
        0)
DELAYED(sqlite, int, sqlite3_limit,
        (sqlite3 *db, int which, int value),
        (db, which, value), -1)
DELAYED(sqlite, int, sqlite3_open_v2,
        (const char *path, sqlite3 **db, int flags, const char *vfs),
        (path, db, flags, vfs), SQLITE_NOTFOUND)
DELAYED(sqlite, int, sqlite3_prepare_v3,
        (sqlite3 *db, const char *sql, int len, unsigned flags,
         sqlite3_stmt **stmt, const char **rest),
        (db, sql, len, flags, stmt, rest), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_reset, (sqlite3_stmt *stmt), (stmt), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_step, (sqlite3_stmt *stmt), (stmt), SQLITE_ERROR)
DELAYED(sqlite, int, sqlite3_system_errno, (sqlite3 *db), (db), 0)
/* clang-format on */

/* Of its forms the one that is used here: OP, a number, and where to put the
 * value, or NULL. */
int sqlite3_db_config(sqlite3 *db, int op, ...)
{
    static void *_Atomic kept;
    int (*const function)(sqlite3 *, int, ...) =
        (int (*)(sqlite3 *, int, ...))delayed_find(&sqlite, load_sqlite,
                                                   "sqlite3_db_config", &kept);
    va_list args;
    int value, *out;

    va_start(args, op);
    value = va_arg(args, int);
    out = va_arg(args, int *);
    va_end(args);
    return function != NULL ? function(db, op, value, out) : SQLITE_ERROR;
}
