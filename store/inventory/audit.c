/*
 * The audit log: each row's hash covers the hash of the row before it, so
 * that an edit, a deletion or a new order breaks the chain from there on.
 * What is hashed is written down in docs/formats.md.
 */
#include "inventory.h"

#include <string.h>

#include <openssl/evp.h>

#define CHAIN_TAG "caadm audit 1"

static bool put(EVP_MD_CTX *md, const void *data, size_t len)
{
    return EVP_DigestUpdate(md, data, len) == 1;
}

static bool put_u64(EVP_MD_CTX *md, uint64_t value)
{
    uint8_t octets[8];

    for (int i = 7; i >= 0; i--, value >>= 8)
        octets[i] = (uint8_t)value;
    return put(md, octets, sizeof(octets));
}

static bool put_text(EVP_MD_CTX *md, const char *text)
{
    size_t len = strlen(text);

    return put_u64(md, len) && put(md, text, len);
}

static ks_rc chain(const uint8_t prev[KS_HASH_LEN],
                   const struct ks_audit_row *row, uint8_t out[KS_HASH_LEN],
                   struct ks_err *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              put_text(md, CHAIN_TAG) && put(md, prev, KS_HASH_LEN) &&
              put_u64(md, (uint64_t)row->seq) &&
              put_u64(md, (uint64_t)row->time) && put_text(md, row->actor) &&
              put_text(md, row->act) && put_text(md, row->object) &&
              put(md, row->digest, KS_HASH_LEN) &&
              EVP_DigestFinal_ex(md, out, NULL) == 1;

    EVP_MD_CTX_free(md);
    return ok ? KS_OK : ks_fail(err, KS_E_CRYPTO, "audit: cannot hash");
}

/* The newest row's number, time and hash; zeros if there is none. */
static ks_rc last(struct ks_inventory *inv, struct ks_audit_row *row,
                  struct ks_err *err)
{
    static const char sql[] =
        "SELECT seq,time,hash FROM audit ORDER BY seq DESC LIMIT 1";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, NULL, 0, &stmt, err);

    memset(row, 0, sizeof(*row));
    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK) {
        row->seq = sqlite3_column_int64(stmt, 0);
        row->time = (time_t)sqlite3_column_int64(stmt, 1);
        inv_col_hash(stmt, 2, row->hash);
    }
    inv_done(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

ks_rc ks_audit_add(struct ks_inventory *inv, time_t when, const char *actor,
                   const char *act, const char *object,
                   const uint8_t digest[KS_HASH_LEN], struct ks_err *err)
{
    static const char sql[] =
        "INSERT INTO audit(seq,time,actor,act,object,digest,prev,hash)"
        " VALUES(?,?,?,?,?,?,?,?)";
    struct ks_audit_row before, row = {0};
    bool mine = false;
    ks_rc rc = inv_enter(inv, &mine, err);

    if (rc != KS_OK)
        return rc;
    rc = last(inv, &before, err);
    row.seq = before.seq + 1;
    row.time = when != 0 ? when : time(NULL);
    row.actor = actor;
    row.act = act;
    row.object = object;
    if (digest != NULL)
        memcpy(row.digest, digest, KS_HASH_LEN);
    if (rc == KS_OK)
        rc = chain(before.hash, &row, row.hash, err);
    if (rc == KS_OK)
        rc = inv_run(inv, sql,
                     INV_ARGS(inv_int(row.seq), inv_int(row.time),
                              inv_text(actor), inv_text(act), inv_text(object),
                              inv_blob(row.digest, KS_HASH_LEN),
                              inv_blob(before.hash, KS_HASH_LEN),
                              inv_blob(row.hash, KS_HASH_LEN)),
                     err);
    return inv_leave(inv, mine, rc, err);
}

ks_rc ks_audit_last_time(struct ks_inventory *inv, time_t *when,
                         struct ks_err *err)
{
    struct ks_audit_row row;
    ks_rc rc = last(inv, &row, err);

    if (rc == KS_OK)
        *when = row.time;
    return rc;
}

/* In a file that was tampered with, a text may be missing, or go on behind a
 * NUL: then it is empty, which breaks the chain. */
static const char *text_or_empty(sqlite3_stmt *stmt, int col)
{
    const char *text = (const char *)sqlite3_column_text(stmt, col);
    int len = sqlite3_column_bytes(stmt, col);

    return text != NULL && strlen(text) == (size_t)len ? text : "";
}

ks_rc ks_audit_each(struct ks_inventory *inv, int64_t from_seq,
                    ks_audit_fn *each, void *arg, struct ks_err *err)
{
    static const char sql[] =
        "SELECT seq,time,actor,act,object,digest,prev,hash"
        " FROM audit WHERE seq>=? ORDER BY seq";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query_own(inv, sql, INV_ARGS(inv_int(from_seq)), &stmt, err);

    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        struct ks_audit_row row = {
            .seq = sqlite3_column_int64(stmt, 0),
            .time = (time_t)sqlite3_column_int64(stmt, 1),
            .actor = text_or_empty(stmt, 2),
            .act = text_or_empty(stmt, 3),
            .object = text_or_empty(stmt, 4),
        };

        inv_col_hash(stmt, 5, row.digest);
        inv_col_hash(stmt, 6, row.prev);
        inv_col_hash(stmt, 7, row.hash);
        rc = each(arg, &row, err);
    }
    (void)sqlite3_finalize(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

struct verify {
    int64_t rows;
    uint8_t prev[KS_HASH_LEN];
};

static ks_rc verify_row(void *arg, const struct ks_audit_row *row,
                        struct ks_err *err)
{
    struct verify *verify = arg;
    uint8_t hash[KS_HASH_LEN];
    ks_rc rc;

    if (row->seq != verify->rows + 1)
        return ks_fail(err, KS_E_VERIFY, "audit row %lld is missing",
                       (long long)verify->rows + 1);
    rc = chain(verify->prev, row, hash, err);
    if (rc != KS_OK)
        return rc;
    if (memcmp(hash, row->hash, KS_HASH_LEN) != 0 ||
        memcmp(verify->prev, row->prev, KS_HASH_LEN) != 0)
        return ks_fail(err, KS_E_VERIFY,
                       "audit row %lld was changed, or is not in its place",
                       (long long)row->seq);
    memcpy(verify->prev, hash, KS_HASH_LEN);
    verify->rows = row->seq;
    return KS_OK;
}

ks_rc ks_audit_verify(struct ks_inventory *inv, int64_t *rows,
                      struct ks_err *err)
{
    struct verify verify = {0};
    ks_rc rc = ks_audit_each(inv, INT64_MIN, verify_row, &verify, err);

    *rows = verify.rows;
    return rc;
}
