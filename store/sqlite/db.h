/*
 * A database of keys: one connection, opened on first use, that many threads
 * take in turns. It is held for the length of an SQL statement only, never
 * while anybody is asked or told something.
 */
#ifndef KS_SQLITE_DB_H
#define KS_SQLITE_DB_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include <sqlite3.h>

#include "ks_buf.h"
#include "sqlite/fork.h"

#define KS_SQLITE_STMT_MAX 16 /* distinct statements of one connection */

struct ks_sqlite_stmt {
    const char *sql; /* static */
    sqlite3_stmt *stmt;
};

struct ks_sqlite_db {
    char *path;
    const char *name; /* the backend's, for messages; borrowed */
    unsigned timeout_ms;

    pthread_mutex_t lock; /* of all below */
    struct ks_fork_hook hook;
    sqlite3 *handle; /* NULL: not open */
    pid_t pid;       /* that opened it */
    dev_t dev;       /* the file that it has open */
    ino_t ino;
    bool immutable;
    int64_t waiting_since; /* milliseconds; for the busy handler */
    struct ks_sqlite_stmt stmts[KS_SQLITE_STMT_MAX];
    size_t n_stmts;
};

/* DB is zero but for path, which it then owns, and name. Opens nothing. */
void ks_sqlite_init(struct ks_sqlite_db *db);
void ks_sqlite_clear(struct ks_sqlite_db *db);

/*
 * Takes DB for SQL. Without WRITE a file that is not there, or empty, is
 * KS_E_NOT_FOUND without a text; with it the file is made and its schema
 * brought up to date. If and only if it is KS_OK, ks_sqlite_leave must follow.
 * KS_E_DENIED, KS_E_CONFIG (not ours, or newer), KS_E_BUSY, KS_E_DAMAGED,
 * KS_E_FULL, KS_E_IO.
 */
KS_MUST_CHECK ks_rc ks_sqlite_enter(struct ks_sqlite_db *db, bool write,
                                    struct ks_err *err);
void ks_sqlite_leave(struct ks_sqlite_db *db);

/* Runs SQL that gives no rows, again while the database is busy; WHAT is for
 * the error. Between enter and leave, as all below. */
KS_MUST_CHECK ks_rc ks_sqlite_exec(struct ks_sqlite_db *db, const char *sql,
                                   const char *what, struct ks_err *err);

/* --- sql.c --------------------------------------------------------------- */

/* Maps SQLite's result to ours and writes the text: PATH: WHAT: why. */
ks_rc ks_sqlite_fail(const struct ks_sqlite_db *db, int code, const char *what,
                     struct ks_err *err);

/* The statement of SQL, a static text, prepared once a connection. It must be
 * ks_sqlite_done before the database is left. */
KS_MUST_CHECK ks_rc ks_sqlite_query(struct ks_sqlite_db *db, const char *sql,
                                    sqlite3_stmt **out, struct ks_err *err);
void ks_sqlite_done(sqlite3_stmt *stmt); /* takes NULL */

/* The first step, tried again while the database is busy. KS_OK: a row.
 * KS_E_NOT_FOUND (no text): none, or none is given. KS_E_EXISTS: a unique
 * index forbids it. */
KS_MUST_CHECK ks_rc ks_sqlite_first(struct ks_sqlite_db *db, sqlite3_stmt *stmt,
                                    const char *what, struct ks_err *err);
/* A further step; results as above. */
KS_MUST_CHECK ks_rc ks_sqlite_next(struct ks_sqlite_db *db, sqlite3_stmt *stmt,
                                   const char *what, struct ks_err *err);

/* Whether BUSY at START (ks_sqlite_now) should be tried again; waits first. */
bool ks_sqlite_again(const struct ks_sqlite_db *db, int code, int64_t start);
int64_t ks_sqlite_now(void); /* milliseconds */

/* --- schema.c ------------------------------------------------------------ */

#define KS_SQLITE_SCHEMA 1

/* Checks that the open file is a database of keys, and brings it up to date if
 * it can; an empty file only if WRITE, else KS_E_NOT_FOUND without a text. */
KS_MUST_CHECK ks_rc ks_sqlite_schema(struct ks_sqlite_db *db, bool write,
                                     struct ks_err *err);

#endif
