/*
 * Opening, and opening again: after a fork, or when another file has been put
 * in the place of the one that is open.
 */
#include "sqlite/db.h"

#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "sqlite/place.h"

#define TIMEOUT_MS 20000u
#define VALUE_MAX (1024 * 1024) /* bytes of a text or blob */

static void drop(struct ks_sqlite_db *db)
{
    for (size_t i = 0; i < db->n_stmts; i++)
        (void)sqlite3_finalize(db->stmts[i].stmt);
    db->n_stmts = 0;
    if (db->handle != NULL)
        (void)sqlite3_close_v2(db->handle); /* no statement is left */
    db->handle = NULL;
}

static void drop_before_fork(struct ks_fork_hook *hook)
{
    struct ks_sqlite_db *db =
        (struct ks_sqlite_db *)(void *)((char *)hook -
                                        offsetof(struct ks_sqlite_db, hook));

    if (db->pid == getpid())
        drop(db);
}

void ks_sqlite_init(struct ks_sqlite_db *db)
{
    db->timeout_ms = TIMEOUT_MS;
    /* cannot fail with default attributes on Linux */
    (void)pthread_mutex_init(&db->lock, NULL);
    db->hook.close = drop_before_fork;
    ks_fork_hook_add(&db->hook);
}

void ks_sqlite_clear(struct ks_sqlite_db *db)
{
    ks_fork_hook_remove(&db->hook);
    ks_fork_hold();
    if (db->pid == getpid())
        drop(db);
    ks_fork_release();
    (void)pthread_mutex_destroy(&db->lock);
    OPENSSL_free(db->path);
}

/* sqlite3_busy_handler: 0 gives up. COUNT is 0 for each new wait. */
static int busy(void *arg, int count)
{
    struct ks_sqlite_db *db = arg;

    if (count == 0)
        db->waiting_since = ks_sqlite_now();
    return ks_sqlite_again(db, SQLITE_BUSY, db->waiting_since);
}

ks_rc ks_sqlite_exec(struct ks_sqlite_db *db, const char *sql, const char *what,
                     struct ks_err *err)
{
    int64_t start = ks_sqlite_now();
    int code;

    do {
        code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    } while (ks_sqlite_again(db, code, start));
    return code == SQLITE_OK ? KS_OK : ks_sqlite_fail(db, code, what, err);
}

/* "file:PATH?immutable=1" (sqlite.org/uri.html). Caller frees with
 * OPENSSL_free; NULL when out of memory. */
static char *immutable_uri(const char *path)
{
    static const char hex[] = "0123456789ABCDEF",
                      scheme[] = "file:", query[] = "?immutable=1";
    size_t room = sizeof(scheme) + 3 * strlen(path) + sizeof(query);
    char *uri = OPENSSL_malloc(room), *at = uri;

    if (uri == NULL)
        return NULL;
    memcpy(at, scheme, strlen(scheme));
    at += strlen(scheme);
    for (; *path != '\0'; path++) {
        const unsigned char c = (unsigned char)*path;

        if (strchr("%?#", c) == NULL) {
            *at++ = *path;
            continue;
        }
        *at++ = '%';
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    memcpy(at, query, sizeof(query));
    return uri;
}

static int open_file(struct ks_sqlite_db *db)
{
    /* Threads are kept apart by db->lock. */
    const int flags = SQLITE_OPEN_NOMUTEX;
    char *uri;
    int code;

    db->immutable = ks_sqlite_cannot_write(db->path);
    if (!db->immutable)
        return sqlite3_open_v2(db->path, &db->handle,
                               flags | SQLITE_OPEN_READWRITE, NULL);
    uri = immutable_uri(db->path);
    if (uri == NULL)
        return SQLITE_NOMEM;
    code = sqlite3_open_v2(
        uri, &db->handle, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    OPENSSL_free(uri);
    return code;
}

/* The first does what can be done on a connection without reading the file. */
static const char pragmas[] = "PRAGMA synchronous=EXTRA;"
                              "PRAGMA trusted_schema=OFF;"
                              "PRAGMA cell_size_check=ON;"
                              "PRAGMA secure_delete=ON;"
                              "PRAGMA temp_store=MEMORY;"
                              "PRAGMA journal_size_limit=16777216;";

static ks_rc configure(struct ks_sqlite_db *db, bool write, struct ks_err *err)
{
    ks_rc rc;

    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_handler(db->handle, busy, db);
    (void)sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    /* What a stranger may have put into the schema does not run. */
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1,
                            (int *)NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0,
                            (int *)NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0,
                            (int *)NULL);
    rc = ks_sqlite_exec(db, pragmas, "open", err);
    if (rc == KS_OK)
        rc = ks_sqlite_schema(db, write, err);
    return rc;
}

static ks_rc open_db(struct ks_sqlite_db *db, const struct stat *status,
                     bool write, struct ks_err *err)
{
    int code = open_file(db);
    ks_rc rc = KS_OK;

    db->pid = getpid();
    db->dev = status->st_dev;
    db->ino = status->st_ino;
    if (code != SQLITE_OK)
        rc = ks_sqlite_fail(db, code, "open", err);
    else
        rc = configure(db, write, err);
    if (rc != KS_OK)
        drop(db);
    return rc;
}

/* A process that was made past pthread_atfork, by clone(2). */
static ks_rc inherited(const struct ks_sqlite_db *db, struct ks_err *err)
{
    ks_hint(err, "the program has to use fork(2), or to start a new program");
    return ks_fail(err, KS_E_IO,
                   "%s: was open when this process was cloned, and cannot be "
                   "opened in both",
                   db->path);
}

/* Makes sure that the connection is open, to the file that has the name now. */
static ks_rc ready(struct ks_sqlite_db *db, bool write, struct ks_err *err)
{
    struct stat status = {0};
    ks_rc rc;

    if (db->handle != NULL && db->pid != getpid())
        return inherited(db, err);
    rc = ks_sqlite_file_check(db->path, &status, err);
    if (db->handle != NULL &&
        (rc != KS_OK || status.st_dev != db->dev || status.st_ino != db->ino))
        drop(db);
    if (db->handle != NULL)
        return KS_OK;
    if (rc == KS_OK || (rc == KS_E_NOT_FOUND && write)) {
        ks_rc folder = ks_sqlite_folder_check(db->path, err);

        if (folder != KS_OK)
            return folder;
    }
    if (rc == KS_E_NOT_FOUND && write) {
        rc = ks_sqlite_file_make(db->path, err);
        if (rc == KS_OK)
            rc = ks_sqlite_file_check(db->path, &status, err);
    }
    return rc == KS_OK ? open_db(db, &status, write, err) : rc;
}

static ks_rc check_writable(const struct ks_sqlite_db *db, struct ks_err *err)
{
    if (sqlite3_db_readonly(db->handle, "main") == 0)
        return KS_OK;
    ks_hint(err, "the file and its directory must be writable");
    return ks_fail(err, KS_E_DENIED, "%s: database of keys is read-only",
                   db->path);
}

ks_rc ks_sqlite_enter(struct ks_sqlite_db *db, bool write, struct ks_err *err)
{
    ks_rc rc;

    ks_fork_hold();
    (void)pthread_mutex_lock(&db->lock); /* cannot fail: it does not nest */
    rc = ready(db, write, err);
    if (rc == KS_OK && write)
        rc = check_writable(db, err);
    if (rc != KS_OK)
        ks_sqlite_leave(db);
    return rc;
}

void ks_sqlite_leave(struct ks_sqlite_db *db)
{
    /* Somebody else may write it after all, and SQLite would not see that. */
    if (db->handle != NULL && db->immutable && db->pid == getpid())
        drop(db);
    (void)pthread_mutex_unlock(&db->lock);
    ks_fork_release();
}
