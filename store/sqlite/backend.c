/*
 * The sqlite backend: a database with one row a key. What it knows of a key
 * is in row.c, of the file in db.c.
 */
#include "ks_backend.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ks_uri.h"
#include "sqlite/check.h"
#include "sqlite/db.h"
#include "sqlite/list.h"
#include "sqlite/row.h"

struct store {
    struct ks_sqlite_db db;
    char *name;
    char *propq;
    struct ks_crypto crypto;
};

static void sqlite_close(void *data)
{
    struct store *store = data;

    if (store == NULL)
        return;
    ks_sqlite_clear(&store->db);
    OPENSSL_free(store->name);
    OPENSSL_free(store->propq);
    OPENSSL_free(store);
}

static ks_rc fill_store(const struct ks_backend_env *env, struct store *store,
                        struct ks_err *err)
{
    const char *path = ks_setting_get(env->settings, env->n_settings, "path");

    if (path == NULL)
        return ks_fail(err, KS_E_CONFIG, "[backend %s] path: is missing",
                       env->name);
    store->crypto.libctx = env->libctx;
    store->name = OPENSSL_strdup(env->name);
    store->db.name = store->name;
    store->db.path = ks_path_below(env->dir, path);
    if (env->propq != NULL)
        store->propq = OPENSSL_strdup(env->propq);
    store->crypto.propq = store->propq;
    return store->name != NULL && store->db.path != NULL &&
                   (env->propq == NULL || store->propq != NULL)
               ? KS_OK
               : KS_E_NOMEM;
}

static ks_rc sqlite_open(const struct ks_backend_env *env, void **out,
                         struct ks_err *err)
{
    struct store *store = OPENSSL_zalloc(sizeof(*store));
    ks_rc rc;

    if (store == NULL)
        return KS_E_NOMEM;
    ks_sqlite_init(&store->db);
    rc = fill_store(env, store, err);
    if (rc != KS_OK)
        sqlite_close(store);
    else
        *out = store;
    return rc;
}

/* Says of the key NAME that WHY. */
static ks_rc say(const struct store *store, const char *name, ks_rc rc,
                 const char *why, struct ks_err *err)
{
    char *uri = NULL;

    if (ks_uri_format(store->name, name, &uri) != KS_OK)
        return KS_E_NOMEM;
    rc = ks_fail(err, rc, "%s: %s", uri, why);
    OPENSSL_free(uri);
    return rc;
}

static ks_rc taken(const struct store *store, const char *name,
                   struct ks_err *err)
{
    return say(store, name, KS_E_EXISTS, "there is a key of that name", err);
}

static int bind_name(sqlite3_stmt *stmt, const char *name)
{
    return sqlite3_bind_text64(stmt, 1, name, strlen(name), SQLITE_STATIC,
                               SQLITE_UTF8);
}

/* Whether there is a row NAME, good or not: KS_OK or KS_E_NOT_FOUND. */
static ks_rc look(struct store *store, const char *name, struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = ks_sqlite_enter(&store->db, false, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_sqlite_query(&store->db, "SELECT 1 FROM key WHERE label=?1", &stmt,
                         err);
    if (rc == KS_OK && bind_name(stmt, name) != SQLITE_OK)
        rc = KS_E_NOMEM;
    if (rc == KS_OK)
        rc = ks_sqlite_first(&store->db, stmt, "read", err);
    ks_sqlite_done(stmt);
    ks_sqlite_leave(&store->db);
    return rc;
}

static ks_rc sqlite_get(void *data, const char *name, struct ks_record *record,
                        struct ks_err *err)
{
    static const char sql[] =
        "SELECT " KS_SQLITE_COLUMNS " FROM key WHERE label=?1";
    struct store *store = data;
    struct ks_err why = {0};
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = ks_sqlite_enter(&store->db, false, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_sqlite_query(&store->db, sql, &stmt, err);
    if (rc == KS_OK && bind_name(stmt, name) != SQLITE_OK)
        rc = KS_E_NOMEM;
    if (rc == KS_OK)
        rc = ks_sqlite_first(&store->db, stmt, "read", err);
    if (rc == KS_OK) {
        rc = ks_sqlite_row_read(&store->crypto, stmt, name, record, &why);
        if (rc != KS_OK)
            (void)say(store, name, rc, why.text, err);
    }
    ks_sqlite_done(stmt);
    ks_sqlite_leave(&store->db);
    return rc;
}

static ks_rc sqlite_info(void *data, const char *name, struct ks_key_info *info,
                         struct ks_err *err)
{
    struct ks_record record = {0};
    ks_rc rc = sqlite_get(data, name, &record, err);

    if (rc == KS_OK)
        ks_record_take_info(&record, info);
    return rc;
}

/* Makes the row of RECORD. */
static ks_rc make_row(const struct store *store, const char *name,
                      const struct ks_record *record, struct ks_sqlite_row *row,
                      struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ks_sqlite_row_make(&store->crypto, name, record, row, &why);

    return rc == KS_OK ? KS_OK : say(store, name, rc, why.text, err);
}

/* Runs SQL, which gives no rows, with ROW and, if not NULL, the sum of what
 * it replaces. An SQL statement is a transaction of its own: wholly or not at
 * all, and synced (synchronous=EXTRA). *changed: rows. */
static ks_rc write_row(struct store *store, const char *sql,
                       const struct ks_sqlite_row *row, const uint8_t *old_sum,
                       int *changed, struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = ks_sqlite_enter(&store->db, true, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_sqlite_query(&store->db, sql, &stmt, err);
    if (rc == KS_OK && (ks_sqlite_row_bind(stmt, row) != SQLITE_OK ||
                        (old_sum != NULL &&
                         sqlite3_bind_blob64(stmt, 16, old_sum, KS_SQLITE_SUM,
                                             SQLITE_STATIC) != SQLITE_OK)))
        rc = KS_E_NOMEM;
    if (rc == KS_OK)
        rc = ks_sqlite_first(&store->db, stmt, "write", err);
    if (rc == KS_E_NOT_FOUND) { /* no row to give: done */
        *changed = sqlite3_changes(store->db.handle);
        rc = KS_OK;
    }
    ks_sqlite_done(stmt);
    ks_sqlite_leave(&store->db);
    return rc;
}

static ks_rc sqlite_put(void *data, const char *name,
                        const struct ks_record *record, struct ks_err *err)
{
    static const char sql[] =
        "INSERT INTO key(" KS_SQLITE_ALL_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5,"
        " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    struct store *store = data;
    struct ks_sqlite_row row;
    int changed = 0;
    ks_rc rc = make_row(store, name, record, &row, err);

    if (rc == KS_OK)
        rc = write_row(store, sql, &row, NULL, &changed, err);
    if (rc == KS_OK && changed != 1)
        return say(store, name, KS_E_DAMAGED,
                   "the database of keys did not keep it", err);
    return rc == KS_E_EXISTS ? taken(store, name, err) : rc;
}

static ks_rc sqlite_replace(void *data, const char *name,
                            const struct ks_record *old,
                            const struct ks_record *record, struct ks_err *err)
{
    static const char sql[] =
        "UPDATE key SET (" KS_SQLITE_ALL_COLUMNS ") = (?1, ?2, ?3, ?4, ?5, ?6,"
        " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) WHERE label=?1 AND sum=?16";
    struct store *store = data;
    struct ks_sqlite_row row;
    uint8_t old_sum[KS_SQLITE_SUM];
    int changed = 0;
    /* Looked for before, as in sqlite_remove. */
    ks_rc rc = look(store, name, err);

    if (rc == KS_OK)
        rc = make_row(store, name, record, &row, err);
    if (rc == KS_OK)
        rc = ks_sqlite_row_sum(&store->crypto, name, old, old_sum, err);
    if (rc == KS_OK)
        rc = write_row(store, sql, &row, old_sum, &changed, err);
    if (rc != KS_OK || changed > 0)
        return rc;
    rc = look(store, name, err);
    return rc == KS_OK
               ? say(store, name, KS_E_BUSY, "key was changed meanwhile", err)
               : rc;
}

static ks_rc delete_row(struct store *store, const char *name,
                        struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = ks_sqlite_query(&store->db, "DELETE FROM key WHERE label=?1",
                               &stmt, err);

    if (rc == KS_OK && bind_name(stmt, name) != SQLITE_OK)
        rc = KS_E_NOMEM;
    if (rc == KS_OK)
        rc = ks_sqlite_first(&store->db, stmt, "remove", err);
    if (rc == KS_E_NOT_FOUND && sqlite3_changes(store->db.handle) > 0)
        rc = KS_OK;
    ks_sqlite_done(stmt);
    return rc;
}

static ks_rc sqlite_remove(void *data, const char *name,
                           const struct ks_ask *ask, struct ks_err *err)
{
    struct store *store = data;
    ks_rc rc = look(store, name, err);

    (void)ask;
    /* Looked for before: no database is made to find nothing in it, and none
     * has to be writable for that. */
    if (rc == KS_OK)
        rc = ks_sqlite_enter(&store->db, true, err);
    if (rc != KS_OK)
        return rc;
    rc = delete_row(store, name, err);
    ks_sqlite_leave(&store->db);
    return rc;
}

static ks_rc sqlite_list(void *data, ks_list_fn *each, void *arg,
                         struct ks_err *err)
{
    struct store *store = data;

    return ks_sqlite_list(&store->db, each, arg, err);
}

static ks_rc sqlite_find(void *data, const struct ks_query *query,
                         ks_list_fn *each, void *arg, struct ks_err *err)
{
    struct store *store = data;

    return ks_sqlite_find(&store->db, &store->crypto, query, each, arg, err);
}

static ks_rc sqlite_check(const struct ks_backend_env *env, ks_fact_fn *each,
                          void *arg, struct ks_err *err)
{
    void *data = NULL;
    struct store *store;
    ks_rc rc = sqlite_open(env, &data, err);

    if (rc != KS_OK)
        return rc;
    store = data;
    rc = ks_sqlite_check(&store->db, each, arg, err);
    sqlite_close(store);
    return rc;
}

const struct ks_backend ks_sqlite_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .list = sqlite_list,
    .info = sqlite_info,
    .remove = sqlite_remove,
    .get = sqlite_get,
    .put = sqlite_put,
    .replace = sqlite_replace,
    .find = sqlite_find,
    .check = sqlite_check,
};
