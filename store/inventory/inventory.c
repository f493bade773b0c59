/*
 * Opening and closing the inventory, and its transactions. Writers queue by
 * BEGIN IMMEDIATE; a busy handler of our own waits in short, uneven steps,
 * because SQLite's grow to 100 ms and starve some of many writers.
 */
#include "inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define TIMEOUT_MS 20000u
#define WAIT_MIN_US 500
#define WAIT_SPREAD_US 4000

static int64_t now_ms(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail on Linux */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_a_little(void)
{
    struct timespec ts = {0};
    long us;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    us = WAIT_MIN_US + (ts.tv_nsec / 100 + getpid() * 7919L) % WAIT_SPREAD_US;
    ts = (struct timespec){.tv_nsec = us * 1000};
    (void)nanosleep(&ts, NULL); /* waking early is harmless */
}

/* sqlite3_busy_handler: 0 gives up. COUNT is 0 for each new wait. */
static int busy(void *arg, int count)
{
    struct ks_inventory *inv = arg;

    if (count == 0)
        inv->waiting_since = now_ms();
    if (now_ms() - inv->waiting_since >= (int64_t)inv->timeout_ms)
        return 0;
    pause_a_little();
    return 1;
}

static const char *const pragmas[] = {
    "PRAGMA foreign_keys=ON",    "PRAGMA synchronous=FULL",
    "PRAGMA trusted_schema=OFF", "PRAGMA cell_size_check=ON",
    "PRAGMA temp_store=MEMORY",  "PRAGMA journal_size_limit=16777216",
    "PRAGMA secure_delete=ON", /* what was a secret is overwritten */
};

/* SQLite does not call the busy handler where it sees a deadlock or a
 * recovery under way, so that a retry of our own is needed. */
static ks_rc exec(struct ks_inventory *inv, const char *sql, const char *what,
                  struct ks_err *err)
{
    int64_t start = now_ms();
    int code;

    for (;;) {
        code = sqlite3_exec(inv->db, sql, NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY ||
            now_ms() - start >= (int64_t)inv->timeout_ms)
            break;
        pause_a_little();
    }
    return code == SQLITE_OK ? KS_OK : inv_fail(inv, code, what, err);
}

/* Makes the file itself, so that its mode is ours and a symbolic link is not
 * followed; SQLite gives its -wal and -shm files the same mode. */
static ks_rc create_file(const char *path, struct ks_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                  S_IRUSR | S_IWUSR);

    if (fd < 0)
        return ks_fail_errno(err, ks_rc_of_errno(errno),
                             "%s: cannot make the inventory", path);
    (void)close(fd); /* nothing was written */
    return KS_OK;
}

static ks_rc check_file(const char *path, struct ks_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        ks_rc rc = ks_rc_of_errno(errno);

        if (rc == KS_E_NOT_FOUND)
            ks_hint(err, "\"caadm init\" makes it");
        return ks_fail_errno(err, rc, "%s: inventory", path);
    }
    if (!S_ISREG(st.st_mode))
        return ks_fail(err, KS_E_IO, "%s: inventory: not a regular file", path);
    return KS_OK;
}

/* A reader, too, writes files beside a database in WAL mode, unless nothing
 * can change: on a read-only file system, when no -wal file is left over. */
static bool cannot_change(const char *path)
{
    struct statvfs fs;
    struct stat st;
    size_t size = strlen(path) + sizeof("-wal");
    char *wal = OPENSSL_malloc(size);
    bool result = false;

    if (wal != NULL) {
        (void)snprintf(wal, size, "%s-wal", path);
        result = statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0 &&
                 stat(wal, &st) != 0 && errno == ENOENT;
    }
    OPENSSL_free(wal);
    return result;
}

/* "file:PATH?immutable=1" (sqlite.org/uri.html). Caller frees with
 * OPENSSL_free; NULL when out of memory. */
static char *immutable_uri(const char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char scheme[] = "file:", query[] = "?immutable=1";
    char *uri =
        OPENSSL_malloc(sizeof(scheme) + 3 * strlen(path) + sizeof(query));
    char *at = uri;

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

static int open_database(struct ks_inventory *inv)
{
    int flags = SQLITE_OPEN_NOMUTEX;
    char *uri;
    int code;

    flags |= inv->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (!inv->read_only || !cannot_change(inv->path))
        return sqlite3_open_v2(inv->path, &inv->db, flags, NULL);
    uri = immutable_uri(inv->path);
    if (uri == NULL)
        return SQLITE_NOMEM;
    code = sqlite3_open_v2(uri, &inv->db, flags | SQLITE_OPEN_URI, NULL);
    OPENSSL_free(uri);
    return code;
}

static ks_rc configure(struct ks_inventory *inv, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    (void)sqlite3_extended_result_codes(inv->db, 1);
    (void)sqlite3_busy_handler(inv->db, busy, inv);
    /* What a stranger may have put into the schema does not run. */
    (void)sqlite3_db_config(inv->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(inv->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0,
                            (int *)NULL);
    (void)sqlite3_db_config(inv->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0,
                            (int *)NULL);
    for (size_t i = 0; rc == KS_OK && i < sizeof(pragmas) / sizeof(pragmas[0]);
         i++)
        rc = exec(inv, pragmas[i], "open", err);
    if (rc == KS_OK)
        rc = inv_schema(inv, err);
    if (rc == KS_OK && !inv->read_only)
        rc = exec(inv, "PRAGMA journal_mode=WAL", "open", err);
    return rc;
}

ks_rc ks_inventory_open(const char *path, enum ks_inventory_mode mode,
                        struct ks_inventory **out, struct ks_err *err)
{
    struct ks_inventory *inv = NULL;
    ks_rc rc;
    int code;

    *out = NULL;
    rc = mode == KS_INVENTORY_CREATE ? create_file(path, err) : KS_OK;
    if (rc == KS_OK)
        rc = check_file(path, err);
    if (rc != KS_OK)
        return rc;
    inv = OPENSSL_zalloc(sizeof(*inv));
    if (inv == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    inv->owner_fd = -1;
    inv->timeout_ms = TIMEOUT_MS;
    inv->read_only = mode == KS_INVENTORY_READ;
    inv->path = OPENSSL_strdup(path);
    rc = KS_E_NOMEM;
    if (inv->path == NULL)
        goto out;
    code = open_database(inv);
    rc = code == SQLITE_OK ? configure(inv, err)
                           : inv_fail(inv, code, "open", err);
    if (rc != KS_OK)
        goto out;
    *out = inv;
    inv = NULL; /* given to the caller */
out:
    ks_inventory_close(inv);
    return rc;
}

void ks_inventory_close(struct ks_inventory *inv)
{
    if (inv == NULL)
        return;
    ks_inventory_rollback(inv);
    for (size_t i = 0; i < inv->n_stmts; i++)
        (void)sqlite3_finalize(inv->stmts[i].stmt);
    (void)sqlite3_close_v2(inv->db); /* no statement is left */
    inv_owner_close(inv);
    OPENSSL_free(inv->path);
    OPENSSL_free(inv);
}

void ks_inventory_set_timeout(struct ks_inventory *inv, unsigned millis)
{
    inv->timeout_ms = millis;
}

const char *ks_inventory_path(const struct ks_inventory *inv)
{
    return inv->path;
}

ks_rc ks_inventory_begin(struct ks_inventory *inv, struct ks_err *err)
{
    ks_rc rc;

    if (inv->in_tx)
        return ks_fail(err, KS_E_INTERNAL, "%s: transactions do not nest",
                       inv->path);
    rc = exec(inv, "BEGIN IMMEDIATE", "begin", err);
    inv->in_tx = rc == KS_OK;
    return rc;
}

ks_rc ks_inventory_commit(struct ks_inventory *inv, struct ks_err *err)
{
    ks_rc rc;

    if (!inv->in_tx)
        return ks_fail(err, KS_E_INTERNAL, "%s: no transaction to commit",
                       inv->path);
    rc = exec(inv, "COMMIT", "commit", err);
    if (rc != KS_OK)
        ks_inventory_rollback(inv);
    inv->in_tx = false;
    return rc;
}

void ks_inventory_rollback(struct ks_inventory *inv)
{
    if (inv == NULL || !inv->in_tx)
        return;
    /* SQLite may have rolled back by itself, and then refuses: harmless. */
    (void)sqlite3_exec(inv->db, "ROLLBACK", NULL, NULL, NULL);
    inv->in_tx = false;
}

ks_rc inv_enter(struct ks_inventory *inv, bool *mine, struct ks_err *err)
{
    *mine = !inv->in_tx;
    return *mine ? ks_inventory_begin(inv, err) : KS_OK;
}

ks_rc inv_leave(struct ks_inventory *inv, bool mine, ks_rc rc,
                struct ks_err *err)
{
    if (!mine)
        return rc;
    if (rc == KS_OK)
        return ks_inventory_commit(inv, err);
    ks_inventory_rollback(inv);
    return rc;
}

ks_rc ks_inventory_check(struct ks_inventory *inv, struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc =
        inv_query_own(inv, "PRAGMA integrity_check(1)", NULL, 0, &stmt, err);

    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);

        if (text == NULL || strcmp((const char *)text, "ok") != 0)
            rc = ks_fail(err, KS_E_IO, "%s: damaged: %s", inv->path,
                         text != NULL ? (const char *)text : "?");
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}
