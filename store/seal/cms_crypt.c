/*
 * The ciphers of sealed keys.
 */
#include "seal/cms_crypt.h"

#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define WRAP_OVERHEAD 8 /* RFC 3394, 2.2.1 */

/* ---- content ---- */

static bool run_gcm(EVP_CIPHER_CTX *ctx, bool encrypt,
                    uint8_t tag[static KS_CMS_TAG_LEN], const uint8_t *in,
                    size_t len, uint8_t *out)
{
    uint8_t none[EVP_MAX_BLOCK_LENGTH]; /* GCM has no last block */
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(
                               OSSL_CIPHER_PARAM_AEAD_TAG, tag, KS_CMS_TAG_LEN),
                           OSSL_PARAM_construct_end()};
    int done = 0, last = 0;

    if (!encrypt && EVP_CIPHER_CTX_set_params(ctx, params) != 1)
        return false;
    if (EVP_CipherUpdate(ctx, out, &done, in, (int)len) != 1 ||
        (size_t)done != len || EVP_CipherFinal_ex(ctx, none, &last) != 1)
        return false;
    return !encrypt || EVP_CIPHER_CTX_get_params(ctx, params) == 1;
}

bool ks_cms_gcm(const struct ks_crypto *crypto, bool encrypt,
                const uint8_t key[static KS_CMS_KEY_LEN],
                const uint8_t nonce[static KS_CMS_NONCE_LEN],
                uint8_t tag[static KS_CMS_TAG_LEN], const uint8_t *in,
                size_t len, uint8_t *out)
{
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(crypto->libctx, "AES-256-GCM", crypto->propq);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = cipher != NULL && ctx != NULL && len <= INT_MAX &&
              EVP_CipherInit_ex2(ctx, cipher, key, nonce, encrypt, NULL) == 1 &&
              run_gcm(ctx, encrypt, tag, in, len, out);

    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok;
}

/* ---- keys ---- */

static const struct {
    int nid;
    const char *name;
} digests[] = {
    {NID_sha256, "SHA2-256"}, {NID_sha1, "SHA1"},
    {NID_sha224, "SHA2-224"}, {NID_sha384, "SHA2-384"},
    {NID_sha512, "SHA2-512"},
};

const char *ks_cms_digest_name(int nid)
{
    for (size_t i = 0; i < N_OF(digests); i++)
        if (digests[i].nid == nid)
            return digests[i].name;
    return NULL;
}

int ks_cms_digest_nid(const char *name)
{
    for (size_t i = 0; i < N_OF(digests); i++)
        if (strcmp(digests[i].name, name) == 0)
            return digests[i].nid;
    return NID_undef;
}

static const struct ks_cms_agreement agreements[] = {
    {NID_dhSinglePass_stdDH_sha256kdf_scheme, "SHA2-256", false},
    {NID_dhSinglePass_stdDH_sha1kdf_scheme, "SHA1", false},
    {NID_dhSinglePass_stdDH_sha224kdf_scheme, "SHA2-224", false},
    {NID_dhSinglePass_stdDH_sha384kdf_scheme, "SHA2-384", false},
    {NID_dhSinglePass_stdDH_sha512kdf_scheme, "SHA2-512", false},
    {NID_dhSinglePass_cofactorDH_sha1kdf_scheme, "SHA1", true},
    {NID_dhSinglePass_cofactorDH_sha224kdf_scheme, "SHA2-224", true},
    {NID_dhSinglePass_cofactorDH_sha256kdf_scheme, "SHA2-256", true},
    {NID_dhSinglePass_cofactorDH_sha384kdf_scheme, "SHA2-384", true},
    {NID_dhSinglePass_cofactorDH_sha512kdf_scheme, "SHA2-512", true},
};

const struct ks_cms_agreement *ks_cms_agreement_find(int nid)
{
    for (size_t i = 0; i < N_OF(agreements); i++)
        if (agreements[i].nid == nid)
            return &agreements[i];
    return NULL;
}

static const struct ks_cms_wrap wraps[] = {
    {NID_id_aes256_wrap, "AES-256-WRAP", 32},
    {NID_id_aes192_wrap, "AES-192-WRAP", 24},
    {NID_id_aes128_wrap, "AES-128-WRAP", 16},
};

const struct ks_cms_wrap *ks_cms_wrap_find(int nid)
{
    for (size_t i = 0; i < N_OF(wraps); i++)
        if (wraps[i].nid == nid)
            return &wraps[i];
    return NULL;
}

/* RFC 5753, 7.2: ECC-CMS-SharedInfo, and the KDF of X9.63 (SEC 1, 3.6.1). */
static bool derive_key(const struct ks_crypto *crypto,
                       const struct ks_cms_agreed *agreed,
                       struct ks_secret *key)
{
    EVP_KDF *kdf = EVP_KDF_fetch(crypto->libctx, "X963KDF", crypto->propq);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[5];
    uint8_t *info = NULL;
    int info_len = CMS_SharedInfo_encode(&info, agreed->wrap_algorithm,
                                         (ASN1_OCTET_STRING *)agreed->ukm,
                                         (int)agreed->wrap->key_len);
    bool ok = false;

    if (ctx == NULL || info_len <= 0 ||
        ks_secret_alloc(key, agreed->wrap->key_len) != KS_OK)
        goto out;
    params[0] = OSSL_PARAM_construct_utf8_string(
        OSSL_KDF_PARAM_DIGEST, (char *)agreed->how->digest, 0);
    params[1] = OSSL_PARAM_construct_octet_string(
        OSSL_KDF_PARAM_KEY, agreed->secret->data, agreed->secret->len);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
                                                  (size_t)info_len);
    params[3] = OSSL_PARAM_construct_end();
    if (crypto->propq != NULL) {
        params[3] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_PROPERTIES,
                                                     (char *)crypto->propq, 0);
        params[4] = OSSL_PARAM_construct_end();
    }
    ok = EVP_KDF_derive(ctx, key->data, key->len, params) == 1;
out:
    OPENSSL_free(info);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

static bool run_wrap(const struct ks_crypto *crypto, bool wrap,
                     const struct ks_cms_wrap *how, const struct ks_secret *key,
                     const uint8_t *in, size_t len, struct ks_secret *out)
{
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(crypto->libctx, how->cipher, crypto->propq);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    struct ks_secret room = {0};
    int done = 0;
    bool ok = false;

    if (cipher == NULL || ctx == NULL ||
        ks_secret_alloc(&room, len + WRAP_OVERHEAD) != KS_OK)
        goto out;
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ok = EVP_CipherInit_ex2(ctx, cipher, key->data, NULL, wrap, NULL) == 1 &&
         EVP_CipherUpdate(ctx, room.data, &done, in, (int)len) == 1 &&
         done > 0 && ks_secret_set(out, room.data, (size_t)done) == KS_OK;
out:
    ks_secret_clear(&room);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok;
}

bool ks_cms_wrap_key(const struct ks_crypto *crypto, bool wrap,
                     const struct ks_cms_agreed *agreed, const uint8_t *in,
                     size_t len, struct ks_secret *out)
{
    struct ks_secret key = {0};
    bool ok = len <= INT_MAX - WRAP_OVERHEAD &&
              derive_key(crypto, agreed, &key) &&
              run_wrap(crypto, wrap, agreed->wrap, &key, in, len, out);

    ks_secret_clear(&key);
    return ok;
}
