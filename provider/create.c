/*
 * New keys in a backend, and new sealing for old ones.
 */
#include "create.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "loadkey.h"
#include "params.h"
#include "soft.h"

static ks_rc name_is_free(const struct prov_create *create, struct ks_err *err)
{
    const struct prov_store *store = create->store;
    struct ks_key_info info = {0};
    struct ks_err found = {0};
    ks_rc rc =
        store->backend->info(store->handle, create->uri.key, &info, &found);

    ks_key_info_clear(&info);
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc == KS_OK || rc == KS_E_DAMAGED) {
        ks_hint(err, "choose another name, or delete that key first");
        return ks_fail(err, KS_E_EXISTS, "%s: a key of this name exists",
                       create->canonical);
    }
    return ks_fail(err, rc, "%s", found.text);
}

static ks_rc open_uri(struct prov_create *create, const char *text,
                      struct ks_err *err)
{
    ks_rc rc = ks_uri_parse(text, &create->uri, err);

    if (rc == KS_OK)
        rc = ks_uri_format(create->uri.backend, create->uri.key,
                           &create->canonical);
    if (rc != KS_OK)
        return rc;
    if (create->uri.key[0] == '\0')
        return ks_fail(err, KS_E_INVALID,
                       "%s: names a backend; a new key needs a name",
                       create->canonical);
    if (create->uri.type == KS_URI_PUBLIC || create->uri.type == KS_URI_CERT)
        return ks_fail(err, KS_E_INVALID,
                       "%s: a new key is private, its URI cannot have "
                       "another type",
                       create->canonical);
    return KS_OK;
}

ks_rc prov_create_open(struct prov_create *create, struct prov_ctx *ctx,
                       const char *uri, const char *passout, struct ks_err *err)
{
    ks_rc rc = open_uri(create, uri, err);

    if (rc == KS_OK && passout != NULL)
        rc = ks_secret_source_check(passout, err);
    if (rc == KS_OK)
        rc = prov_stores_get(ctx->stores, create->uri.backend, &create->store,
                             err);
    if (rc != KS_OK)
        return rc;
    if (passout != NULL && !create->store->sealing)
        return ks_fail(err, KS_E_INVALID,
                       "%s: [backend %s] has sealing = none: it would keep the "
                       "key unsealed, whatever the passphrase",
                       create->canonical, create->store->name);
    create->ctx = ctx;
    create->terminal.get = prov_ask_terminal;
    create->ask.source = passout;
    create->ask.uri = &create->uri;
    create->ask.store = create->store;
    create->ask.application = &create->terminal;
    create->ask.whose = create->canonical;
    create->ask.confirm = true;
    if (create->store->backend->save == NULL && !prov_create_is_inside(create))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s takes no new keys",
                       create->canonical, create->store->backend->type);
    return name_is_free(create, err);
}

void prov_create_clear(struct prov_create *create)
{
    ks_uri_clear(&create->uri);
    OPENSSL_free(create->canonical);
    memset(create, 0, sizeof(*create));
}

bool prov_create_is_inside(const struct prov_create *create)
{
    return create->store->backend->generate != NULL;
}

ks_rc prov_create_save(struct prov_create *create, const EVP_PKEY *soft,
                       struct prov_key **out, struct ks_err *err)
{
    const struct prov_store *store = create->store;
    struct ks_ask ask = {prov_ask_get, &create->ask};
    struct ks_secret pkcs8 = {0};
    struct ks_buf spki = {0};
    struct prov_key *key = NULL;
    ks_rc rc;

    if (store->backend->save == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s makes its keys itself, it takes "
                       "none from outside",
                       create->canonical, store->backend->type);
    rc = prov_soft_to_spki(create->ctx, soft, &spki, err);
    if (rc == KS_OK)
        rc = prov_soft_to_pkcs8(create->ctx, soft, &pkcs8, err);
    /* Saving comes last: what failed before it leaves nothing behind. */
    if (rc == KS_OK)
        rc = prov_key_from_pkcs8(create->ctx, store, create->canonical, &pkcs8,
                                 &key, err);
    if (rc == KS_OK)
        rc = store->backend->save(store->handle, create->uri.key, &spki, &pkcs8,
                                  &ask, err);
    if (rc == KS_OK) {
        *out = key;
        key = NULL; /* given to *out */
    }
    prov_key_unref(key);
    ks_secret_clear(&pkcs8);
    ks_buf_clear(&spki);
    return rc;
}

ks_rc prov_create_inside(struct prov_create *create,
                         const struct ks_keygen *spec, struct prov_key **out,
                         struct ks_err *err)
{
    const struct prov_store *store = create->store;
    const struct ks_key_ops *ops = NULL;
    struct ks_ask ask = {prov_ask_get, &create->ask};
    struct ks_buf spki = {0};
    void *opkey = NULL;
    ks_rc rc = store->backend->generate(store->handle, create->uri.key, spec,
                                        &ask, &spki, err);

    if (rc != KS_OK)
        return rc;
    ks_buf_clear(&spki);
    rc = store->backend->open_key(store->handle, create->uri.key, &ask, &ops,
                                  &opkey, &spki, err);
    if (rc == KS_OK) {
        rc = prov_key_from_spki(create->ctx, create->canonical, &spki, ops,
                                opkey, out, err);
        if (rc != KS_OK)
            ops->free(opkey);
    }
    if (rc != KS_OK) /* the caller never learns of the key: take it back */
        (void)store->backend->remove(store->handle, create->uri.key, &ask,
                                     NULL);
    ks_buf_clear(&spki);
    return rc;
}

/* The text of a parameter; NULL if it is not there or no text. */
static const char *text_param(const OSSL_PARAM params[], const char *name)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
    const char *text = NULL;

    if (p == NULL || !OSSL_PARAM_get_utf8_string_ptr(p, &text))
        return NULL;
    return text;
}

bool prov_create_wanted(const OSSL_PARAM params[])
{
    return OSSL_PARAM_locate_const(params, PROV_PARAM_URI) != NULL ||
           OSSL_PARAM_locate_const(params, PROV_PARAM_URI_ALIAS) != NULL;
}

/* No key goes into a backend that could not come out of it as itself. */
static ks_rc check_pair(const struct prov_key *key, const char *uri,
                        struct ks_err *err)
{
    EVP_PKEY_CTX *pctx;
    int ok = 0;

    if (!key->has_private || !key->has_public)
        return ks_fail(err, KS_E_INVALID,
                       "%s: only a private key with its public half can be "
                       "imported",
                       uri);
    ERR_set_mark();
    pctx =
        EVP_PKEY_CTX_new_from_pkey(key->ctx->child, key->soft, key->ctx->propq);
    if (pctx != NULL)
        ok = EVP_PKEY_pairwise_check(pctx);
    EVP_PKEY_CTX_free(pctx);
    ERR_pop_to_mark();
    return ok == 1 ? KS_OK
                   : ks_fail(err, KS_E_INVALID,
                             "%s: private and public half of the imported key "
                             "do not belong together",
                             uri);
}

ks_rc prov_create_import(struct prov_key *key, const OSSL_PARAM params[],
                         struct ks_err *err)
{
    const char *uri = text_param(params, PROV_PARAM_URI);
    const char *passout = text_param(params, PROV_PARAM_PASSOUT);
    struct prov_create create = {0};
    struct prov_key *made = NULL;
    ks_rc rc;

    if (uri == NULL)
        uri = text_param(params, PROV_PARAM_URI_ALIAS);
    if (uri == NULL)
        return ks_fail(err, KS_E_INVALID, "%s: not a text", PROV_PARAM_URI);
    rc = prov_create_open(&create, key->ctx, uri, passout, err);
    if (rc == KS_OK)
        rc = check_pair(key, create.canonical, err);
    if (rc == KS_OK)
        rc = prov_create_save(&create, key->soft, &made, err);
    if (rc == KS_OK) {
        prov_key_swap(key, made);
        prov_key_unref(made);
    }
    prov_create_clear(&create);
    return rc;
}

ks_rc prov_reseal(const struct prov_key *key, const OSSL_PARAM params[],
                  struct ks_err *err)
{
    const struct prov_store *store = NULL;
    struct ks_uri uri = {0};
    struct prov_ask old = {.source = text_param(params, PROV_PARAM_PASSIN),
                           .whose = key->uri};
    struct prov_ask new = {.source = text_param(params, PROV_PARAM_RESEAL),
                           .whose = key->uri,
                           .confirm = true};
    struct ks_ask old_ask = {prov_ask_get, &old};
    struct ks_ask new_ask = {prov_ask_get, &new};
    ks_rc rc;

    if (key->uri == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "%s: only a stored key can be sealed anew",
                       PROV_PARAM_RESEAL);
    rc = ks_secret_source_check(new.source != NULL ? new.source : "", err);
    if (rc == KS_OK)
        rc = ks_uri_parse(key->uri, &uri, err);
    if (rc == KS_OK)
        rc = prov_stores_get(key->ctx->stores, uri.backend, &store, err);
    if (rc == KS_OK && store->backend->reseal == NULL)
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "%s: backend type %s has no passphrases", key->uri,
                     store->backend->type);
    old.store = new.store = store;
    if (rc == KS_OK)
        rc = store->backend->reseal(store->handle, uri.key, &old_ask, &new_ask,
                                    err);
    ks_uri_clear(&uri);
    return rc;
}
