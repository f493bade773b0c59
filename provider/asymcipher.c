/*
 * ASYM_CIPHER: RSA encryption and decryption, EVP_PKEY_decrypt(3).
 *
 * As with signatures, libcrypto's own context for the soft half of the key
 * keeps the parameters and does all but the private part of operation keys.
 */
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/prov_ssl.h>
#include <openssl/rsa.h>

#include "algs.h"
#include "err.h"
#include "key.h"

/* Newer than the headers of 3.0. */
#define PARAM_IMPLICIT_REJECTION "implicit-rejection" /* 3.2 */

struct cipher {
    struct prov_ctx *ctx;
    struct prov_key *key; /* counted */
    EVP_PKEY_CTX *soft;
    bool decrypts;
    bool explicit_rejection; /* libcrypto's context does not tell */
};

static OSSL_FUNC_asym_cipher_newctx_fn newctx;
static OSSL_FUNC_asym_cipher_freectx_fn freectx;
static OSSL_FUNC_asym_cipher_dupctx_fn dupctx;
static OSSL_FUNC_asym_cipher_encrypt_init_fn encrypt_init;
static OSSL_FUNC_asym_cipher_encrypt_fn encrypt;
static OSSL_FUNC_asym_cipher_decrypt_init_fn decrypt_init;
static OSSL_FUNC_asym_cipher_decrypt_fn decrypt;
static OSSL_FUNC_asym_cipher_get_ctx_params_fn get_params;
static OSSL_FUNC_asym_cipher_gettable_ctx_params_fn gettable;
static OSSL_FUNC_asym_cipher_set_ctx_params_fn set_params;
static OSSL_FUNC_asym_cipher_settable_ctx_params_fn settable;

static void *newctx(void *provctx)
{
    struct cipher *cipher = OPENSSL_zalloc(sizeof(*cipher));

    if (cipher != NULL)
        cipher->ctx = provctx;
    return cipher;
}

static void freectx(void *vcipher)
{
    struct cipher *cipher = vcipher;

    if (cipher == NULL)
        return;
    EVP_PKEY_CTX_free(cipher->soft);
    prov_key_unref(cipher->key);
    OPENSSL_free(cipher);
}

static void *dupctx(void *vcipher)
{
    const struct cipher *cipher = vcipher;
    struct cipher *dup = OPENSSL_memdup(cipher, sizeof(*cipher));

    if (dup == NULL)
        return NULL;
    dup->soft = NULL;
    if (dup->key != NULL)
        prov_key_ref(dup->key);
    if (cipher->soft != NULL) {
        dup->soft = EVP_PKEY_CTX_dup(cipher->soft);
        if (dup->soft == NULL) {
            freectx(dup);
            return NULL;
        }
    }
    return dup;
}

/* ---- parameters ---- */

static int get_params(void *vcipher, OSSL_PARAM params[])
{
    struct cipher *cipher = vcipher;

    return cipher->soft != NULL &&
           EVP_PKEY_CTX_get_params(cipher->soft, params) > 0;
}

/* Before there is a key: enough for a program that asks what there is. */
static const OSSL_PARAM any_param[] = {
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
    OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
    OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
    OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
    OSSL_PARAM_END};

static const OSSL_PARAM *gettable(void *vcipher, void *provctx)
{
    struct cipher *cipher = vcipher;

    (void)provctx;
    if (cipher == NULL || cipher->soft == NULL)
        return any_param;
    return EVP_PKEY_CTX_gettable_params(cipher->soft);
}

static const OSSL_PARAM *settable(void *vcipher, void *provctx)
{
    struct cipher *cipher = vcipher;

    (void)provctx;
    if (cipher == NULL || cipher->soft == NULL)
        return any_param;
    return EVP_PKEY_CTX_settable_params(cipher->soft);
}

static int keep_rejection(struct cipher *cipher, const OSSL_PARAM params[])
{
    const OSSL_PARAM *param;
    unsigned implicit;

    if (params == NULL)
        return 1;
    param = OSSL_PARAM_locate_const(params, PARAM_IMPLICIT_REJECTION);
    if (param == NULL)
        return 1;
    if (!OSSL_PARAM_get_uint(param, &implicit))
        return 0;
    cipher->explicit_rejection = implicit == 0;
    return 1;
}

static int set_params(void *vcipher, const OSSL_PARAM params[])
{
    struct cipher *cipher = vcipher;

    return cipher->soft != NULL && keep_rejection(cipher, params) &&
           EVP_PKEY_CTX_set_params(cipher->soft, params) > 0;
}

/* ---- operations ---- */

static int begin(struct cipher *cipher, void *keydata,
                 const OSSL_PARAM params[],
                 int (*init)(EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]))
{
    struct prov_key *key = keydata == NULL ? cipher->key : keydata;

    if (key == NULL || key->soft == NULL)
        return prov_raise(cipher->ctx, KS_E_INVALID, "no key to work with");
    if (key != cipher->key) {
        prov_key_ref(key);
        prov_key_unref(cipher->key);
        cipher->key = key;
    }
    cipher->explicit_rejection = false;
    EVP_PKEY_CTX_free(cipher->soft);
    cipher->soft = EVP_PKEY_CTX_new_from_pkey(cipher->ctx->child, key->soft,
                                              cipher->ctx->propq);
    return cipher->soft != NULL && keep_rejection(cipher, params) &&
           init(cipher->soft, params) > 0;
}

static int encrypt_init(void *vcipher, void *keydata, const OSSL_PARAM params[])
{
    struct cipher *cipher = vcipher;

    cipher->decrypts = false;
    return begin(cipher, keydata, params, EVP_PKEY_encrypt_init_ex);
}

static int encrypt(void *vcipher, unsigned char *out, size_t *out_len,
                   size_t out_size, const unsigned char *in, size_t in_len)
{
    struct cipher *cipher = vcipher;

    *out_len = out_size;
    return cipher->soft != NULL &&
           EVP_PKEY_encrypt(cipher->soft, out, out_len, in, in_len) > 0;
}

static int decrypt_init(void *vcipher, void *keydata, const OSSL_PARAM params[])
{
    struct cipher *cipher = vcipher;

    cipher->decrypts = true;
    return begin(cipher, keydata, params, EVP_PKEY_decrypt_init_ex);
}

/* A mechanism and the names that its parameters borrow. */
struct mech {
    struct ks_mech_params params;
    char digest[64];
    char mgf1_digest[64];
};

static int find_mech(struct cipher *cipher, struct mech *mech)
{
    static const struct {
        int pad;
        enum ks_mech mech;
    } pads[] = {
        {RSA_PKCS1_PADDING, KS_MECH_RSA_PKCS1_DECRYPT},
        {RSA_PKCS1_WITH_TLS_PADDING, KS_MECH_RSA_PKCS1_TLS},
        {RSA_PKCS1_OAEP_PADDING, KS_MECH_RSA_OAEP},
        {RSA_NO_PADDING, KS_MECH_RSA_RAW},
    };
    int pad = 0;
    unsigned char *label = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, mech->digest,
                               sizeof(mech->digest)),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                               mech->mgf1_digest, sizeof(mech->mgf1_digest)),
        OSSL_PARAM_octet_ptr(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, (void **)&label,
                             0),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION,
                        &mech->params.tls_client_version),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION,
                        &mech->params.tls_alt_version),
        OSSL_PARAM_END};
    size_t i;

    if (EVP_PKEY_CTX_get_params(cipher->soft, params) <= 0)
        return 0;
    for (i = 0; i < sizeof(pads) / sizeof(pads[0]); i++)
        if (pads[i].pad == pad)
            break;
    if (i == sizeof(pads) / sizeof(pads[0]))
        return prov_raise(cipher->ctx, KS_E_UNSUPPORTED,
                          "%s: key stays in its backend, which decrypts with "
                          "PKCS#1, OAEP or no padding only",
                          cipher->key->uri);
    mech->params.mech = pads[i].mech;
    mech->params.explicit_rejection = cipher->explicit_rejection;
    if (mech->params.mech != KS_MECH_RSA_OAEP)
        return 1;
    if (mech->digest[0] == '\0') /* RFC 8017, A.2.1 */
        memcpy(mech->digest, "SHA1", sizeof("SHA1"));
    if (mech->mgf1_digest[0] == '\0')
        memcpy(mech->mgf1_digest, mech->digest, sizeof(mech->digest));
    mech->params.digest = mech->digest;
    mech->params.mgf1_digest = mech->mgf1_digest;
    if (OSSL_PARAM_modified(&params[3])) {
        mech->params.label = label;
        mech->params.label_len = params[3].return_size;
    }
    return 1;
}

static int decrypt_inside(struct cipher *cipher, unsigned char *out,
                          size_t *out_len, size_t out_size,
                          const unsigned char *in, size_t in_len)
{
    const struct prov_key *key = cipher->key;
    struct mech mech = {.digest = ""};
    struct ks_secret plain = {0};
    struct ks_err err = {0};
    size_t most;
    ks_rc rc;
    int ok;

    if (key->ops->decrypt == NULL)
        return prov_raise(cipher->ctx, KS_E_UNSUPPORTED,
                          "%s: the key's backend does not decrypt", key->uri);
    if (!find_mech(cipher, &mech))
        return 0;
    most = mech.params.mech == KS_MECH_RSA_PKCS1_TLS
               ? SSL_MAX_MASTER_KEY_LENGTH
               : (size_t)EVP_PKEY_get_size(key->soft);
    if (out == NULL) {
        *out_len = most;
        return 1;
    }
    if (out_size < most)
        return prov_raise(cipher->ctx, KS_E_INVALID,
                          "%s: room for %zu bytes, a message may have %zu",
                          key->uri, out_size, most);
    rc = key->ops->decrypt(key->opkey, &mech.params, in, in_len, &plain, &err);
    ok = rc == KS_OK && plain.len <= most;
    if (ok) {
        memcpy(out, plain.data, plain.len);
        *out_len = plain.len;
    } else if (rc != KS_OK) {
        (void)prov_fail(cipher->ctx, rc, &err); /* ok is 0 already */
    }
    ks_secret_clear(&plain);
    return ok;
}

static int decrypt(void *vcipher, unsigned char *out, size_t *out_len,
                   size_t out_size, const unsigned char *in, size_t in_len)
{
    struct cipher *cipher = vcipher;

    if (cipher->soft == NULL || !cipher->decrypts)
        return 0;
    if (prov_key_is_operation(cipher->key))
        return decrypt_inside(cipher, out, out_len, out_size, in, in_len);
    *out_len = out_size;
    return EVP_PKEY_decrypt(cipher->soft, out, out_len, in, in_len) > 0;
}

#define ROW(id, function)                                                      \
    {                                                                          \
        (id), (void (*)(void))(function)                                       \
    }
const OSSL_DISPATCH prov_asymcipher_functions[] = {
    ROW(OSSL_FUNC_ASYM_CIPHER_NEWCTX, newctx),
    ROW(OSSL_FUNC_ASYM_CIPHER_FREECTX, freectx),
    ROW(OSSL_FUNC_ASYM_CIPHER_DUPCTX, dupctx),
    ROW(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, encrypt_init),
    ROW(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt),
    ROW(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init),
    ROW(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
    ROW(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, get_params),
    ROW(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, gettable),
    ROW(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, set_params),
    ROW(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, settable),
    {0, NULL}};
#undef ROW
