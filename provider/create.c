/*
 * New keys in a backend, and new sealing for old ones.
 */
#include "create.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "certs.h"
#include "loadkey.h"
#include "params.h"
#include "soft.h"
#include "usage.h"

static ks_rc name_is_free(const struct prov_create *create, struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    const struct prov_store *store = place->store;
    struct ks_key_info info = {0};
    struct ks_err found = {0};
    ks_rc rc = store->backend->info(store->handle, place->name, &info, &found);

    ks_key_info_clear(&info);
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc == KS_OK || rc == KS_E_DAMAGED) {
        ks_hint(err, "choose another name, or delete that key first");
        return ks_fail(err, KS_E_EXISTS, "%s: a key of this name exists",
                       place->canonical);
    }
    if (found.hint[0] != '\0')
        ks_hint(err, "%s", found.hint);
    return ks_fail(err, rc, "%s", found.text);
}

static ks_rc check_passout(const struct prov_place *place, const char *passout,
                           struct ks_err *err)
{
    const struct prov_store *store = place->store;
    ks_rc rc = ks_secret_passphrase_check(passout, err);

    if (rc != KS_OK)
        return rc;
    if (store->sealing == NULL) {
        ks_hint(err, "the PIN comes from user_pin in caadm.conf, or "
                     "?pin-source=SOURCE in the URI");
        return ks_fail(err, KS_E_INVALID,
                       "%s: keys of backend type %s have no passphrase of "
                       "their own",
                       place->canonical, store->backend->type);
    }
    if (ks_sealing_form(store->sealing) == KS_FORM_PLAIN)
        return ks_fail(err, KS_E_INVALID,
                       "%s: [backend %s] has sealing = none: it would keep the "
                       "key unsealed, whatever the passphrase",
                       place->canonical, store->name);
    if (ks_sealing_form(store->sealing) == KS_FORM_CMS)
        return ks_fail(err, KS_E_INVALID,
                       "%s: [backend %s] has seal_to: its keys are sealed to "
                       "other keys, and have no passphrases",
                       place->canonical, store->name);
    return KS_OK;
}

ks_rc prov_create_open(struct prov_create *create, struct prov_ctx *ctx,
                       const char *uri, const char *passout, struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    ks_rc rc = prov_place_open_key(ctx, uri, &create->place, err);

    if (rc == KS_OK && passout != NULL)
        rc = check_passout(place, passout, err);
    if (rc != KS_OK)
        return rc;
    create->ctx = ctx;
    create->terminal.get = prov_ask_terminal;
    create->ask.source = passout;
    create->ask.uri = &place->uri;
    create->ask.store = place->store;
    create->ask.application = &create->terminal;
    create->ask.whose = place->canonical;
    create->ask.confirm = true;
    if (place->store->backend->put == NULL &&
        place->store->backend->import == NULL && !prov_create_is_inside(create))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s takes no new keys",
                       place->canonical, place->store->backend->type);
    return name_is_free(create, err);
}

void prov_create_clear(struct prov_create *create)
{
    prov_random_clear(&create->ask.random);
    prov_place_close(&create->place);
    ks_buf_clear(&create->cert);
    ks_buf_clear(&create->chain);
    memset(create, 0, sizeof(*create));
}

bool prov_create_is_inside(const struct prov_create *create)
{
    return create->place.store->backend->generate != NULL;
}

/* Opens the key that was just made. If that fails, the caller never learns of
 * it: it is taken back. */
static ks_rc open_made(struct prov_create *create, struct prov_key **out,
                       struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    const struct prov_store *store = place->store;
    struct ks_ask ask = {prov_ask_get, &create->ask};
    ks_rc rc = prov_key_open_inside(create->ctx, place, &ask, out, err);

    if (rc == KS_E_NOT_FOUND)
        rc = ks_fail(err, KS_E_INTERNAL, "%s: is gone right after it was made",
                     place->canonical);
    if (rc != KS_OK)
        (void)store->backend->remove(store->handle, place->name, &ask, NULL);
    return rc;
}

/* A private key on its way into a backend. */
struct incoming {
    struct ks_buf spki;
    struct ks_secret pkcs8;
    EVP_PKEY *soft; /* both halves, if nobody else has them; or NULL */
    unsigned usage;
};

static ks_rc import(struct prov_create *create, const struct incoming *incoming,
                    struct prov_key **out, struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    const struct prov_store *store = place->store;
    struct ks_ask ask = {prov_ask_get, &create->ask};
    ks_rc rc =
        store->backend->import(store->handle, place->name, &incoming->spki,
                               &incoming->pkcs8, incoming->usage, &ask, err);

    return rc == KS_OK ? open_made(create, out, err) : rc;
}

/* A key whose secret may not be there is of no use. */
static ks_rc save_sealed(struct prov_create *create,
                         const struct ks_key_info *info,
                         const struct ks_secret *pkcs8, struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    const struct prov_store *store = place->store;
    struct ks_ask ask = {prov_ask_get, &create->ask};
    ks_rc saved =
        ks_material_save(&store->place, place->name, info, pkcs8, &ask, err);
    ks_rc rc = prov_ask_done(&create->ask, saved, err);

    if (rc != KS_OK && saved == KS_OK)
        (void)store->backend->remove(store->handle, place->name, &ask, NULL);
    return rc;
}

/* Saving comes last: what failed before it leaves nothing behind. */
static ks_rc save(struct prov_create *create, const struct incoming *incoming,
                  struct prov_key **out, struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    const struct prov_store *store = place->store;
    struct ks_key_info info = {.spki = incoming->spki, /* borrows all */
                               .cert = create->cert,
                               .chain = create->chain};
    struct prov_key *key = NULL;
    ks_rc rc =
        incoming->soft != NULL
            ? prov_key_from_soft(create->ctx, store, place->canonical,
                                 incoming->soft, &incoming->pkcs8, &key, err)
            : prov_key_from_pkcs8(create->ctx, store, place->canonical,
                                  &incoming->pkcs8, &key, err);

    (void)snprintf(info.origin, sizeof(info.origin), "%s",
                   create->imported ? "imported" : "generated");
    if (rc == KS_OK)
        rc = save_sealed(create, &info, &incoming->pkcs8, err);
    if (rc != KS_OK)
        prov_key_unref(key);
    else
        *out = key;
    return rc;
}

/* Where keys of both kinds can be, one goes inside if it may. */
static ks_rc keep(struct prov_create *create, const struct incoming *incoming,
                  struct prov_key **out, struct ks_err *err)
{
    const struct ks_backend *backend = create->place.store->backend;
    struct ks_err why = {0};
    ks_rc rc = KS_E_UNSUPPORTED;

    if (backend->import != NULL && !create->outside)
        rc = import(create, incoming, out, &why);
    if (rc == KS_E_UNSUPPORTED && why.text[0] == '\0' && backend->put != NULL)
        return save(create, incoming, out, err);
    ks_hint(err, "%s", why.hint);
    return rc == KS_OK || why.text[0] == '\0'
               ? rc
               : ks_fail(err, rc, "%s", why.text);
}

ks_rc prov_create_save(struct prov_create *create, EVP_PKEY *soft,
                       unsigned usage, struct prov_key **out,
                       struct ks_err *err)
{
    const struct prov_place *place = &create->place;
    const struct ks_backend *backend = place->store->backend;
    /* What is imported stays the application's. */
    struct incoming incoming = {.usage = usage,
                                .soft = create->imported ? NULL : soft};
    ks_rc rc;

    if (backend->put == NULL && backend->import == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s makes its keys itself, it takes "
                       "none from outside",
                       place->canonical, backend->type);
    rc = prov_soft_to_spki(create->ctx, soft, &incoming.spki, err);
    if (rc == KS_OK)
        rc = prov_soft_to_pkcs8(create->ctx, soft, &incoming.pkcs8, err);
    if (rc == KS_OK)
        rc = keep(create, &incoming, out, err);
    if (rc == KS_OK) /* at worst it has to be told anew */
        (void)prov_key_keep_source(*out, &place->uri);
    ks_secret_clear(&incoming.pkcs8);
    ks_buf_clear(&incoming.spki);
    return rc;
}

ks_rc prov_create_inside(struct prov_create *create,
                         const struct ks_keygen *spec, struct prov_key **out,
                         struct ks_err *err)
{
    const struct prov_store *store = create->place.store;
    struct ks_ask ask = {prov_ask_get, &create->ask};
    struct ks_buf spki = {0};
    ks_rc rc = store->backend->generate(store->handle, create->place.name, spec,
                                        &ask, &spki, err);

    ks_buf_clear(&spki);
    if (rc == KS_OK)
        rc = open_made(create, out, err);
    if (rc == KS_OK) /* at worst it has to be told anew */
        (void)prov_key_keep_source(*out, &create->place.uri);
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

/* What TEXT, which may be NULL, says the key may be used for: 0 is as the
 * backend does it. */
ks_rc prov_create_usage(const struct prov_create *create, const char *text,
                        const char *type, unsigned *usage, struct ks_err *err)
{
    *usage = 0;
    if (text == NULL)
        return KS_OK;
    if (!prov_create_is_inside(create))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: %s: backend type %s does not restrict what its "
                       "keys are used for",
                       create->place.canonical, PROV_PARAM_USAGE,
                       create->place.store->backend->type);
    return prov_usage_parse(text, type, usage, err);
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

/* The certificates that come with the key; without them nothing changes. */
static ks_rc take_certs(struct prov_create *create, const OSSL_PARAM params[],
                        struct ks_err *err)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PROV_PARAM_CERTS);
    const struct prov_place *place = &create->place;
    const void *certs = NULL;
    struct ks_err why = {0};
    size_t len = 0;
    ks_rc rc;

    if (p == NULL)
        return KS_OK;
    if (place->store->backend->put == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s takes no certificates with a key",
                       place->canonical, place->store->backend->type);
    if (!OSSL_PARAM_get_octet_string_ptr(p, &certs, &len))
        return ks_fail(err, KS_E_INVALID, "%s: not bytes", PROV_PARAM_CERTS);
    rc = ks_certs_split(certs, len, &create->cert, &create->chain, &why);
    return rc == KS_OK ? KS_OK
                       : ks_fail(err, rc, "%s: %s", PROV_PARAM_CERTS, why.text);
}

ks_rc prov_create_import(struct prov_key *key, const OSSL_PARAM params[],
                         struct ks_err *err)
{
    const char *uri = text_param(params, PROV_PARAM_URI);
    const char *passout = text_param(params, PROV_PARAM_PASSOUT);
    struct prov_create create = {0};
    struct prov_key *made = NULL;
    unsigned usage = 0;
    ks_rc rc;

    if (uri == NULL)
        uri = text_param(params, PROV_PARAM_URI_ALIAS);
    if (uri == NULL)
        return ks_fail(err, KS_E_INVALID, "%s: not a text", PROV_PARAM_URI);
    rc = prov_create_open(&create, key->ctx, uri, passout, err);
    create.imported = true;
    if (rc == KS_OK)
        rc = take_certs(&create, params, err);
    if (rc == KS_OK)
        rc = prov_create_usage(&create, text_param(params, PROV_PARAM_USAGE),
                               key->type, &usage, err);
    if (rc == KS_OK)
        rc = check_pair(key, create.place.canonical, err);
    if (rc == KS_OK)
        rc = prov_create_save(&create, key->soft, usage, &made, err);
    if (rc == KS_OK) {
        prov_key_swap(key, made);
        prov_key_unref(made);
    }
    prov_create_clear(&create);
    return rc;
}
