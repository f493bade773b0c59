/*
 * KEYEXCH: ECDH, X25519 and X448, EVP_PKEY_derive(3).
 *
 * As with signatures, libcrypto's own context for the soft half of the key
 * keeps the parameters and does all but the private part of operation keys.
 */
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "algs.h"
#include "err.h"
#include "key.h"

struct exchange {
    struct prov_ctx *ctx;
    struct prov_key *key;  /* counted */
    struct prov_key *peer; /* counted */
    EVP_PKEY_CTX *soft;
};

static OSSL_FUNC_keyexch_newctx_fn newctx;
static OSSL_FUNC_keyexch_freectx_fn freectx;
static OSSL_FUNC_keyexch_dupctx_fn dupctx;
static OSSL_FUNC_keyexch_init_fn init;
static OSSL_FUNC_keyexch_set_peer_fn set_peer;
static OSSL_FUNC_keyexch_derive_fn derive;
static OSSL_FUNC_keyexch_get_ctx_params_fn get_params;
static OSSL_FUNC_keyexch_gettable_ctx_params_fn gettable;
static OSSL_FUNC_keyexch_set_ctx_params_fn set_params;
static OSSL_FUNC_keyexch_settable_ctx_params_fn settable;

static void *newctx(void *provctx)
{
    struct exchange *exchange = OPENSSL_zalloc(sizeof(*exchange));

    if (exchange != NULL)
        exchange->ctx = provctx;
    return exchange;
}

static void freectx(void *vexchange)
{
    struct exchange *exchange = vexchange;

    if (exchange == NULL)
        return;
    EVP_PKEY_CTX_free(exchange->soft);
    prov_key_unref(exchange->key);
    prov_key_unref(exchange->peer);
    OPENSSL_free(exchange);
}

static void *dupctx(void *vexchange)
{
    const struct exchange *exchange = vexchange;
    struct exchange *dup = OPENSSL_memdup(exchange, sizeof(*exchange));

    if (dup == NULL)
        return NULL;
    dup->soft = NULL;
    if (dup->key != NULL)
        prov_key_ref(dup->key);
    if (dup->peer != NULL)
        prov_key_ref(dup->peer);
    if (exchange->soft != NULL) {
        dup->soft = EVP_PKEY_CTX_dup(exchange->soft);
        if (dup->soft == NULL) {
            freectx(dup);
            return NULL;
        }
    }
    return dup;
}

/* ---- parameters ---- */

static int get_params(void *vexchange, OSSL_PARAM params[])
{
    struct exchange *exchange = vexchange;

    return exchange->soft != NULL &&
           EVP_PKEY_CTX_get_params(exchange->soft, params) > 0;
}

static int set_params(void *vexchange, const OSSL_PARAM params[])
{
    struct exchange *exchange = vexchange;

    return exchange->soft != NULL &&
           EVP_PKEY_CTX_set_params(exchange->soft, params) > 0;
}

/* Before there is a key: enough for a program that asks what there is. */
static const OSSL_PARAM any_param[] = {
    OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
    OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
    OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
    OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
    OSSL_PARAM_END};

/* X25519 and X448 have no parameters at all; an empty list says so, where
 * libcrypto would take NULL for "cannot be asked". */
static const OSSL_PARAM no_param[] = {OSSL_PARAM_END};

static const OSSL_PARAM *gettable(void *vexchange, void *provctx)
{
    struct exchange *exchange = vexchange;
    const OSSL_PARAM *list;

    (void)provctx;
    if (exchange == NULL || exchange->soft == NULL)
        return any_param;
    list = EVP_PKEY_CTX_gettable_params(exchange->soft);
    return list != NULL ? list : no_param;
}

static const OSSL_PARAM *settable(void *vexchange, void *provctx)
{
    struct exchange *exchange = vexchange;
    const OSSL_PARAM *list;

    (void)provctx;
    if (exchange == NULL || exchange->soft == NULL)
        return any_param;
    list = EVP_PKEY_CTX_settable_params(exchange->soft);
    return list != NULL ? list : no_param;
}

/* ---- operations ---- */

static int init(void *vexchange, void *keydata, const OSSL_PARAM params[])
{
    struct exchange *exchange = vexchange;
    struct prov_key *key = keydata == NULL ? exchange->key : keydata;

    if (key == NULL || key->soft == NULL)
        return prov_raise(exchange->ctx, KS_E_INVALID, "no key to work with");
    if (key != exchange->key) {
        prov_key_ref(key);
        prov_key_unref(exchange->key);
        exchange->key = key;
    }
    prov_key_unref(exchange->peer);
    exchange->peer = NULL;
    EVP_PKEY_CTX_free(exchange->soft);
    exchange->soft = EVP_PKEY_CTX_new_from_pkey(exchange->ctx->child, key->soft,
                                                exchange->ctx->propq);
    return exchange->soft != NULL &&
           EVP_PKEY_derive_init_ex(exchange->soft, params) > 0;
}

static int set_peer(void *vexchange, void *keydata)
{
    struct exchange *exchange = vexchange;
    struct prov_key *peer = keydata;

    /* Whether the peer's key is to be checked was for the caller of
     * EVP_PKEY_derive_set_peer_ex(3) to say, and is done by now. */
    if (exchange->soft == NULL || peer == NULL || peer->soft == NULL ||
        EVP_PKEY_derive_set_peer_ex(exchange->soft, peer->soft, 0) <= 0)
        return 0;
    prov_key_ref(peer);
    prov_key_unref(exchange->peer);
    exchange->peer = peer;
    return 1;
}

/* What X9.63 makes of the shared secret, if it is asked to (SEC 1, 3.6.1). */
struct kdf {
    char type[32]; /* "" for none */
    char digest[64];
    unsigned char *ukm;
    size_t ukm_len;
    size_t out_len;
};

/* One mechanism, and how its parameters and the peer's key are found. */
struct mech {
    struct ks_mech_params params;
    struct kdf kdf;
};

static int find_ecdh(struct exchange *exchange, struct mech *mech)
{
    int cofactor = 0;
    struct kdf *kdf = &mech->kdf;
    OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &cofactor),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, kdf->type,
                               sizeof(kdf->type)),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, kdf->digest,
                               sizeof(kdf->digest)),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &kdf->out_len),
        OSSL_PARAM_octet_ptr(OSSL_EXCHANGE_PARAM_KDF_UKM, (void **)&kdf->ukm,
                             0),
        OSSL_PARAM_END};

    if (EVP_PKEY_CTX_get_params(exchange->soft, params) <= 0)
        return 0;
    if (kdf->ukm != NULL)
        kdf->ukm_len = params[4].return_size;
    mech->params.mech = KS_MECH_ECDH;
    mech->params.cofactor = cofactor == 1;
    return 1;
}

static int find_xdh(struct exchange *exchange, struct mech *mech)
{
    (void)exchange;
    mech->params.mech = KS_MECH_XDH;
    return 1;
}

static const struct {
    const char *type;
    int (*find)(struct exchange *exchange, struct mech *mech);
} finders[] = {
    {"EC", find_ecdh},
    {"X25519", find_xdh},
    {"X448", find_xdh},
};

static int find_mech(struct exchange *exchange, struct mech *mech)
{
    size_t i;

    for (i = 0; i < sizeof(finders) / sizeof(finders[0]); i++)
        if (strcmp(finders[i].type, exchange->key->type) == 0)
            return finders[i].find(exchange, mech);
    return prov_raise(exchange->ctx, KS_E_UNSUPPORTED,
                      "%s: %s keys do not agree on secrets", exchange->key->uri,
                      exchange->key->type);
}

/* The shared secret itself, from the key's backend. */
static int agree(struct exchange *exchange, const struct mech *mech,
                 struct ks_secret *secret)
{
    const struct prov_key *key = exchange->key;
    struct ks_err err = {0};
    unsigned char *point = NULL;
    size_t point_len =
        EVP_PKEY_get1_encoded_public_key(exchange->peer->soft, &point);
    ks_rc rc;

    if (point_len == 0)
        return 0;
    rc = key->ops->derive(key->opkey, &mech->params, point, point_len, secret,
                          &err);
    OPENSSL_free(point);
    return rc == KS_OK ? 1 : prov_fail(exchange->ctx, rc, &err);
}

static int stretch(struct exchange *exchange, const struct kdf *kdf,
                   const struct ks_secret *secret, unsigned char *out)
{
    EVP_KDF *method =
        EVP_KDF_fetch(exchange->ctx->child, kdf->type, exchange->ctx->propq);
    EVP_KDF_CTX *kctx = EVP_KDF_CTX_new(method);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         (char *)kdf->digest, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_PROPERTIES,
                                         exchange->ctx->propq, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret->data,
                                          secret->len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, kdf->ukm,
                                          kdf->ukm_len),
        OSSL_PARAM_END};
    int ok =
        kctx != NULL && EVP_KDF_derive(kctx, out, kdf->out_len, params) > 0;

    EVP_KDF_CTX_free(kctx);
    EVP_KDF_free(method);
    return ok;
}

static int finish(struct exchange *exchange, const struct kdf *kdf,
                  const struct ks_secret *secret, unsigned char *out,
                  size_t *out_len, size_t out_size)
{
    size_t need = kdf->type[0] == '\0' ? secret->len : kdf->out_len;

    if (out_size < need)
        return prov_raise(exchange->ctx, KS_E_INVALID,
                          "%s: room for %zu bytes, the secret has %zu",
                          exchange->key->uri, out_size, need);
    *out_len = need;
    if (kdf->type[0] != '\0')
        return stretch(exchange, kdf, secret, out);
    memcpy(out, secret->data, secret->len);
    return 1;
}

/* Bytes of the secret, known before it is. */
static int secret_len(struct exchange *exchange, const struct mech *mech,
                      size_t *len)
{
    if (mech->params.mech == KS_MECH_XDH) {
        *len = (size_t)EVP_PKEY_get_size(exchange->key->soft);
        return 1;
    }
    return EVP_PKEY_derive(exchange->soft, NULL, len) > 0;
}

static int derive_inside(struct exchange *exchange, unsigned char *out,
                         size_t *out_len, size_t out_size)
{
    const struct prov_key *key = exchange->key;
    struct mech mech = {.kdf = {.type = ""}};
    struct ks_secret secret = {0};
    int ok;

    if (key->ops->derive == NULL)
        return prov_raise(exchange->ctx, KS_E_UNSUPPORTED,
                          "%s: the key's backend does not agree on secrets",
                          key->uri);
    if (exchange->peer == NULL)
        return prov_raise(exchange->ctx, KS_E_INVALID,
                          "%s: no peer to agree with", key->uri);
    if (!find_mech(exchange, &mech))
        return 0;
    if (out == NULL)
        return secret_len(exchange, &mech, out_len);
    ok = agree(exchange, &mech, &secret) &&
         finish(exchange, &mech.kdf, &secret, out, out_len, out_size);
    ks_secret_clear(&secret);
    return ok;
}

static int derive(void *vexchange, unsigned char *out, size_t *out_len,
                  size_t out_size)
{
    struct exchange *exchange = vexchange;

    if (exchange->soft == NULL)
        return 0;
    if (prov_key_is_operation(exchange->key))
        return derive_inside(exchange, out, out_len, out_size);
    *out_len = out_size;
    return EVP_PKEY_derive(exchange->soft, out, out_len) > 0;
}

#define ROW(id, function)                                                      \
    {                                                                          \
        (id), (void (*)(void))(function)                                       \
    }
const OSSL_DISPATCH prov_keyexch_functions[] = {
    ROW(OSSL_FUNC_KEYEXCH_NEWCTX, newctx),
    ROW(OSSL_FUNC_KEYEXCH_FREECTX, freectx),
    ROW(OSSL_FUNC_KEYEXCH_DUPCTX, dupctx),
    ROW(OSSL_FUNC_KEYEXCH_INIT, init),
    ROW(OSSL_FUNC_KEYEXCH_SET_PEER, set_peer),
    ROW(OSSL_FUNC_KEYEXCH_DERIVE, derive),
    ROW(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, get_params),
    ROW(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, gettable),
    ROW(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, set_params),
    ROW(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, settable),
    {0, NULL}};
#undef ROW
