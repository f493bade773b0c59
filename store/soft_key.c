/*
 * Operations on a private key held in memory, over EVP. The EVP_PKEY is
 * shared by all threads and never changed; each call has its own context.
 */
#include "ks_soft_key.h"

#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* OpenSSL 3.2 and later; a header of 3.0 has no name for it. */
#define PARAM_IMPLICIT_REJECTION "implicit-rejection"

#define PARAMS_MAX 8

struct soft_key {
    EVP_PKEY *pkey;
    OSSL_LIB_CTX *libctx; /* borrowed */
    char *propq;
};

/* A list of parameters being put together. The values are borrowed. */
struct list {
    OSSL_PARAM items[PARAMS_MAX + 1];
    size_t n;
};

static void add(struct list *list, OSSL_PARAM item)
{
    if (list->n < PARAMS_MAX)
        list->items[list->n++] = item;
    list->items[list->n] = OSSL_PARAM_construct_end();
}

static void add_text(struct list *list, const char *name, const char *value)
{
    if (value != NULL)
        add(list, OSSL_PARAM_construct_utf8_string(name, (char *)value, 0));
}

/* What libcrypto says went wrong, in its words. */
static ks_rc crypto_failed(struct ks_err *err, const struct soft_key *key,
                           const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return ks_fail(err, KS_E_CRYPTO, "%s with %s key: %s", what,
                   EVP_PKEY_get0_type_name(key->pkey),
                   reason != NULL ? reason : "refused by libcrypto");
}

static bool is_any_of(const EVP_PKEY *pkey, const char *const types[])
{
    for (; *types != NULL; types++)
        if (EVP_PKEY_is_a(pkey, *types))
            return true;
    return false;
}

static const char *const rsa_types[] = {"RSA", "RSA-PSS", NULL};
static const char *const rsa_only[] = {"RSA", NULL};
static const char *const ec_types[] = {"EC", NULL};
static const char *const eddsa_types[] = {"ED25519", "ED448", NULL};
static const char *const xdh_types[] = {"X25519", "X448", NULL};

/* ---- signatures ---- */

struct sign_mech {
    enum ks_mech mech;
    const char *const *types;
    int pad; /* RSA */
    ks_rc (*sign)(const struct soft_key *key, const struct sign_mech *row,
                  const struct ks_mech_params *params, const uint8_t *in,
                  size_t in_len, uint8_t *sig, size_t *sig_len,
                  struct ks_err *err);
};

/* RSA and ECDSA: the input is a digest, or for RSA a block. */
static ks_rc sign_digest(const struct soft_key *key,
                         const struct sign_mech *row,
                         const struct ks_mech_params *params, const uint8_t *in,
                         size_t in_len, uint8_t *sig, size_t *sig_len,
                         struct ks_err *err)
{
    ks_rc rc = KS_E_CRYPTO;
    struct list list = {.n = 0};
    int pad = row->pad;
    int salt_len = params->salt_len;
    size_t len = *sig_len;
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(key->libctx, key->pkey, key->propq);

    if (ctx == NULL || EVP_PKEY_sign_init(ctx) <= 0)
        goto out;
    add_text(&list, OSSL_SIGNATURE_PARAM_DIGEST, params->digest);
    if (pad != 0)
        add(&list,
            OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &pad));
    if (pad == RSA_PKCS1_PSS_PADDING) {
        add_text(&list, OSSL_SIGNATURE_PARAM_MGF1_DIGEST, params->mgf1_digest);
        add(&list, OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
                                            &salt_len));
    }
    if ((list.n != 0 && EVP_PKEY_CTX_set_params(ctx, list.items) <= 0) ||
        EVP_PKEY_sign(ctx, sig, &len, in, in_len) <= 0)
        goto out;
    *sig_len = len;
    rc = KS_OK;
out:
    if (rc != KS_OK)
        rc = crypto_failed(err, key, "signing");
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

static ks_rc sign_message(const struct soft_key *key,
                          const struct sign_mech *row,
                          const struct ks_mech_params *params,
                          const uint8_t *in, size_t in_len, uint8_t *sig,
                          size_t *sig_len, struct ks_err *err)
{
    ks_rc rc = KS_OK;
    size_t len = *sig_len;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    (void)row;
    (void)params;
    if (ctx == NULL ||
        EVP_DigestSignInit_ex(ctx, NULL, NULL, key->libctx, key->propq,
                              key->pkey, NULL) <= 0 ||
        EVP_DigestSign(ctx, sig, &len, in, in_len) <= 0)
        rc = crypto_failed(err, key, "signing");
    else
        *sig_len = len;
    EVP_MD_CTX_free(ctx);
    return rc;
}

static const struct sign_mech sign_mechs[] = {
    {KS_MECH_RSA_PKCS1, rsa_only, RSA_PKCS1_PADDING, sign_digest},
    {KS_MECH_RSA_PSS, rsa_types, RSA_PKCS1_PSS_PADDING, sign_digest},
    {KS_MECH_RSA_RAW, rsa_only, RSA_NO_PADDING, sign_digest},
    {KS_MECH_ECDSA, ec_types, 0, sign_digest},
    {KS_MECH_EDDSA, eddsa_types, 0, sign_message},
};

static ks_rc soft_sign(void *vkey, const struct ks_mech_params *params,
                       const uint8_t *in, size_t in_len, uint8_t *sig,
                       size_t *sig_len, struct ks_err *err)
{
    const struct soft_key *key = vkey;
    size_t i;

    for (i = 0; i < N_OF(sign_mechs); i++)
        if (sign_mechs[i].mech == params->mech &&
            is_any_of(key->pkey, sign_mechs[i].types))
            return sign_mechs[i].sign(key, &sign_mechs[i], params, in, in_len,
                                      sig, sig_len, err);
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s key: does not sign by mechanism %d",
                   EVP_PKEY_get0_type_name(key->pkey), (int)params->mech);
}

/* ---- decryption ---- */

static const struct {
    enum ks_mech mech;
    int pad;
} decrypt_mechs[] = {
    {KS_MECH_RSA_RAW, RSA_NO_PADDING},
    {KS_MECH_RSA_PKCS1_DECRYPT, RSA_PKCS1_PADDING},
    {KS_MECH_RSA_PKCS1_TLS, RSA_PKCS1_WITH_TLS_PADDING},
    {KS_MECH_RSA_OAEP, RSA_PKCS1_OAEP_PADDING},
};

static int set_decrypt_params(EVP_PKEY_CTX *ctx, int pad,
                              const struct ks_mech_params *params)
{
    struct list list = {.n = 0};
    unsigned client = params->tls_client_version;
    unsigned alt = params->tls_alt_version;
    unsigned off = 0;

    add(&list, OSSL_PARAM_construct_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad));
    if (params->mech == KS_MECH_RSA_OAEP) {
        add_text(&list, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, params->digest);
        add_text(&list, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                 params->mgf1_digest);
        if (params->label_len != 0)
            add(&list, OSSL_PARAM_construct_octet_string(
                           OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                           (void *)params->label, params->label_len));
    } else if (params->mech == KS_MECH_RSA_PKCS1_TLS) {
        add(&list, OSSL_PARAM_construct_uint(
                       OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client));
        if (alt != 0)
            add(&list,
                OSSL_PARAM_construct_uint(
                    OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &alt));
    } else if (params->mech == KS_MECH_RSA_PKCS1_DECRYPT &&
               params->explicit_rejection) {
        /* Unknown before 3.2, which rejects explicitly anyway. */
        add(&list, OSSL_PARAM_construct_uint(PARAM_IMPLICIT_REJECTION, &off));
    }
    return EVP_PKEY_CTX_set_params(ctx, list.items);
}

static ks_rc soft_decrypt(void *vkey, const struct ks_mech_params *params,
                          const uint8_t *in, size_t in_len,
                          struct ks_secret *out, struct ks_err *err)
{
    const struct soft_key *key = vkey;
    ks_rc rc = KS_E_CRYPTO;
    EVP_PKEY_CTX *ctx = NULL;
    struct ks_secret room = {0};
    size_t i, len = 0;

    for (i = 0; i < N_OF(decrypt_mechs); i++)
        if (decrypt_mechs[i].mech == params->mech)
            break;
    if (i == N_OF(decrypt_mechs) || !is_any_of(key->pkey, rsa_only))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s key: does not decrypt by mechanism %d",
                       EVP_PKEY_get0_type_name(key->pkey), (int)params->mech);

    ctx = EVP_PKEY_CTX_new_from_pkey(key->libctx, key->pkey, key->propq);
    if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) <= 0 ||
        set_decrypt_params(ctx, decrypt_mechs[i].pad, params) <= 0 ||
        EVP_PKEY_decrypt(ctx, NULL, &len, in, in_len) <= 0)
        goto out;
    rc = ks_secret_alloc(&room, len);
    if (rc != KS_OK)
        goto out;
    if (EVP_PKEY_decrypt(ctx, room.data, &len, in, in_len) <= 0)
        rc = KS_E_CRYPTO;
    else
        rc = ks_secret_set(out, room.data, len);
out:
    if (rc == KS_E_CRYPTO)
        rc = crypto_failed(err, key, "decryption");
    ks_secret_clear(&room);
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

/* ---- key agreement ---- */

/* The other side's public key on KEY's curve; NULL if PEER is no point. */
static EVP_PKEY *ec_peer(const struct soft_key *key, const uint8_t *peer,
                         size_t peer_len)
{
    EVP_PKEY *pkey = EVP_PKEY_new();

    if (pkey != NULL && EVP_PKEY_copy_parameters(pkey, key->pkey) > 0 &&
        EVP_PKEY_set1_encoded_public_key(pkey, peer, peer_len) > 0)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static EVP_PKEY *xdh_peer(const struct soft_key *key, const uint8_t *peer,
                          size_t peer_len)
{
    return EVP_PKEY_new_raw_public_key_ex(key->libctx,
                                          EVP_PKEY_get0_type_name(key->pkey),
                                          key->propq, peer, peer_len);
}

static const struct derive_mech {
    enum ks_mech mech;
    const char *const *types;
    EVP_PKEY *(*peer)(const struct soft_key *key, const uint8_t *peer,
                      size_t peer_len);
} derive_mechs[] = {
    {KS_MECH_ECDH, ec_types, ec_peer},
    {KS_MECH_XDH, xdh_types, xdh_peer},
};

static ks_rc agree(const struct soft_key *key, EVP_PKEY *peer,
                   const struct ks_mech_params *params, struct ks_secret *out,
                   struct ks_err *err)
{
    ks_rc rc = KS_E_CRYPTO;
    struct list list = {.n = 0};
    struct ks_secret room = {0};
    int cofactor = params->cofactor ? 1 : 0;
    size_t len = 0;
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(key->libctx, key->pkey, key->propq);

    if (ctx == NULL || EVP_PKEY_derive_init(ctx) <= 0)
        goto out;
    if (params->mech == KS_MECH_ECDH) {
        add(&list, OSSL_PARAM_construct_int(
                       OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &cofactor));
        if (EVP_PKEY_CTX_set_params(ctx, list.items) <= 0)
            goto out;
    }
    if (EVP_PKEY_derive_set_peer(ctx, peer) <= 0 ||
        EVP_PKEY_derive(ctx, NULL, &len) <= 0)
        goto out;
    rc = ks_secret_alloc(&room, len);
    if (rc != KS_OK)
        goto out;
    if (EVP_PKEY_derive(ctx, room.data, &len) <= 0)
        rc = KS_E_CRYPTO;
    else
        rc = ks_secret_set(out, room.data, len);
out:
    if (rc == KS_E_CRYPTO)
        rc = crypto_failed(err, key, "key agreement");
    ks_secret_clear(&room);
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

static ks_rc soft_derive(void *vkey, const struct ks_mech_params *params,
                         const uint8_t *peer, size_t peer_len,
                         struct ks_secret *out, struct ks_err *err)
{
    const struct soft_key *key = vkey;
    EVP_PKEY *other;
    ks_rc rc;
    size_t i;

    for (i = 0; i < N_OF(derive_mechs); i++)
        if (derive_mechs[i].mech == params->mech &&
            is_any_of(key->pkey, derive_mechs[i].types))
            break;
    if (i == N_OF(derive_mechs))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s key: does not agree on keys by mechanism %d",
                       EVP_PKEY_get0_type_name(key->pkey), (int)params->mech);

    other = derive_mechs[i].peer(key, peer, peer_len);
    if (other == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "the peer's public key does not fit the %s key",
                       EVP_PKEY_get0_type_name(key->pkey));
    rc = agree(key, other, params, out, err);
    EVP_PKEY_free(other);
    return rc;
}

/* ---- life ---- */

static void soft_free(void *vkey)
{
    struct soft_key *key = vkey;

    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key->propq);
    OPENSSL_free(key);
}

const struct ks_key_ops ks_soft_key_ops = {
    .sign = soft_sign,
    .decrypt = soft_decrypt,
    .derive = soft_derive,
    .free = soft_free,
};

/* All of PKCS8 must be one PrivateKeyInfo. NULL if it is not. */
static EVP_PKEY *decode(const struct ks_secret *pkcs8, OSSL_LIB_CTX *libctx,
                        const char *propq)
{
    const unsigned char *at = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    EVP_PKEY *pkey = NULL;

    if (pkcs8->data == NULL || pkcs8->len > LONG_MAX)
        return NULL;
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len);
    if (info != NULL && at == pkcs8->data + pkcs8->len)
        pkey = EVP_PKCS82PKEY_ex(info, libctx, propq);
    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

ks_rc ks_soft_key_new(const struct ks_secret *pkcs8, OSSL_LIB_CTX *libctx,
                      const char *propq, void **out, struct ks_err *err)
{
    static const char *const known[] = {"RSA",   "RSA-PSS", "EC",   "ED25519",
                                        "ED448", "X25519",  "X448", NULL};
    ks_rc rc = KS_E_NOMEM;
    struct soft_key *key = OPENSSL_zalloc(sizeof(*key));

    if (key == NULL)
        goto out;
    key->libctx = libctx;
    if (propq != NULL) {
        key->propq = OPENSSL_strdup(propq);
        if (key->propq == NULL)
            goto out;
    }
    key->pkey = decode(pkcs8, libctx, propq);
    if (key->pkey == NULL) {
        rc = ks_fail(err, KS_E_DAMAGED, "not a PKCS#8 private key");
        goto out;
    }
    if (!is_any_of(key->pkey, known)) {
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "%s keys cannot be held inside a backend",
                     EVP_PKEY_get0_type_name(key->pkey));
        goto out;
    }
    *out = key;
    key = NULL; /* given to the caller */
    rc = KS_OK;
out:
    if (rc == KS_E_NOMEM)
        (void)ks_fail(err, rc, "out of memory"); /* rc is kept */
    soft_free(key);
    return rc;
}
