/*
 * SQLite's results in the keystore's terms, and statements that are prepared
 * once.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "sqlite/db.h"

#define WAIT_MIN_US 500
#define WAIT_SPREAD_US 4000

/* SQLite's primary result codes that a person can do something about. */
static const struct {
    int code;
    ks_rc rc;
    const char *hint;
} results[] = {
    {SQLITE_BUSY, KS_E_BUSY, "another process is writing there; try again"},
    {SQLITE_LOCKED, KS_E_BUSY, "another process is writing there; try again"},
    {SQLITE_FULL, KS_E_FULL, "make room on its file system"},
    {SQLITE_NOMEM, KS_E_NOMEM, NULL},
    {SQLITE_CORRUPT, KS_E_IO, /* of no single key */
     "the database of keys is damaged: restore a backup, or see \".recover\" "
     "of sqlite3"},
    {SQLITE_TOOBIG, KS_E_DAMAGED, "a value there is too long to be a key's"},
    {SQLITE_NOTADB, KS_E_CONFIG,
     "path in caadm.conf must name a database of keys, or no file yet"},
    {SQLITE_READONLY, KS_E_DENIED,
     "the file and its directory must be writable"},
    {SQLITE_PERM, KS_E_DENIED, NULL},
    /* What provider/delayed_sqlite.c gives where there is no SQLite. */
    {SQLITE_NOTFOUND, KS_E_CONFIG, "install it (Debian: libsqlite3-0)"},
    {SQLITE_CANTOPEN, KS_E_IO,
     "its directory must be there, and be writable: SQLite keeps files beside "
     "it"},
};

int64_t ks_sqlite_now(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail on Linux */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* In short, uneven steps: SQLite's own grow to 100 ms and starve some of many
 * writers. */
static void pause_a_little(void)
{
    struct timespec ts = {0};
    long us;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    us = WAIT_MIN_US + (ts.tv_nsec / 100 + getpid() * 7919L) % WAIT_SPREAD_US;
    ts = (struct timespec){.tv_nsec = us * 1000};
    (void)nanosleep(&ts, NULL); /* waking early is harmless */
}

bool ks_sqlite_again(const struct ks_sqlite_db *db, int code, int64_t start)
{
    if ((code & 0xff) != SQLITE_BUSY ||
        ks_sqlite_now() - start >= (int64_t)db->timeout_ms)
        return false;
    pause_a_little();
    return true;
}

static ks_rc rc_of_errno(int errnum, ks_rc rc)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG)
        return KS_E_FULL;
    if (errnum == EACCES || errnum == EPERM || errnum == EROFS)
        return KS_E_DENIED;
    return rc;
}

ks_rc ks_sqlite_fail(const struct ks_sqlite_db *db, int code, const char *what,
                     struct ks_err *err)
{
    bool io = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    int errnum =
        io && db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
    ks_rc rc = KS_E_IO;

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i].code != (code & 0xff))
            continue;
        rc = results[i].rc;
        if (results[i].hint != NULL)
            ks_hint(err, "%s", results[i].hint);
    }
    if (errnum != 0) {
        errno = errnum;
        return ks_fail_errno(err, rc_of_errno(errnum, rc), "%s: %s: %s",
                             db->path, what, sqlite3_errstr(code));
    }
    return ks_fail(err, rc, "%s: %s: %s", db->path, what,
                   db->handle != NULL ? sqlite3_errmsg(db->handle)
                                      : sqlite3_errstr(code));
}

static ks_rc prepare(struct ks_sqlite_db *db, const char *sql,
                     sqlite3_stmt **out, struct ks_err *err)
{
    int64_t start = ks_sqlite_now();
    int code;

    if (db->n_stmts == KS_SQLITE_STMT_MAX)
        return ks_fail(err, KS_E_INTERNAL, "too many statements");
    do {
        /* Reads the schema, and so can be busy. */
        code = sqlite3_prepare_v3(db->handle, sql, -1,
                                  SQLITE_PREPARE_PERSISTENT, out, NULL);
    } while (ks_sqlite_again(db, code, start));
    if (code != SQLITE_OK)
        return ks_sqlite_fail(db, code, "prepare", err);
    db->stmts[db->n_stmts].sql = sql;
    db->stmts[db->n_stmts++].stmt = *out;
    return KS_OK;
}

ks_rc ks_sqlite_query(struct ks_sqlite_db *db, const char *sql,
                      sqlite3_stmt **out, struct ks_err *err)
{
    for (size_t i = 0; i < db->n_stmts; i++) {
        if (db->stmts[i].sql == sql) {
            *out = db->stmts[i].stmt;
            return KS_OK;
        }
    }
    return prepare(db, sql, out, err);
}

void ks_sqlite_done(sqlite3_stmt *stmt)
{
    if (stmt == NULL)
        return;
    (void)sqlite3_reset(stmt); /* repeats the step's result */
    (void)sqlite3_clear_bindings(stmt);
}

static ks_rc result(const struct ks_sqlite_db *db, int code, const char *what,
                    struct ks_err *err)
{
    switch (code) {
    case SQLITE_ROW:
        return KS_OK;
    case SQLITE_DONE:
        return KS_E_NOT_FOUND;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return KS_E_EXISTS;
    default:
        return ks_sqlite_fail(db, code, what, err);
    }
}

/* SQLite does not call the busy handler where it sees a deadlock or a
 * recovery under way, so that it is tried again here. */
ks_rc ks_sqlite_first(struct ks_sqlite_db *db, sqlite3_stmt *stmt,
                      const char *what, struct ks_err *err)
{
    int64_t start = ks_sqlite_now();
    int code = sqlite3_step(stmt);

    while (ks_sqlite_again(db, code, start)) {
        (void)sqlite3_reset(stmt); /* repeats the step's result */
        code = sqlite3_step(stmt);
    }
    return result(db, code, what, err);
}

ks_rc ks_sqlite_next(struct ks_sqlite_db *db, sqlite3_stmt *stmt,
                     const char *what, struct ks_err *err)
{
    return result(db, sqlite3_step(stmt), what, err);
}
