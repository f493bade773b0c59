/*
 * Keys about to be made: recorded before they exist, so that a process that
 * dies leaves a note of what it may have left.
 */
#include "inventory.h"

#include <string.h>

#include <openssl/crypto.h>

void ks_intent_clear(struct ks_intent *intent)
{
    if (intent == NULL)
        return;
    OPENSSL_free(intent->key_uri);
    OPENSSL_free(intent->other_uri);
    memset(intent, 0, sizeof(*intent));
}

static ks_rc take_over(struct ks_inventory *inv, const char *key_uri,
                       bool any_act, int64_t owner, int64_t *id,
                       struct ks_err *err)
{
    static const char find[] = "SELECT id,owner,act FROM intent"
                               " WHERE key_uri=?";
    static const char update[] =
        "UPDATE intent SET owner=?,spki_hash=NULL,act=1,other_uri=NULL"
        " WHERE id=?";
    sqlite3_stmt *stmt = NULL;
    int64_t old_owner = 0, act = 0;
    bool alive = false;
    ks_rc rc = inv_query(inv, find, INV_ARGS(inv_text(key_uri)), &stmt, err);

    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK) {
        *id = sqlite3_column_int64(stmt, 0);
        old_owner = sqlite3_column_int64(stmt, 1);
        act = sqlite3_column_int64(stmt, 2);
    }
    inv_done(stmt);
    if (rc != KS_OK)
        return rc;
    if (old_owner != owner) /* this handle may have claimed it */
        rc = inv_owner_alive(inv, old_owner, &alive, err);
    if (rc == KS_OK && alive)
        return ks_fail(err, KS_E_EXISTS,
                       "%s: another process is making this key", key_uri);
    if (rc == KS_OK && act != KS_INTENT_MAKE && !any_act)
        return KS_E_NOT_FOUND; /* a move's: it is no new key */
    if (rc == KS_OK)
        rc = inv_run(inv, update, INV_ARGS(inv_int(owner), inv_int(*id)), err);
    return rc;
}

static ks_rc claim(struct ks_inventory *inv, const char *key_uri, bool insert,
                   int64_t *id, struct ks_err *err)
{
    static const char sql[] =
        "INSERT INTO intent(key_uri,owner,created) VALUES(?,?,?)";
    int64_t owner = 0, at = 0;
    bool mine = false;
    ks_rc rc = inv_owner(inv, &owner, err);

    if (rc == KS_OK)
        rc = inv_enter(inv, &mine, err);
    if (rc != KS_OK)
        return rc;
    rc = take_over(inv, key_uri, insert, owner, &at, err);
    if (rc == KS_E_NOT_FOUND && insert) {
        rc = inv_run(
            inv, sql,
            INV_ARGS(inv_text(key_uri), inv_int(owner), inv_int(time(NULL))),
            err);
        at = sqlite3_last_insert_rowid(inv->db);
    }
    rc = inv_leave(inv, mine, rc, err);
    if (rc == KS_OK)
        *id = at;
    return rc;
}

ks_rc ks_intent_add(struct ks_inventory *inv, const char *key_uri, int64_t *id,
                    struct ks_err *err)
{
    return claim(inv, key_uri, true, id, err);
}

ks_rc ks_intent_take(struct ks_inventory *inv, const char *key_uri, int64_t *id,
                     struct ks_err *err)
{
    return claim(inv, key_uri, false, id, err);
}

/* Another row may have the number by now: the key must be the same. */
static ks_rc is_for(struct ks_inventory *inv, const struct ks_intent *intent,
                    struct ks_err *err)
{
    static const char sql[] = "SELECT 1 FROM intent WHERE id=? AND key_uri=?";
    int64_t one = 0;

    return inv_get_int(inv, sql,
                       INV_ARGS(inv_int(intent->id), inv_text(intent->key_uri)),
                       &one, err);
}

ks_rc ks_intent_claim(struct ks_inventory *inv, const struct ks_intent *intent,
                      bool *claimed, struct ks_err *err)
{
    static const char find[] = "SELECT owner FROM intent WHERE id=?";
    static const char claim_sql[] = "UPDATE intent SET owner=? WHERE id=?";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    *claimed = false;
    if (rc != KS_OK)
        return rc;
    rc = is_for(inv, intent, err);
    if (rc == KS_OK)
        rc = inv_claim(inv, find, claim_sql, intent->id, claimed, err);
    rc = inv_leave(inv, mine, rc == KS_E_NOT_FOUND ? KS_OK : rc, err);
    *claimed = *claimed && rc == KS_OK;
    return rc;
}

ks_rc ks_intent_made(struct ks_inventory *inv, int64_t id,
                     const uint8_t spki_hash[KS_HASH_LEN], struct ks_err *err)
{
    static const char sql[] = "UPDATE intent SET spki_hash=? WHERE id=?";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql,
                 INV_ARGS(inv_blob(spki_hash, KS_HASH_LEN), inv_int(id)), err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_intent_remove(struct ks_inventory *inv, int64_t id, struct ks_err *err)
{
    static const char sql[] = "DELETE FROM intent WHERE id=?";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql, INV_ARGS(inv_int(id)), err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_intent_each_dead(struct ks_inventory *inv, ks_intent_fn *each,
                          void *arg, struct ks_err *err)
{
    static const char sql[] =
        "SELECT id,key_uri,owner,spki_hash,act,other_uri FROM intent";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query_own(inv, sql, NULL, 0, &stmt, err);

    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        struct ks_intent intent = {
            .id = sqlite3_column_int64(stmt, 0),
            .act = (enum ks_intent_act)sqlite3_column_int(stmt, 4)};
        bool alive = false;

        intent.made = sqlite3_column_type(stmt, 3) != SQLITE_NULL;
        inv_col_hash(stmt, 3, intent.spki_hash);
        if (!inv_col_text(stmt, 1, &intent.key_uri) ||
            !inv_col_text(stmt, 5, &intent.other_uri))
            rc = ks_fail(err, KS_E_NOMEM, "out of memory");
        if (rc == KS_OK)
            rc = inv_owner_alive(inv, sqlite3_column_int64(stmt, 2), &alive,
                                 err);
        if (rc == KS_OK && !alive)
            rc = each(arg, &intent, err);
        ks_intent_clear(&intent);
    }
    (void)sqlite3_finalize(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}
