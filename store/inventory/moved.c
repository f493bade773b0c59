/*
 * Keys on their way from one URI to another: the plan, and the records that
 * follow the key.
 */
#include "inventory.h"

/* What stands in the way of a move: a plan that has one of its keys, on either
 * side, and another owner who lives. */
static ks_rc check_free(struct ks_inventory *inv,
                        const struct ks_key_move *move, int64_t owner,
                        struct ks_err *err)
{
    static const char sql[] = "SELECT owner,key_uri FROM intent"
                              " WHERE owner<>?3 AND (key_uri IN (?1,?2)"
                              " OR other_uri IN (?1,?2))";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(
        inv, sql,
        INV_ARGS(inv_text(move->from), inv_text(move->to), inv_int(owner)),
        &stmt, err);

    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        bool alive = false;

        rc = inv_owner_alive(inv, sqlite3_column_int64(stmt, 0), &alive, err);
        if (rc == KS_OK && alive)
            rc = ks_fail(err, KS_E_EXISTS,
                         "%s: another process is making or moving this key",
                         (const char *)sqlite3_column_text(stmt, 1));
    }
    inv_done(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

static ks_rc plan(struct ks_inventory *inv, const struct ks_key_move *move,
                  int64_t owner, int64_t *id, struct ks_err *err)
{
    static const char clear[] = "DELETE FROM intent WHERE key_uri=?";
    static const char sql[] =
        "INSERT INTO intent(key_uri,other_uri,act,spki_hash,owner,created)"
        " VALUES(?,?,2,?,?,?)";
    ks_rc rc = inv_run(inv, clear, INV_ARGS(inv_text(move->to)), err);

    if (rc == KS_OK)
        rc = inv_run(inv, sql,
                     INV_ARGS(inv_text(move->to), inv_text(move->from),
                              inv_blob(move->spki_hash, KS_HASH_LEN),
                              inv_int(owner), inv_int(time(NULL))),
                     err);
    if (rc == KS_OK)
        *id = sqlite3_last_insert_rowid(inv->db);
    return rc;
}

static ks_rc take(struct ks_inventory *inv, const struct ks_key_move *move,
                  int64_t owner, int64_t *id, struct ks_err *err)
{
    static const char find[] = "SELECT id FROM intent WHERE key_uri=? AND"
                               " other_uri=? AND act=2 AND spki_hash=?";
    static const char sql[] = "UPDATE intent SET owner=? WHERE id=?";
    ks_rc rc = inv_get_int(inv, find,
                           INV_ARGS(inv_text(move->to), inv_text(move->from),
                                    inv_blob(move->spki_hash, KS_HASH_LEN)),
                           id, err);

    if (rc == KS_OK)
        rc = inv_run(inv, sql, INV_ARGS(inv_int(owner), inv_int(*id)), err);
    return rc;
}

typedef ks_rc begin_fn(struct ks_inventory *inv, const struct ks_key_move *move,
                       int64_t owner, int64_t *id, struct ks_err *err);

static ks_rc begin(struct ks_inventory *inv, const struct ks_key_move *move,
                   begin_fn *fn, int64_t *id, struct ks_err *err)
{
    int64_t owner = 0, at = 0;
    bool mine = false;
    ks_rc rc = inv_owner(inv, &owner, err);

    if (rc == KS_OK)
        rc = inv_enter(inv, &mine, err);
    if (rc != KS_OK)
        return rc;
    rc = check_free(inv, move, owner, err);
    if (rc == KS_OK)
        rc = fn(inv, move, owner, &at, err);
    rc = inv_leave(inv, mine, rc, err);
    if (rc == KS_OK)
        *id = at;
    return rc;
}

ks_rc ks_intent_copy(struct ks_inventory *inv, const struct ks_key_move *move,
                     int64_t *id, struct ks_err *err)
{
    return begin(inv, move, plan, id, err);
}

ks_rc ks_intent_take_copy(struct ks_inventory *inv,
                          const struct ks_key_move *move, int64_t *id,
                          struct ks_err *err)
{
    return begin(inv, move, take, id, err);
}

ks_rc ks_intent_drop(struct ks_inventory *inv, int64_t id,
                     const struct ks_key_move *move, struct ks_err *err)
{
    /* of a dead process, which had planned to make FROM */
    static const char clear[] = "DELETE FROM intent WHERE key_uri=? AND id<>?";
    static const char sql[] = "UPDATE intent SET act=3,key_uri=?,other_uri=?"
                              " WHERE id=?";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, clear, INV_ARGS(inv_text(move->from), inv_int(id)), err);
    if (rc == KS_OK)
        rc = inv_run(
            inv, sql,
            INV_ARGS(inv_text(move->from), inv_text(move->to), inv_int(id)),
            err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_key_moved(struct ks_inventory *inv, const char *from, const char *to,
                   int64_t *n_cas, int64_t *n_certs, struct ks_err *err)
{
    /* '@' comes after '?': all that begins with FROM and a '?' */
#define WITH_KEY " WHERE key_uri=?1 OR (key_uri>=?1||'?' AND key_uri<?1||'@')"
    static const char *const sql[] = {
        "UPDATE ca SET key_uri=?2" WITH_KEY,
        "UPDATE cert SET key_uri=?2" WITH_KEY,
    };
#undef WITH_KEY
    int64_t *const counts[] = {n_cas, n_certs};
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    for (size_t i = 0; rc == KS_OK && i < 2; i++) {
        rc = inv_run(inv, sql[i], INV_ARGS(inv_text(from), inv_text(to)), err);
        if (rc == KS_OK)
            *counts[i] = sqlite3_changes64(inv->db);
    }
    return inv_leave(inv, mine, rc, err);
}
