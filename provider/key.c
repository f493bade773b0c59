/*
 * struct prov_key: its life, its copies, and what it has.
 */
#include "key.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "signature_kept.h"
#include "stores.h"

/* Longer than the private value of any curve or Edwards key. */
#define SMALL_KEY_MAX 256

static const char *const types[] = {"RSA",   "RSA-PSS", "EC",  "ED25519",
                                    "ED448", "X25519",  "X448"};

const char *prov_key_type(const EVP_PKEY *pkey)
{
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (EVP_PKEY_is_a(pkey, types[i]))
            return types[i];
    return NULL;
}

struct prov_key *prov_key_new(struct prov_ctx *ctx, const char *type)
{
    struct prov_key *key = OPENSSL_zalloc(sizeof(*key));

    if (key == NULL)
        return NULL;
    key->ctx = ctx;
    key->type = type;
    atomic_init(&key->refs, 1);
    atomic_init(&key->kept, NULL);
    return key;
}

void prov_key_ref(struct prov_key *key)
{
    atomic_fetch_add(&key->refs, 1);
}

void prov_key_unref(struct prov_key *key)
{
    if (key == NULL || atomic_fetch_sub(&key->refs, 1) != 1)
        return;
    if (key->origin != NULL)
        prov_key_unref(key->origin);
    else if (key->ops != NULL)
        key->ops->free(key->opkey);
    prov_store_unref(key->store);
    prov_kept_free(atomic_load(&key->kept));
    EVP_PKEY_free(key->soft);
    OPENSSL_free(key->uri);
    OPENSSL_free(key->pin_source);
    OPENSSL_free(key);
}

void prov_key_swap(struct prov_key *a, struct prov_key *b)
{
    struct prov_key held = {.soft = a->soft,
                            .ops = a->ops,
                            .opkey = a->opkey,
                            .origin = a->origin,
                            .store = a->store,
                            .uri = a->uri,
                            .pin_source = a->pin_source};

    a->soft = b->soft;
    a->ops = b->ops;
    a->opkey = b->opkey;
    a->origin = b->origin;
    a->store = b->store;
    a->uri = b->uri;
    a->pin_source = b->pin_source;
    b->soft = held.soft;
    b->ops = held.ops;
    b->opkey = held.opkey;
    b->origin = held.origin;
    b->store = held.store;
    b->uri = held.uri;
    b->pin_source = held.pin_source;
    prov_key_probe(a);
    prov_key_probe(b);
}

/* True if PKEY's own get_params knows a value for NAME. There is no public
 * question "has"; an answer that overwrites the probe says as much. */
static bool pkey_holds(const EVP_PKEY *pkey, const char *name, bool number)
{
    unsigned char small[SMALL_KEY_MAX];
    OSSL_PARAM params[] = {
        number ? OSSL_PARAM_construct_BN(name, small, sizeof(small))
               : OSSL_PARAM_construct_octet_string(name, small, sizeof(small)),
        OSSL_PARAM_END};
    bool holds;

    ERR_set_mark();
    holds =
        EVP_PKEY_get_params(pkey, params) == 1 && OSSL_PARAM_modified(params);
    ERR_pop_to_mark();
    OPENSSL_cleanse(small, sizeof(small));
    return holds;
}

/* The same for numbers of any size: asks for the length only. */
static bool pkey_holds_big(const EVP_PKEY *pkey, const char *name)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(name, NULL, 0),
                           OSSL_PARAM_END};
    bool holds;

    ERR_set_mark();
    (void)EVP_PKEY_get_params(pkey, params);
    holds = OSSL_PARAM_modified(params);
    ERR_pop_to_mark();
    return holds;
}

void prov_key_probe(struct prov_key *key)
{
    const EVP_PKEY *soft = key->soft;

    key->has_public = key->has_private = false;
    if (soft != NULL && EVP_PKEY_is_a(soft, "EC")) {
        key->has_public = pkey_holds(soft, OSSL_PKEY_PARAM_PUB_KEY, false);
        key->has_private = pkey_holds(soft, OSSL_PKEY_PARAM_PRIV_KEY, true);
    } else if (soft != NULL &&
               (EVP_PKEY_is_a(soft, "RSA") || EVP_PKEY_is_a(soft, "RSA-PSS"))) {
        key->has_public = pkey_holds_big(soft, OSSL_PKEY_PARAM_RSA_N);
        key->has_private = pkey_holds_big(soft, OSSL_PKEY_PARAM_RSA_D);
    } else if (soft != NULL) {
        key->has_public = pkey_holds(soft, OSSL_PKEY_PARAM_PUB_KEY, false);
        key->has_private = pkey_holds(soft, OSSL_PKEY_PARAM_PRIV_KEY, false);
    }
    if (key->ops != NULL)
        key->has_private = true;
}

/* A key of TO's type from those parts of FROM that SELECTION names. */
static EVP_PKEY *copy_parts(const struct prov_ctx *ctx, const char *type,
                            const EVP_PKEY *from, int selection)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->child, type, ctx->propq);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *to = NULL;

    /* Default exports an EC key with its parameters only. */
    selection |= OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
    if (pctx != NULL && EVP_PKEY_todata(from, selection, &params) == 1 &&
        EVP_PKEY_fromdata_init(pctx) == 1)
        (void)EVP_PKEY_fromdata(pctx, &to, selection, params);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(pctx);
    return to;
}

static EVP_PKEY *soft_dup(const struct prov_key *key, int selection)
{
    EVP_PKEY *copy;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return EVP_PKEY_dup(key->soft);
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
        return copy_parts(key->ctx, key->type, key->soft, selection);
    /* Parameters alone: libssl makes a TLS peer's key in this way, and gives
     * it the public half by set_params. */
    copy = EVP_PKEY_new();
    if (copy != NULL && EVP_PKEY_copy_parameters(copy, key->soft) != 1) {
        EVP_PKEY_free(copy);
        copy = NULL;
    }
    return copy;
}

/* A copy of TEXT in *out; NULL is nothing to copy. */
static bool dup_text(char **out, const char *text)
{
    if (text == NULL)
        return true;
    *out = OPENSSL_strdup(text);
    return *out != NULL;
}

bool prov_key_keep_source(struct prov_key *key, const struct ks_uri *uri)
{
    static const char *const lasting[] = {"file:", "env:", "cred:"};
    const char *source = uri->pin_source;
    size_t i;

    for (i = 0; source != NULL && i < sizeof(lasting) / sizeof(lasting[0]); i++)
        if (strncmp(source, lasting[i], strlen(lasting[i])) == 0)
            return dup_text(&key->pin_source, source);
    return true;
}

struct prov_key *prov_key_dup(const struct prov_key *key, int selection)
{
    struct prov_key *dup = prov_key_new(key->ctx, key->type);
    const bool whole = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;

    if (dup == NULL || key->soft == NULL)
        return dup;
    dup->soft = soft_dup(key, selection);
    if (dup->soft == NULL)
        goto fail;
    if (whole && (!dup_text(&dup->uri, key->uri) ||
                  !dup_text(&dup->pin_source, key->pin_source)))
        goto fail;
    if (whole && key->ops != NULL) {
        struct prov_key *owner =
            key->origin != NULL ? key->origin : (struct prov_key *)key;

        prov_key_ref(owner);
        dup->origin = owner;
        dup->ops = key->ops;
        dup->opkey = key->opkey;
    }
    /* default shows an empty X25519 key's public half as zeros: no probe
     * where nothing was copied. */
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
        prov_key_probe(dup);
    return dup;

fail:
    prov_key_unref(dup);
    return NULL;
}
