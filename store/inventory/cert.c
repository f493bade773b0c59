/*
 * The life of a certificate's row: reserved, to be signed, issued; or
 * abandoned. Every step names the state it starts from, so that two
 * processes can never both take it.
 */
#include "inventory.h"
#include "names.h"

#include <string.h>

#include <openssl/crypto.h>

const char *ks_cert_state_text(enum ks_cert_state state)
{
    static const char *const texts[] = {
        [KS_CERT_RESERVED] = "reserved",
        [KS_CERT_TBS] = "signing",
        [KS_CERT_ISSUED] = "issued",
        [KS_CERT_ABANDONED] = "abandoned",
    };

    return state >= KS_CERT_RESERVED && state <= KS_CERT_ABANDONED
               ? texts[state]
               : "unknown";
}

ks_rc ks_cert_reserve(struct ks_inventory *inv,
                      const struct ks_cert_reserve *reserve, int64_t *id,
                      struct ks_err *err)
{
    static const char used[] = "SELECT 1 FROM cert WHERE serial=? LIMIT 1";
    static const char insert[] =
        "INSERT INTO cert(ca_id,serial,state,owner,profile,profile_hash,"
        "request_hash,key_uri,subject_ca,reserved_at)"
        " VALUES(?,?,1,?,?,?,?,?,?,?)";
    struct inv_arg serial = inv_blob(reserve->serial, reserve->serial_len);
    int64_t owner = 0, one = 0;
    bool mine = false;
    ks_rc rc;

    if (reserve->serial_len == 0 || reserve->serial_len > KS_SERIAL_MAX ||
        reserve->serial[0] == 0)
        return ks_fail(err, KS_E_INTERNAL, "not a serial number to keep");
    rc = inv_owner(inv, &owner, err);
    if (rc == KS_OK)
        rc = inv_enter(inv, &mine, err);
    if (rc != KS_OK)
        return rc;
    rc = inv_get_int(inv, used, &serial, 1, &one, err);
    if (rc == KS_OK)
        rc = KS_E_EXISTS;
    else if (rc == KS_E_NOT_FOUND)
        rc = inv_run(inv, insert,
                     INV_ARGS(inv_int(reserve->ca), serial, inv_int(owner),
                              inv_text(reserve->profile),
                              inv_blob(reserve->profile_hash, KS_HASH_LEN),
                              inv_blob(reserve->request_hash, KS_HASH_LEN),
                              inv_text(reserve->key_uri),
                              inv_int_or_null(reserve->subject_ca),
                              inv_int(time(NULL))),
                     err);
    if (rc == KS_OK)
        *id = sqlite3_last_insert_rowid(inv->db);
    return inv_leave(inv, mine, rc, err);
}

/* A row that is not in the state it should be in was settled by another
 * process, which took this one for dead. */
static ks_rc one_changed(struct ks_inventory *inv, ks_rc rc, struct ks_err *err)
{
    if (rc == KS_OK && sqlite3_changes(inv->db) != 1)
        return ks_fail(err, KS_E_POLICY,
                       "another process has given this certificate up");
    return rc;
}

static ks_rc put_names(struct ks_inventory *inv, int64_t id,
                       const struct ks_cert_tbs *tbs, struct ks_err *err)
{
    static const char sql[] =
        "INSERT OR IGNORE INTO cert_name(cert_id,kind,key) VALUES(?,?,?)";
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < tbs->n_names; i++) {
        const struct ks_cert_name *name = &tbs->names[i];
        char *key = inv_name_key(name->kind, name->value);

        if (key == NULL)
            return ks_fail(err, KS_E_NOMEM, "out of memory");
        rc = inv_run(inv, sql,
                     INV_ARGS(inv_int(id), inv_int(name->kind), inv_text(key)),
                     err);
        OPENSSL_free(key);
    }
    return rc;
}

ks_rc ks_cert_put_tbs(struct ks_inventory *inv, int64_t id,
                      const struct ks_cert_tbs *tbs, struct ks_err *err)
{
    static const char sql[] =
        "UPDATE cert SET state=2,tbs=?,subject=?,not_before=?,not_after=?,"
        "spki_hash=? WHERE id=? AND state=1";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql,
                 INV_ARGS(inv_blob(tbs->tbs, tbs->tbs_len),
                          inv_text(tbs->subject), inv_int(tbs->not_before),
                          inv_int(tbs->not_after),
                          inv_blob(tbs->spki_hash, KS_HASH_LEN), inv_int(id)),
                 err);
    rc = one_changed(inv, rc, err);
    if (rc == KS_OK)
        rc = put_names(inv, id, tbs, err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_cert_finish(struct ks_inventory *inv, int64_t id, const uint8_t *der,
                     size_t der_len, struct ks_err *err)
{
    static const char sql[] =
        "UPDATE cert SET state=3,owner=NULL,tbs=NULL,der=?,issued_at=?"
        " WHERE id=? AND state=2";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(
        inv, sql,
        INV_ARGS(inv_blob(der, der_len), inv_int(time(NULL)), inv_int(id)),
        err);
    rc = one_changed(inv, rc, err);
    return inv_leave(inv, mine, rc, err);
}

/* Its bytes stay, if there are any: they say what may have been signed. */
ks_rc ks_cert_abandon(struct ks_inventory *inv, int64_t id, struct ks_err *err)
{
    static const char sql[] =
        "UPDATE cert SET state=4,owner=NULL,revoked_at=?,reason=0"
        " WHERE id=? AND state<3";
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_run(inv, sql, INV_ARGS(inv_int(time(NULL)), inv_int(id)), err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_cert_claim(struct ks_inventory *inv, int64_t id, bool *claimed,
                    struct ks_err *err)
{
    static const char find[] = "SELECT owner FROM cert WHERE id=? AND state<3";
    static const char claim[] = "UPDATE cert SET owner=? WHERE id=?";

    return inv_claim(inv, find, claim, id, claimed, err);
}

ks_rc ks_cert_key_compromised(struct ks_inventory *inv,
                              const uint8_t spki_hash[KS_HASH_LEN],
                              bool *compromised, struct ks_err *err)
{
    static const char sql[] =
        "SELECT 1 FROM cert WHERE spki_hash=? AND reason=1 LIMIT 1";
    int64_t one = 0;
    ks_rc rc = inv_get_int(inv, sql, INV_ARGS(inv_blob(spki_hash, KS_HASH_LEN)),
                           &one, err);

    if (rc != KS_OK && rc != KS_E_NOT_FOUND)
        return rc;
    *compromised = rc == KS_OK;
    return KS_OK;
}
