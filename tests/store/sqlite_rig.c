#include "sqlite_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

void *rig_open(void)
{
    static const struct ks_setting settings[] = {{"type", "sqlite"},
                                                 {"path", RIG_FILE}};
    const struct ks_backend_env env = {
        .name = "db", .dir = test_dir(), .settings = settings, .n_settings = 2};
    struct ks_err err = {0};
    void *store = NULL;

    if (ks_sqlite_backend.open(&env, &store, &err) != KS_OK) {
        (void)fprintf(stderr, "open: %s\n", err.text);
        abort();
    }
    return store;
}

void rig_close(void *store)
{
    ks_sqlite_backend.close(store);
}

static struct ks_buf part(char *text, size_t size, const char *what,
                          const char *seed)
{
    struct ks_buf buf = {.data = (uint8_t *)text};

    buf.len = (size_t)snprintf(text, size, "%s of %s", what, seed);
    return buf;
}

const struct ks_record *rig_record(const char *seed)
{
    static __thread char spki[300], half[300], cert[300], chain[300], to[300];
    static __thread struct ks_record record;
    const struct ks_buf private_half = part(half, sizeof(half), "half", seed);

    record = (struct ks_record){
        .info = {.spki = part(spki, sizeof(spki), "spki", seed),
                 .cert = part(cert, sizeof(cert), "cert", seed),
                 .chain = part(chain, sizeof(chain), "chain", seed),
                 .created = 1700000000,
                 .origin = "generated"},
        .form = KS_FORM_CMS,
        .private_half = {.data = private_half.data, .len = private_half.len},
        .recipients = to};
    (void)part(to, sizeof(to), "keys", seed);
    return &record;
}

ks_rc rig_put(void *store, const char *name, const char *seed)
{
    struct ks_err err = {0};
    ks_rc rc = ks_sqlite_backend.put(store, name, rig_record(seed), &err);

    CHECK(rc == KS_OK || err.text[0] != '\0');
    return rc;
}

static bool same(const struct ks_buf *a, const struct ks_buf *b)
{
    return a->len == b->len &&
           (a->len == 0 || !memcmp(a->data, b->data, a->len));
}

static bool as_put(const struct ks_record *have, const char *seed)
{
    const struct ks_record *want = rig_record(seed);

    return same(&have->info.spki, &want->info.spki) &&
           same(&have->info.cert, &want->info.cert) &&
           same(&have->info.chain, &want->info.chain) &&
           have->info.created == want->info.created &&
           strcmp(have->info.origin, want->info.origin) == 0 &&
           have->form == want->form &&
           have->private_half.len == want->private_half.len &&
           memcmp(have->private_half.data, want->private_half.data,
                  want->private_half.len) == 0 &&
           have->recipients != NULL &&
           strcmp(have->recipients, want->recipients) == 0;
}

ks_rc rig_get(void *store, const char *name, const char *seed,
              struct ks_err *err)
{
    struct ks_record record = {0};
    struct ks_err own = {0};
    ks_rc rc;

    if (err == NULL)
        err = &own;
    *err = (struct ks_err){0};
    rc = ks_sqlite_backend.get(store, name, &record, err);
    if (rc == KS_OK && !as_put(&record, seed))
        rc = KS_E_VERIFY;
    ks_record_clear(&record);
    return rc;
}

static ks_rc count(void *arg, const char *name, struct ks_err *err)
{
    (void)name;
    (void)err;
    (*(unsigned *)arg)++;
    return KS_OK;
}

unsigned rig_count(void *store)
{
    struct ks_err err = {0};
    unsigned n = 0;

    CHECK_OK(ks_sqlite_backend.list(store, count, &n, &err), &err);
    return n;
}

static sqlite3 *connect(void)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(test_path(RIG_FILE), &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 10000) != SQLITE_OK)
        abort();
    return db;
}

static void failed(sqlite3 *db, const char *sql)
{
    (void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    abort();
}

void rig_sql(const char *sql)
{
    sqlite3 *db = connect();

    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        failed(db, sql);
    (void)sqlite3_close(db);
}

long long rig_number(const char *sql)
{
    sqlite3 *db = connect();
    sqlite3_stmt *stmt = NULL;
    long long number;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        failed(db, sql);
    number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return number;
}

bool rig_scans(const char *sql)
{
    sqlite3 *db = connect();
    sqlite3_stmt *stmt = NULL;
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    bool scans = false;

    if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK)
        failed(db, sql);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        scans = scans || strstr((const char *)sqlite3_column_text(stmt, 3),
                                "SCAN") != NULL;
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    sqlite3_free(explain);
    return scans;
}
