/*
 * Random secrets of keys that load unattended: several a key, told apart by
 * numbers that only grow.
 */
#include "inventory.h"

static struct inv_arg text_of(const struct ks_secret *secret)
{
    struct inv_arg arg = inv_text((const char *)secret->data);

    arg.len = secret->len;
    return arg;
}

ks_rc ks_random_add(struct ks_inventory *inv, const char *key_uri,
                    const struct ks_secret *secret, int64_t *id,
                    struct ks_err *err)
{
    static const char sql[] =
        "INSERT INTO secret(key_uri,created,secret) VALUES(?,?,?)";
    int64_t at = 0;
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(
        inv, sql,
        INV_ARGS(inv_text(key_uri), inv_int(time(NULL)), text_of(secret)), err);
    at = sqlite3_last_insert_rowid(inv->db);
    rc = inv_leave(inv, mine, rc, err);
    if (rc == KS_OK)
        *id = at;
    return rc;
}

ks_rc ks_random_before(struct ks_inventory *inv, const char *key_uri,
                       int64_t *id, struct ks_secret *secret,
                       struct ks_err *err)
{
    static const char sql[] = "SELECT id,secret FROM secret WHERE key_uri=?"
                              " AND id<? ORDER BY id DESC LIMIT 1";
    const int64_t limit = *id != 0 ? *id : INT64_MAX;
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, INV_ARGS(inv_text(key_uri), inv_int(limit)),
                         &stmt, err);

    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK)
        rc = ks_secret_set(secret, sqlite3_column_text(stmt, 1),
                           (size_t)sqlite3_column_bytes(stmt, 1));
    if (rc == KS_OK) {
        secret->random = true;
        *id = sqlite3_column_int64(stmt, 0);
    }
    inv_done(stmt);
    return rc;
}

/* A commit is waited for until it is on disk, and mostly there is nothing to
 * change. */
static ks_rc is_settled(struct ks_inventory *inv, const char *key_uri,
                        int64_t id, bool *settled, struct ks_err *err)
{
    static const char sql[] =
        "SELECT min(id) FROM secret WHERE key_uri=? AND id<=?";
    int64_t oldest = 0;
    ks_rc rc = inv_get_int(inv, sql, INV_ARGS(inv_text(key_uri), inv_int(id)),
                           &oldest, err);

    *settled = rc == KS_OK && oldest == id;
    return rc;
}

ks_rc ks_random_settle(struct ks_inventory *inv, const char *key_uri,
                       int64_t id, const struct ks_secret *secret,
                       struct ks_err *err)
{
    static const char insert[] =
        "INSERT INTO secret(id,key_uri,created,secret) VALUES(?,?,?,?)"
        " ON CONFLICT(id) DO NOTHING";
    bool mine = false, settled = false;
    ks_rc rc = is_settled(inv, key_uri, id, &settled, err);

    if (rc != KS_OK || settled)
        return rc;
    rc = inv_enter(inv, &mine, err);
    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, insert,
                 INV_ARGS(inv_int(id), inv_text(key_uri), inv_int(time(NULL)),
                          text_of(secret)),
                 err);
    if (rc == KS_OK)
        rc = ks_random_remove(inv, key_uri, 0, id - 1, err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_random_remove(struct ks_inventory *inv, const char *key_uri,
                       int64_t first, int64_t last, struct ks_err *err)
{
    static const char sql[] =
        "DELETE FROM secret WHERE key_uri=? AND id BETWEEN ? AND ?";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql,
                 INV_ARGS(inv_text(key_uri), inv_int(first), inv_int(last)),
                 err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_random_count(struct ks_inventory *inv, const char *key_uri,
                      int64_t *count, struct ks_err *err)
{
    static const char sql[] = "SELECT count(*) FROM secret WHERE key_uri=?";

    return inv_get_int(inv, sql, INV_ARGS(inv_text(key_uri)), count, err);
}

ks_rc ks_random_each(struct ks_inventory *inv, ks_random_fn *each, void *arg,
                     struct ks_err *err)
{
    static const char sql[] =
        "SELECT key_uri,count(*) FROM secret GROUP BY key_uri"
        " ORDER BY key_uri";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query_own(inv, sql, NULL, 0, &stmt, err);

    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        const unsigned char *key_uri = sqlite3_column_text(stmt, 0);

        rc = key_uri == NULL ? ks_fail(err, KS_E_NOMEM, "out of memory")
                             : each(arg, (const char *)key_uri,
                                    sqlite3_column_int64(stmt, 1), err);
    }
    (void)sqlite3_finalize(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}
