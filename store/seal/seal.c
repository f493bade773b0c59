/*
 * Sealing under a passphrase. PKCS8_encrypt(3) is not used: on OpenSSL 3.0 it
 * checks scrypt's parameters in the default library context, whatever context
 * it is given, and leaves the plain key in buffers of its own.
 */
#include "seal/seal.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#define SALT_LEN 16
#define IV_LEN 16 /* AES */

/* What a hostile file may cost: some ten seconds. */
#define PBKDF2_ITERATIONS_MAX 20000000
#define SALT_LEN_MAX 1024

static X509_ALGOR *new_scrypt_algorithm(const struct ks_kdf *kdf,
                                        const uint8_t salt[static SALT_LEN])
{
    SCRYPT_PARAMS *params = SCRYPT_PARAMS_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_STRING *packed = NULL;

    if (params == NULL || algorithm == NULL ||
        !ASN1_OCTET_STRING_set(params->salt, salt, SALT_LEN) ||
        !ASN1_INTEGER_set_uint64(params->costParameter, kdf->n) ||
        !ASN1_INTEGER_set_uint64(params->blockSize, kdf->r) ||
        !ASN1_INTEGER_set_uint64(params->parallelizationParameter, kdf->p))
        goto fail;
    packed = ASN1_item_pack(params, ASN1_ITEM_rptr(SCRYPT_PARAMS), NULL);
    if (packed == NULL ||
        !X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_id_scrypt), V_ASN1_SEQUENCE,
                         packed))
        goto fail;
    SCRYPT_PARAMS_free(params);
    return algorithm;
fail:
    ASN1_STRING_free(packed);
    SCRYPT_PARAMS_free(params);
    X509_ALGOR_free(algorithm);
    return NULL;
}

static X509_ALGOR *new_cipher_algorithm(const uint8_t iv[static IV_LEN])
{
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

    if (algorithm == NULL || value == NULL ||
        !ASN1_OCTET_STRING_set(value, iv, IV_LEN) ||
        !X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_aes_256_cbc),
                         V_ASN1_OCTET_STRING, value)) {
        ASN1_OCTET_STRING_free(value);
        X509_ALGOR_free(algorithm);
        return NULL;
    }
    return algorithm;
}

/* Fills ALGORITHM with PBES2, scrypt and AES-256-CBC, with a new salt. */
static bool set_pbes2(const struct ks_crypto *crypto, X509_ALGOR *algorithm,
                      const struct ks_kdf *kdf)
{
    uint8_t random[SALT_LEN + IV_LEN];
    PBE2PARAM *params = PBE2PARAM_new();
    ASN1_STRING *packed = NULL;
    bool ok = false;

    if (params == NULL ||
        RAND_bytes_ex(crypto->libctx, random, sizeof(random), 0) <= 0)
        goto out;
    X509_ALGOR_free(params->keyfunc);
    X509_ALGOR_free(params->encryption);
    params->keyfunc = new_scrypt_algorithm(kdf, random);
    params->encryption = new_cipher_algorithm(random + SALT_LEN);
    if (params->keyfunc == NULL || params->encryption == NULL)
        goto out;
    packed = ASN1_item_pack(params, ASN1_ITEM_rptr(PBE2PARAM), NULL);
    if (packed == NULL || !X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_pbes2),
                                           V_ASN1_SEQUENCE, packed))
        goto out;
    packed = NULL; /* given to algorithm */
    ok = true;
out:
    ASN1_STRING_free(packed);
    PBE2PARAM_free(params);
    return ok;
}

/* Runs the cipher that ALGORITHM and PASSPHRASE make. KS_E_CRYPTO where it
 * cannot be set up, KS_E_SECRET_WRONG where the padding is not right. */
static ks_rc crypt_bytes(const struct ks_crypto *crypto,
                         const X509_ALGOR *algorithm,
                         const struct ks_secret *passphrase, bool encrypt,
                         const uint8_t *in, size_t in_len,
                         struct ks_secret *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const ASN1_OBJECT *object;
    const void *value;
    int type, len = 0, last = 0;
    ks_rc rc = KS_E_NOMEM;

    if (ctx == NULL || in_len > INT_MAX / 2 ||
        ks_secret_alloc(out, in_len + EVP_MAX_BLOCK_LENGTH) != KS_OK)
        goto out;
    X509_ALGOR_get0(&object, &type, &value, algorithm);
    rc = KS_E_CRYPTO;
    if (!EVP_PBE_CipherInit_ex((ASN1_OBJECT *)object,
                               (const char *)passphrase->data,
                               (int)passphrase->len, algorithm->parameter, ctx,
                               encrypt, crypto->libctx, crypto->propq))
        goto out;
    rc = KS_E_SECRET_WRONG;
    if (!EVP_CipherUpdate(ctx, out->data, &len, in, (int)in_len) ||
        !EVP_CipherFinal_ex(ctx, out->data + len, &last))
        goto out;
    rc = ks_secret_set(out, out->data, (size_t)(len + last));
out:
    EVP_CIPHER_CTX_free(ctx);
    if (rc != KS_OK)
        ks_secret_clear(out);
    return rc;
}

static ks_rc encode_sealed(X509_SIG *sig, const struct ks_secret *ciphertext,
                           struct ks_buf *sealed)
{
    ASN1_OCTET_STRING *content;
    X509_ALGOR *algorithm;
    uint8_t *der = NULL;
    int len;
    ks_rc rc;

    X509_SIG_getm(sig, &algorithm, &content);
    if (!ASN1_OCTET_STRING_set(content, ciphertext->data, (int)ciphertext->len))
        return KS_E_NOMEM;
    len = i2d_X509_SIG(sig, &der);
    if (len <= 0)
        return KS_E_NOMEM;
    rc = ks_buf_set(sealed, der, (size_t)len);
    OPENSSL_free(der);
    return rc;
}

ks_rc ks_seal(const struct ks_crypto *crypto, const struct ks_secret *pkcs8,
              const struct ks_secret *passphrase, const struct ks_kdf *kdf,
              struct ks_buf *sealed, struct ks_err *err)
{
    X509_SIG *sig = NULL;
    X509_ALGOR *algorithm = NULL;
    ASN1_OCTET_STRING *content;
    struct ks_secret ciphertext = {0};
    ks_rc rc;

    if (passphrase->len == 0)
        return ks_fail(err, KS_E_INVALID, "passphrase is empty");
    ERR_set_mark();
    rc = KS_E_NOMEM;
    sig = X509_SIG_new();
    if (sig == NULL)
        goto out;
    X509_SIG_getm(sig, &algorithm, &content);
    rc = KS_E_CRYPTO;
    if (set_pbes2(crypto, algorithm, kdf))
        rc = crypt_bytes(crypto, algorithm, passphrase, true, pkcs8->data,
                         pkcs8->len, &ciphertext);
    if (rc != KS_OK) {
        rc = ks_fail(err, KS_E_CRYPTO,
                     "cannot encrypt the key (scrypt, "
                     "AES-256-CBC)");
        goto out;
    }
    rc = encode_sealed(sig, &ciphertext, sealed);
out:
    ERR_pop_to_mark();
    ks_secret_clear(&ciphertext);
    X509_SIG_free(sig);
    return rc;
}

static bool read_uint64(const ASN1_INTEGER *integer, uint64_t *out)
{
    return ASN1_INTEGER_get_uint64(out, integer) == 1;
}

static SCRYPT_PARAMS *unpack_scrypt(const X509_ALGOR *algorithm,
                                    struct ks_kdf *kdf)
{
    SCRYPT_PARAMS *params = ASN1_TYPE_unpack_sequence(
        ASN1_ITEM_rptr(SCRYPT_PARAMS), algorithm->parameter);

    if (params != NULL && read_uint64(params->costParameter, &kdf->n) &&
        read_uint64(params->blockSize, &kdf->r) &&
        read_uint64(params->parallelizationParameter, &kdf->p))
        return params;
    SCRYPT_PARAMS_free(params);
    return NULL;
}

static ks_rc check_scrypt(const X509_ALGOR *algorithm, struct ks_err *err)
{
    struct ks_kdf kdf = {0};
    SCRYPT_PARAMS *params = unpack_scrypt(algorithm, &kdf);
    struct ks_err why = {0};
    ks_rc rc = KS_OK;

    if (params == NULL)
        rc = ks_fail(err, KS_E_DAMAGED,
                     "sealed key has bad scrypt "
                     "parameters");
    else if (ks_kdf_check(&kdf, &why) != KS_OK)
        rc = ks_fail(err, KS_E_UNSUPPORTED, "sealed key: %s", why.text);
    else if (ASN1_STRING_length(params->salt) > SALT_LEN_MAX)
        rc = ks_fail(err, KS_E_UNSUPPORTED, "sealed key: salt is too long");
    SCRYPT_PARAMS_free(params);
    return rc;
}

static ks_rc check_pbkdf2(const X509_ALGOR *algorithm, struct ks_err *err)
{
    PBKDF2PARAM *params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM),
                                                    algorithm->parameter);
    uint64_t iterations = 0;
    ks_rc rc = KS_OK;

    if (params == NULL || !read_uint64(params->iter, &iterations) ||
        iterations == 0 || params->salt->type != V_ASN1_OCTET_STRING)
        rc = ks_fail(err, KS_E_DAMAGED, "sealed key has bad PBKDF2 parameters");
    else if (iterations > PBKDF2_ITERATIONS_MAX)
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "sealed key: more than %d PBKDF2 iterations",
                     PBKDF2_ITERATIONS_MAX);
    else if (ASN1_STRING_length(params->salt->value.octet_string) >
             SALT_LEN_MAX)
        rc = ks_fail(err, KS_E_UNSUPPORTED, "sealed key: salt is too long");
    PBKDF2PARAM_free(params);
    return rc;
}

static const struct {
    int nid;
    ks_rc (*check)(const X509_ALGOR *algorithm, struct ks_err *err);
} kdf_rows[] = {{NID_id_scrypt, check_scrypt}, {NID_id_pbkdf2, check_pbkdf2}};

static ks_rc check_algorithm(const X509_ALGOR *algorithm, struct ks_err *err)
{
    PBE2PARAM *params = NULL;
    int nid;
    ks_rc rc;

    if (OBJ_obj2nid(algorithm->algorithm) != NID_pbes2)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "sealed key is not under PBES2 (openssl pkcs8 -topk8 "
                       "makes it so)");
    params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM),
                                       algorithm->parameter);
    if (params == NULL)
        return ks_fail(err, KS_E_DAMAGED,
                       "sealed key has bad PBES2 parameters");
    nid = OBJ_obj2nid(params->keyfunc->algorithm);
    rc = KS_E_UNSUPPORTED;
    for (size_t i = 0; i < sizeof(kdf_rows) / sizeof(kdf_rows[0]); i++)
        if (kdf_rows[i].nid == nid) {
            rc = kdf_rows[i].check(params->keyfunc, err);
            goto out;
        }
    rc = ks_fail(err, rc,
                 "sealed key: key derivation is neither scrypt nor "
                 "PBKDF2");
out:
    PBE2PARAM_free(params);
    return rc;
}

/* Decodes and checks; *out is freed by the caller. */
static ks_rc decode_sealed(const struct ks_buf *sealed, X509_SIG **out,
                           struct ks_err *err)
{
    const uint8_t *at = sealed->data;
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OCTET_STRING *content = NULL;

    *out = sealed->len > 0 && sealed->len < INT_MAX
               ? d2i_X509_SIG(NULL, &at, (long)sealed->len)
               : NULL;
    if (*out == NULL || at != sealed->data + sealed->len)
        return ks_fail(err, KS_E_DAMAGED,
                       "not an EncryptedPrivateKeyInfo (RFC 5958)");
    X509_SIG_get0(*out, &algorithm, &content);
    if (ASN1_STRING_length(content) == 0)
        return ks_fail(err, KS_E_DAMAGED, "sealed key is empty");
    return check_algorithm(algorithm, err);
}

ks_rc ks_seal_check(const struct ks_buf *sealed, struct ks_err *err)
{
    X509_SIG *sig = NULL;
    ks_rc rc;

    ERR_set_mark();
    rc = decode_sealed(sealed, &sig, err);
    ERR_pop_to_mark();
    X509_SIG_free(sig);
    return rc;
}

ks_rc ks_seal_kdf(const struct ks_buf *sealed, struct ks_kdf *kdf)
{
    X509_SIG *sig = NULL;
    const X509_ALGOR *algorithm = NULL;
    PBE2PARAM *pbes2 = NULL;
    SCRYPT_PARAMS *params = NULL;
    struct ks_kdf read = {0};
    ks_rc rc;

    ERR_set_mark();
    rc = decode_sealed(sealed, &sig, NULL);
    if (rc == KS_OK) {
        X509_SIG_get0(sig, &algorithm, NULL);
        pbes2 = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM),
                                          algorithm->parameter);
        rc = KS_E_UNSUPPORTED;
    }
    if (pbes2 != NULL &&
        OBJ_obj2nid(pbes2->keyfunc->algorithm) == NID_id_scrypt)
        params = unpack_scrypt(pbes2->keyfunc, &read);
    if (params != NULL) {
        *kdf = read;
        rc = KS_OK;
    }
    ERR_pop_to_mark();
    SCRYPT_PARAMS_free(params);
    PBE2PARAM_free(pbes2);
    X509_SIG_free(sig);
    return rc;
}

/* One wrong passphrase in 256 gives good padding by chance, so what comes out
 * must be a PrivateKeyInfo to the last byte. */
static bool is_pkcs8(const struct ks_secret *pkcs8)
{
    const uint8_t *at = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len);
    bool whole = info != NULL && at == pkcs8->data + pkcs8->len;

    PKCS8_PRIV_KEY_INFO_free(info);
    return whole;
}

ks_rc ks_unseal(const struct ks_crypto *crypto, const struct ks_buf *sealed,
                const struct ks_secret *passphrase, struct ks_secret *pkcs8,
                struct ks_err *err)
{
    X509_SIG *sig = NULL;
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OCTET_STRING *content = NULL;
    struct ks_secret plain = {0};
    ks_rc rc;

    ERR_set_mark();
    rc = decode_sealed(sealed, &sig, err);
    if (rc != KS_OK)
        goto out;
    X509_SIG_get0(sig, &algorithm, &content);
    rc = crypt_bytes(crypto, algorithm, passphrase, false,
                     ASN1_STRING_get0_data(content),
                     (size_t)ASN1_STRING_length(content), &plain);
    if (rc == KS_E_CRYPTO)
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "sealed key: OpenSSL does not offer its cipher or key "
                     "derivation here");
    if (rc == KS_OK && !is_pkcs8(&plain))
        rc = KS_E_SECRET_WRONG;
    if (rc == KS_E_SECRET_WRONG)
        (void)ks_fail(err, rc, "wrong passphrase");
    if (rc != KS_OK)
        goto out;
    *pkcs8 = plain;
    plain = (struct ks_secret){0}; /* given to the caller */
out:
    ERR_pop_to_mark();
    ks_secret_clear(&plain);
    X509_SIG_free(sig);
    return rc;
}
