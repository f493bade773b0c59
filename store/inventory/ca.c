/*
 * Rows of CAs, from "being made" to "active".
 */
#include "inventory.h"

#include <string.h>

#include <openssl/crypto.h>

#define COLUMNS                                                                \
    "SELECT c.id,c.name,c.key_uri,c.parent,p.name,c.state,c.created,"          \
    "c.cert_id,t.der,c.crl_url,c.ocsp_url,c.issuer_url,t.revoked_at"           \
    " FROM ca c LEFT JOIN ca p ON p.id=c.parent"                               \
    " LEFT JOIN cert t ON t.id=c.cert_id"

const char *ks_ca_state_text(enum ks_ca_state state)
{
    static const char *const texts[] = {
        [KS_CA_MAKING] = "making",
        [KS_CA_ACTIVE] = "active",
        [KS_CA_RETIRED] = "retired",
    };

    return state >= KS_CA_MAKING && state <= KS_CA_RETIRED ? texts[state]
                                                           : "unknown";
}

void ks_ca_row_clear(struct ks_ca_row *row)
{
    if (row == NULL)
        return;
    OPENSSL_free(row->name);
    OPENSSL_free(row->key_uri);
    OPENSSL_free(row->parent_name);
    OPENSSL_free(row->crl_url);
    OPENSSL_free(row->ocsp_url);
    OPENSSL_free(row->issuer_url);
    ks_buf_clear(&row->cert);
    memset(row, 0, sizeof(*row));
}

static ks_rc read_row(sqlite3_stmt *stmt, struct ks_ca_row *row,
                      struct ks_err *err)
{
    memset(row, 0, sizeof(*row));
    row->id = sqlite3_column_int64(stmt, 0);
    row->parent = sqlite3_column_int64(stmt, 3);
    row->state = (enum ks_ca_state)sqlite3_column_int(stmt, 5);
    row->created = (time_t)sqlite3_column_int64(stmt, 6);
    row->cert_id = sqlite3_column_int64(stmt, 7);
    row->revoked = sqlite3_column_type(stmt, 12) != SQLITE_NULL;
    row->revoked_at = (time_t)sqlite3_column_int64(stmt, 12);
    if (inv_col_text(stmt, 1, &row->name) &&
        inv_col_text(stmt, 2, &row->key_uri) &&
        inv_col_text(stmt, 4, &row->parent_name) &&
        inv_col_blob(stmt, 8, &row->cert) &&
        inv_col_text(stmt, 9, &row->crl_url) &&
        inv_col_text(stmt, 10, &row->ocsp_url) &&
        inv_col_text(stmt, 11, &row->issuer_url))
        return KS_OK;
    ks_ca_row_clear(row);
    return ks_fail(err, KS_E_NOMEM, "out of memory");
}

static ks_rc check_name(const char *name, struct ks_err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t len = strlen(name);

    if (len > 0 && len <= KS_CA_NAME_MAX && name[0] != '-' && name[0] != '.' &&
        strspn(name, allowed) == len)
        return KS_OK;
    ks_hint(err, "1 to %d letters, digits, \"-\", \"_\" and \".\"",
            KS_CA_NAME_MAX);
    return ks_fail(err, KS_E_INVALID, "%.80s: not a name for a CA", name);
}

ks_rc ks_ca_add(struct ks_inventory *inv, const struct ks_ca_row *row,
                int64_t *id, struct ks_err *err)
{
    static const char sql[] =
        "INSERT INTO ca(name,key_uri,parent,state,created,owner,crl_url,"
        "ocsp_url,issuer_url) VALUES(?,?,?,1,?,?,?,?,?)";
    int64_t owner = 0;
    bool mine = false;
    ks_rc rc = check_name(row->name, err);

    if (rc == KS_OK)
        rc = inv_owner(inv, &owner, err);
    if (rc == KS_OK)
        rc = inv_enter(inv, &mine, err);
    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql,
                 INV_ARGS(inv_text(row->name), inv_text(row->key_uri),
                          inv_int_or_null(row->parent), inv_int(time(NULL)),
                          inv_int(owner), inv_text(row->crl_url),
                          inv_text(row->ocsp_url), inv_text(row->issuer_url)),
                 err);
    if (rc == KS_E_EXISTS)
        rc = ks_fail(err, rc, "%s: there is a CA of that name", row->name);
    if (rc == KS_OK)
        *id = sqlite3_last_insert_rowid(inv->db);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_ca_activate(struct ks_inventory *inv, int64_t id, int64_t cert_id,
                     const uint8_t spki_hash[KS_HASH_LEN], struct ks_err *err)
{
    static const char sql[] = "UPDATE ca SET state=2,owner=NULL,cert_id=?,"
                              "spki_hash=? WHERE id=? AND state=1";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql,
                 INV_ARGS(inv_int(cert_id), inv_blob(spki_hash, KS_HASH_LEN),
                          inv_int(id)),
                 err);
    if (rc == KS_OK && sqlite3_changes(inv->db) != 1)
        rc = ks_fail(err, KS_E_POLICY,
                     "another process has undone this CA's creation");
    return inv_leave(inv, mine, rc, err);
}

/* A root's certificate goes with it: its key is its own, and it was never
 * handed out. One that a parent was to sign stays, abandoned. */
ks_rc ks_ca_undo(struct ks_inventory *inv, int64_t id, struct ks_err *err)
{
    static const char *const sqls[] = {
        "DELETE FROM cert WHERE ca_id=?1 AND subject_ca=?1"
        " AND (SELECT state FROM ca WHERE id=?1)=1",
        "UPDATE cert SET subject_ca=NULL WHERE subject_ca=?1"
        " AND (SELECT state FROM ca WHERE id=?1)=1",
        "DELETE FROM ca WHERE id=?1 AND state=1",
    };
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    for (size_t i = 0; rc == KS_OK && i < sizeof(sqls) / sizeof(sqls[0]); i++)
        rc = inv_run(inv, sqls[i], INV_ARGS(inv_int(id)), err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_ca_claim(struct ks_inventory *inv, int64_t id, bool *claimed,
                  struct ks_err *err)
{
    static const char find[] = "SELECT owner FROM ca WHERE id=? AND state=1";
    static const char claim[] = "UPDATE ca SET owner=? WHERE id=?";

    return inv_claim(inv, find, claim, id, claimed, err);
}

ks_rc ks_ca_set_state(struct ks_inventory *inv, int64_t id,
                      enum ks_ca_state state, struct ks_err *err)
{
    static const char sql[] = "UPDATE ca SET state=? WHERE id=? AND state>1";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql, INV_ARGS(inv_int(state), inv_int(id)), err);
    if (rc == KS_OK && sqlite3_changes(inv->db) != 1)
        rc = ks_fail(err, KS_E_NOT_FOUND, "no such CA");
    return inv_leave(inv, mine, rc, err);
}

static ks_rc get_one(struct ks_inventory *inv, const char *sql,
                     struct inv_arg arg, struct ks_ca_row *row,
                     struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, &arg, 1, &stmt, err);

    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK)
        rc = read_row(stmt, row, err);
    inv_done(stmt);
    return rc;
}

ks_rc ks_ca_find(struct ks_inventory *inv, const char *name,
                 struct ks_ca_row *row, struct ks_err *err)
{
    static const char sql[] = COLUMNS " WHERE c.name=? AND c.state>1";
    ks_rc rc = get_one(inv, sql, inv_text(name), row, err);

    if (rc == KS_E_NOT_FOUND) {
        ks_hint(err, "\"caadm ca list\" shows the CAs there are");
        return ks_fail(err, rc, "%s: no such CA", name);
    }
    return rc;
}

ks_rc ks_ca_get(struct ks_inventory *inv, int64_t id, struct ks_ca_row *row,
                struct ks_err *err)
{
    static const char sql[] = COLUMNS " WHERE c.id=?";

    return get_one(inv, sql, inv_int(id), row, err);
}

/* The name that SQL finds for KEY. */
static ks_rc name_of(struct ks_inventory *inv, const char *sql,
                     struct inv_arg key, char **name, struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, INV_ARGS(key), &stmt, err);

    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK && !inv_col_text(stmt, 0, name))
        rc = ks_fail(err, KS_E_NOMEM, "out of memory");
    inv_done(stmt);
    return rc;
}

ks_rc ks_ca_of_key(struct ks_inventory *inv,
                   const uint8_t spki_hash[KS_HASH_LEN], char **name,
                   struct ks_err *err)
{
    static const char sql[] = "SELECT name FROM ca WHERE spki_hash=? LIMIT 1";

    return name_of(inv, sql, inv_blob(spki_hash, KS_HASH_LEN), name, err);
}

ks_rc ks_ca_of_key_uri(struct ks_inventory *inv, const char *uri, char **name,
                       struct ks_err *err)
{
    static const char sql[] = "SELECT name FROM ca WHERE key_uri=? LIMIT 1";

    return name_of(inv, sql, inv_text(uri), name, err);
}

/* Parents are older than their children, so ids are in their order. */
ks_rc ks_ca_each(struct ks_inventory *inv, ks_ca_fn *each, void *arg,
                 struct ks_err *err)
{
    static const char sql[] = COLUMNS " WHERE c.state>1 ORDER BY c.id";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query_own(inv, sql, NULL, 0, &stmt, err);

    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        struct ks_ca_row row;

        rc = read_row(stmt, &row, err);
        if (rc != KS_OK)
            break;
        rc = each(arg, &row, err);
        ks_ca_row_clear(&row);
    }
    (void)sqlite3_finalize(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

ks_rc ks_ca_each_dead(struct ks_inventory *inv, ks_ca_fn *each, void *arg,
                      struct ks_err *err)
{
    static const char sql[] =
        "SELECT id,owner FROM ca WHERE state=1 ORDER BY id";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query_own(inv, sql, NULL, 0, &stmt, err);

    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        struct ks_ca_row row = {0};
        bool alive = false;

        rc = inv_owner_alive(inv, sqlite3_column_int64(stmt, 1), &alive, err);
        if (rc != KS_OK || alive)
            continue;
        rc = ks_ca_get(inv, sqlite3_column_int64(stmt, 0), &row, err);
        if (rc == KS_OK)
            rc = each(arg, &row, err);
        ks_ca_row_clear(&row);
    }
    (void)sqlite3_finalize(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}
