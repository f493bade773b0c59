/*
 * What dead processes left: certificates that were reserved or being signed,
 * CAs half made; keys planned are in settle_key.c. A stored tbs is signed if
 * that needs no person, so the same serial never carries two different
 * certificates; else it is abandoned, which counts as revoked, because a
 * signature on it may be out already.
 */
#include "audit.h"
#include "authority.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#define SETTLE_MAX 100000

void ca_settled_clear(struct ca_settled *settled)
{
    if (settled == NULL)
        return;
    ca_strings_clear(&settled->notes);
    memset(settled, 0, sizeof(*settled));
}

/* Listings must be over before their rows are written: ids first. */
struct ids {
    int64_t *items;
    size_t n;
};

static ks_rc push(struct ids *ids, int64_t id, struct ks_err *err)
{
    int64_t *items = OPENSSL_realloc(ids->items, (ids->n + 1) * sizeof(*items));

    if (items == NULL)
        return ca_nomem(err);
    items[ids->n++] = id;
    ids->items = items;
    return KS_OK;
}

static ks_rc push_cert(void *arg, const struct ks_cert_row *row,
                       struct ks_err *err)
{
    return push(arg, row->id, err);
}

static ks_rc push_ca(void *arg, const struct ks_ca_row *row, struct ks_err *err)
{
    return push(arg, row->id, err);
}

/* --- certificates ------------------------------------------------------------
 */

/* Never asks: without a UI method libcrypto's default would. */
static int no_answer(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static ks_rc load_quietly(const struct ca_env *env, const char *uri,
                          EVP_PKEY **out)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(no_answer, 0);
    struct ca_env quiet = *env;
    struct ks_err ignored = {0};
    ks_rc rc = KS_E_NOMEM;

    if (ui != NULL) {
        quiet.ui = ui;
        quiet.ui_data = NULL;
        quiet.passin = NULL; /* was meant for another key */
        quiet.pins = (struct ca_pins){0};
        rc = ca_key_load(&quiet, uri, out, &ignored);
    }
    UI_destroy_method(ui);
    return rc;
}

static X509 *parse(const struct ca_env *env, const struct ks_buf *der)
{
    const unsigned char *p = der->data;
    X509 *cert = X509_new_ex(env->libctx, env->propq);

    if (cert == NULL || der->len == 0 ||
        d2i_X509(&cert, &p, (long)der->len) == NULL) {
        X509_free(der->len == 0 ? cert : NULL); /* d2i has freed it */
        return NULL;
    }
    return cert;
}

/* The signature must hold under the certificate of the CA, and under its own
 * where that is what is being made: the key may have been replaced. */
static bool holds(const struct ca_env *env, const struct ks_ca_row *ca,
                  const struct ks_buf *der)
{
    X509 *cert = parse(env, der);
    X509 *issuer = ca->cert.len > 0 ? parse(env, &ca->cert) : cert;
    bool good = cert != NULL && issuer != NULL &&
                X509_verify(cert, X509_get0_pubkey(issuer)) == 1;

    if (issuer != cert)
        X509_free(issuer);
    X509_free(cert);
    return good;
}

/* What was allowed when it was built may not be so any more: the CA revoked,
 * retired or expired since, the beginning too far back. */
static bool may_still_sign(const struct ca_env *env, const struct ks_ca_row *ca,
                           const struct ks_cert_row *row)
{
    STACK_OF(X509) *chain = NULL;
    struct ks_err ignored = {0};
    time_t now = ca_now(env);
    bool may;

    if (row->not_before < now - CA_BACKDATE_MAX || row->not_after < now)
        return false;
    if (ca->state == KS_CA_MAKING) /* a root's own certificate */
        return row->subject_ca == ca->id;
    if (ca->state != KS_CA_ACTIVE ||
        ca_chain_load(env, ca, false, &chain, &ignored) != KS_OK)
        return false;
    may = ca_chain_is_current(env, chain);
    sk_X509_pop_free(chain, X509_free);
    return may;
}

static ks_rc sign_stored(const struct ca_env *env, const struct ks_ca_row *ca,
                         const struct ks_buf *tbs, struct ks_buf *der)
{
    struct ca_signer signer = {0};
    struct ks_err ignored = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = load_quietly(env, ca->key_uri, &pkey);

    if (rc == KS_OK)
        rc = ca_signer_init(env, pkey, &signer, &ignored);
    if (rc == KS_OK)
        rc = ca_signer_sign(&signer, tbs, der, &ignored);
    if (rc == KS_OK && !holds(env, ca, der))
        rc = KS_E_VERIFY;
    EVP_PKEY_free(pkey);
    ca_signer_clear(&signer);
    ERR_clear_error();
    return rc;
}

/* The key made for it is in use now. */
static ks_rc keep_key(const struct ca_env *env, const char *key_uri,
                      struct ks_err *err)
{
    int64_t intent = 0;
    ks_rc rc = ks_intent_take(env->inv, key_uri, &intent, err);

    if (rc == KS_OK)
        rc = ks_intent_remove(env->inv, intent, err);
    /* KS_E_EXISTS: another process has taken the key up for a use of its own */
    return rc == KS_E_NOT_FOUND || rc == KS_E_EXISTS ? KS_OK : rc;
}

/* Records in one transaction; a new CA's row is completed with it. */
static ks_rc finish(const struct ca_env *env, const struct ks_cert_row *row,
                    const struct ks_buf *der, struct ks_err *err)
{
    uint8_t hash[KS_HASH_LEN];
    char object[KS_SERIAL_HEX + KS_CA_NAME_MAX + 8];
    ks_rc rc = ca_sha256(der->data, der->len, hash, err);

    (void)snprintf(object, sizeof(object), "%s by %s", row->serial,
                   row->ca_name);
    if (rc == KS_OK)
        rc = ks_inventory_begin(env->inv, err);
    if (rc != KS_OK)
        return rc;
    rc = ks_cert_finish(env->inv, row->id, der->data, der->len, err);
    if (rc == KS_OK && row->subject_ca != 0) {
        const unsigned char *p = der->data;
        X509 *cert = d2i_X509(NULL, &p, (long)der->len);
        uint8_t key_hash[KS_HASH_LEN];

        rc = cert == NULL ? ca_nomem(err)
                          : ca_key_hash(X509_get0_pubkey(cert), key_hash, err);
        if (rc == KS_OK)
            rc = ks_ca_activate(env->inv, row->subject_ca, row->id, key_hash,
                                err);
        X509_free(cert);
    }
    if (rc == KS_OK && row->key_uri != NULL)
        rc = keep_key(env, row->key_uri, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "cert.finish", object, hash, err);
    if (rc == KS_OK)
        return ks_inventory_commit(env->inv, err);
    ks_inventory_rollback(env->inv);
    return rc;
}

static ks_rc abandon(const struct ca_env *env, const struct ks_cert_row *row,
                     struct ks_err *err)
{
    char object[KS_SERIAL_HEX + KS_CA_NAME_MAX + 8];
    ks_rc rc = ks_inventory_begin(env->inv, err);

    if (rc != KS_OK)
        return rc;
    (void)snprintf(object, sizeof(object), "%s by %s", row->serial,
                   row->ca_name);
    rc = ks_cert_abandon(env->inv, row->id, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "cert.abandon", object, NULL, err);
    if (rc == KS_OK)
        return ks_inventory_commit(env->inv, err);
    ks_inventory_rollback(env->inv);
    return rc;
}

static ks_rc settle_cert(const struct ca_env *env, int64_t id,
                         struct ca_settled *settled, struct ks_err *err)
{
    struct ks_cert_row row = {0};
    struct ks_ca_row ca = {0};
    struct ks_buf der = {0};
    bool done = false, claimed = false;
    ks_rc rc = ks_cert_claim(env->inv, id, &claimed, err);

    if (rc != KS_OK || !claimed)
        return rc;
    rc = ks_cert_get(env->inv, id, &row, err);
    if (rc == KS_OK)
        rc = ks_ca_get(env->inv, row.ca, &ca, err);
    if (rc == KS_OK && row.state == KS_CERT_TBS &&
        may_still_sign(env, &ca, &row) &&
        sign_stored(env, &ca, &row.tbs, &der) == KS_OK) {
        rc = finish(env, &row, &der, err);
        done = rc == KS_OK;
    }
    if (rc == KS_OK && done) {
        settled->finished++;
        rc = ca_strings_add(&settled->notes,
                            "certificate %s of %s: completed, an interrupted "
                            "command had begun it",
                            row.serial, row.subject);
    } else if (rc == KS_OK && row.state < KS_CERT_ISSUED) {
        rc = abandon(env, &row, err);
        settled->abandoned += rc == KS_OK;
        if (rc == KS_OK)
            rc = ca_strings_add(&settled->notes,
                                "certificate %s: abandoned, an interrupted "
                                "command had begun it; it counts as revoked",
                                row.serial);
    }
    ks_buf_clear(&der);
    ks_ca_row_clear(&ca);
    ks_cert_row_clear(&row);
    return rc;
}

/* --- CAs
 * -------------------------------------------------------------- */

static ks_rc settle_ca(const struct ca_env *env, int64_t id,
                       struct ca_settled *settled, struct ks_err *err)
{
    struct ks_ca_row row = {0};
    bool claimed = false;
    ks_rc rc = ks_ca_claim(env->inv, id, &claimed, err);

    if (rc != KS_OK || !claimed)
        return rc;
    rc = ks_ca_get(env->inv, id, &row, err);
    if (rc == KS_OK)
        rc = ks_ca_undo(env->inv, id, err);
    settled->undone += rc == KS_OK;
    if (rc == KS_OK)
        rc = ca_strings_add(&settled->notes,
                            "CA %s: removed, an interrupted command had "
                            "not finished it",
                            row.name);
    ks_ca_row_clear(&row);
    return rc;
}

typedef ks_rc settle_fn(const struct ca_env *env, int64_t id,
                        struct ca_settled *settled, struct ks_err *err);

static ks_rc settle_ids(const struct ca_env *env, struct ids *ids,
                        settle_fn *settle, struct ca_settled *settled, ks_rc rc,
                        struct ks_err *err)
{
    for (size_t i = 0; rc == KS_OK && i < ids->n; i++)
        rc = settle(env, ids->items[i], settled, err);
    OPENSSL_free(ids->items);
    *ids = (struct ids){0};
    return rc;
}

ks_rc ca_settle(const struct ca_env *env, struct ca_settled *settled,
                struct ks_err *err)
{
    struct ids ids = {0};
    ks_rc rc;

    memset(settled, 0, sizeof(*settled));
    rc = ks_cert_each_dead(env->inv, SETTLE_MAX, push_cert, &ids, err);
    rc = settle_ids(env, &ids, settle_cert, settled, rc, err);
    if (rc == KS_OK) {
        rc = ks_ca_each_dead(env->inv, push_ca, &ids, err);
        rc = settle_ids(env, &ids, settle_ca, settled, rc, err);
    }
    if (rc == KS_OK)
        rc = ca_settle_keys(env, settled, err);
    return rc;
}
