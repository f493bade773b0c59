/*
 * From a URI to a key.
 */
#include "loadkey.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ask.h"
#include "ks_soft_key.h"
#include "soft.h"

/* Takes SOFT on success. */
static ks_rc wrap(struct prov_ctx *ctx, const char *uri, EVP_PKEY *soft,
                  struct prov_key **out, struct ks_err *err)
{
    struct prov_key *key = prov_key_new(ctx, prov_key_type(soft));

    if (key == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    key->uri = OPENSSL_strdup(uri);
    if (key->uri == NULL) {
        prov_key_unref(key);
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    key->soft = soft;
    prov_key_probe(key);
    *out = key;
    return KS_OK;
}

ks_rc prov_key_from_spki(struct prov_ctx *ctx, const struct prov_store *store,
                         const char *uri, const struct ks_buf *spki,
                         const struct ks_key_ops *ops, void *opkey,
                         struct prov_key **out, struct ks_err *err)
{
    EVP_PKEY *soft = NULL;
    ks_rc rc = prov_soft_from_spki(ctx, uri, spki, &soft, err);

    if (rc != KS_OK)
        return rc;
    rc = wrap(ctx, uri, soft, out, err);
    if (rc != KS_OK) {
        EVP_PKEY_free(soft);
        return rc;
    }
    if (ops != NULL) {
        (*out)->ops = ops;
        (*out)->opkey = opkey;
        (*out)->store = prov_store_ref(store);
        (*out)->has_private = true;
    }
    return KS_OK;
}

/* The private half stays behind ks_soft_key_ops. */
static ks_rc operation_key(struct prov_ctx *ctx, const struct prov_store *store,
                           const char *uri, const EVP_PKEY *whole,
                           const struct ks_secret *pkcs8, struct prov_key **out,
                           struct ks_err *err)
{
    struct ks_buf spki = {0};
    void *opkey = NULL;
    ks_rc rc = prov_soft_to_spki(ctx, whole, &spki, err);

    if (rc == KS_OK)
        rc = ks_soft_key_new(pkcs8, ctx->child, ctx->propq, &opkey, err);
    if (rc == KS_OK) {
        rc = prov_key_from_spki(ctx, store, uri, &spki, &ks_soft_key_ops, opkey,
                                out, err);
        if (rc != KS_OK)
            ks_soft_key_ops.free(opkey);
    }
    ks_buf_clear(&spki);
    return rc;
}

ks_rc prov_key_from_soft(struct prov_ctx *ctx, const struct prov_store *store,
                         const char *uri, EVP_PKEY *soft,
                         const struct ks_secret *pkcs8, struct prov_key **out,
                         struct ks_err *err)
{
    ks_rc rc;

    if (!store->extractable)
        return operation_key(ctx, store, uri, soft, pkcs8, out, err);
    if (EVP_PKEY_up_ref(soft) != 1)
        return ks_fail(err, KS_E_INTERNAL, "a key cannot be kept");
    rc = wrap(ctx, uri, soft, out, err);
    if (rc != KS_OK)
        EVP_PKEY_free(soft);
    return rc;
}

ks_rc prov_key_from_pkcs8(struct prov_ctx *ctx, const struct prov_store *store,
                          const char *uri, const struct ks_secret *pkcs8,
                          struct prov_key **out, struct ks_err *err)
{
    EVP_PKEY *soft = NULL;
    ks_rc rc = prov_soft_from_pkcs8(ctx, uri, pkcs8, &soft, err);

    if (rc == KS_OK)
        rc = prov_key_from_soft(ctx, store, uri, soft, pkcs8, out, err);
    EVP_PKEY_free(soft);
    return rc;
}

static ks_rc load_public(struct prov_ctx *ctx, const struct prov_place *place,
                         struct prov_key **out, struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct ks_key_info info = {0};
    ks_rc rc = store->backend->info(store->handle, place->name, &info, err);

    if (rc == KS_OK)
        rc = prov_key_from_spki(ctx, store, place->canonical, &info.spki, NULL,
                                NULL, out, err);
    ks_key_info_clear(&info);
    return rc;
}

static ks_rc load_material(struct prov_ctx *ctx, const struct prov_place *place,
                           const struct ks_ask *ask, struct prov_key **out,
                           struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct ks_secret pkcs8 = {0};
    ks_rc rc = ks_material_load(&store->place, place->name, ask, &pkcs8, err);

    if (rc == KS_OK)
        rc =
            prov_key_from_pkcs8(ctx, store, place->canonical, &pkcs8, out, err);
    ks_secret_clear(&pkcs8);
    return rc;
}

ks_rc prov_key_open_inside(struct prov_ctx *ctx, const struct prov_place *place,
                           const struct ks_ask *ask, struct prov_key **out,
                           struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct ks_buf spki = {0};
    const struct ks_key_ops *ops = NULL;
    void *opkey = NULL;
    ks_rc rc = store->backend->open_key(store->handle, place->name, ask, &ops,
                                        &opkey, &spki, err);

    if (rc == KS_OK) {
        rc = prov_key_from_spki(ctx, store, place->canonical, &spki, ops, opkey,
                                out, err);
        if (rc != KS_OK)
            ops->free(opkey);
    }
    ks_buf_clear(&spki);
    return rc;
}

/* A place may have keys of both kinds: one whose record has no private half, or
 * that is not seen at all, may be an operation key. */
static ks_rc load_private(struct prov_ctx *ctx, const struct prov_place *place,
                          const struct ks_ask *ask, struct prov_key **out,
                          struct ks_err *err)
{
    const struct ks_backend *backend = place->store->backend;
    struct ks_err why = {0};
    ks_rc rc = KS_E_NOT_FOUND;

    if (backend->get != NULL)
        rc = load_material(ctx, place, ask, out, &why);
    if (backend->open_key != NULL && why.text[0] == '\0' &&
        (rc == KS_E_NOT_FOUND || rc == KS_E_UNSUPPORTED))
        return prov_key_open_inside(ctx, place, ask, out, err);
    if (rc == KS_OK || why.text[0] == '\0')
        return rc;
    ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

ks_rc prov_load_key(struct prov_ctx *ctx, const struct prov_place *place,
                    bool public_only, const struct ks_ask *ask,
                    struct prov_key **out, struct ks_err *err)
{
    struct prov_ask chain = {.uri = &place->uri,
                             .store = place->store,
                             .application = ask,
                             .whose = place->canonical};
    struct ks_ask own = {prov_ask_get, &chain};
    ks_rc rc;

    if (place->listing)
        rc = ks_fail(err, KS_E_INVALID, "%s: names a backend, not a key",
                     place->canonical);
    else if (public_only)
        rc = load_public(ctx, place, out, err);
    else
        rc = load_private(ctx, place, &own, out, err);
    if (rc == KS_OK && !prov_key_keep_source(*out, &place->uri)) {
        prov_key_unref(*out);
        *out = NULL;
        rc = KS_E_NOMEM;
    }
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", place->canonical);
    else if (rc != KS_OK)
        (void)ks_fail(err, rc, "%s: %s", place->canonical, ks_rc_text(rc));
    return rc;
}
