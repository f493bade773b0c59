/*
 * Signing stored bytes. X509_sign would encode the certificate anew; here the
 * bytes that were committed are the ones that are signed, and the certificate
 * is put together around them: SEQUENCE { tbs, algorithm, BIT STRING }
 * (RFC 5280, 4.1).
 */
#include "sign.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#define ALGORITHM_MAX 256 /* DER of an AlgorithmIdentifier */

/* RFC 5480, 4: a digest no weaker than the curve. */
static const char *ec_digest(const EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);

    return bits <= 256 ? "SHA2-256" : bits <= 384 ? "SHA2-384" : "SHA2-512";
}

/* NULL: the algorithm hashes by itself. */
static const char *digest_of(const EVP_PKEY *pkey, char *buf, size_t size)
{
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return "SHA2-256";
    if (EVP_PKEY_is_a(pkey, "EC"))
        return ec_digest(pkey);
    if (EVP_PKEY_is_a(pkey, "RSA-PSS")) /* its own parameters come first */
        return EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_RSA_DIGEST,
                                              buf, size, NULL) == 1 &&
                       buf[0] != '\0'
                   ? buf
                   : "SHA2-256";
    return NULL;
}

static bool can_sign(const EVP_PKEY *pkey)
{
    return !EVP_PKEY_is_a(pkey, "X25519") && !EVP_PKEY_is_a(pkey, "X448") &&
           !EVP_PKEY_is_a(pkey, "DH") && !EVP_PKEY_is_a(pkey, "DHX");
}

/* Salt as long as the digest (RFC 4055, 3.1), unless the key restricts it. */
static void set_salt(const EVP_PKEY *pkey, EVP_PKEY_CTX *pctx)
{
    if (!EVP_PKEY_is_a(pkey, "RSA-PSS"))
        return;
    (void)ERR_set_mark();
    (void)EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
    (void)ERR_pop_to_mark();
}

static X509_ALGOR *algorithm_of(EVP_PKEY_CTX *pctx)
{
    unsigned char der[ALGORITHM_MAX];
    const unsigned char *p = der;
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
                                          der, sizeof(der)),
        OSSL_PARAM_END};

    if (EVP_PKEY_CTX_get_params(pctx, params) <= 0 ||
        params[0].return_size == OSSL_PARAM_UNMODIFIED)
        return NULL;
    return d2i_X509_ALGOR(NULL, &p, (long)params[0].return_size);
}

ks_rc ca_signer_init(const struct ca_env *env, EVP_PKEY *pkey,
                     struct ca_signer *signer, struct ks_err *err)
{
    char digest[64] = "";
    EVP_PKEY_CTX *pctx = NULL;

    *signer = (struct ca_signer){.env = env, .pkey = pkey};
    if (!can_sign(pkey))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "a key of type %s cannot sign certificates",
                       EVP_PKEY_get0_type_name(pkey));
    ERR_clear_error();
    signer->ready = EVP_MD_CTX_new();
    if (signer->ready == NULL ||
        EVP_DigestSignInit_ex(signer->ready, &pctx,
                              digest_of(pkey, digest, sizeof(digest)),
                              env->libctx, env->propq, pkey, NULL) <= 0) {
        ca_signer_clear(signer);
        return ca_crypto_fail(KS_E_CRYPTO, "the CA's key", err);
    }
    set_salt(pkey, pctx);
    signer->alg = algorithm_of(pctx);
    if (signer->alg != NULL)
        return KS_OK;
    ca_signer_clear(signer);
    return ca_crypto_fail(KS_E_UNSUPPORTED, "the CA's key", err);
}

void ca_signer_clear(struct ca_signer *signer)
{
    X509_ALGOR_free(signer->alg);
    EVP_MD_CTX_free(signer->ready);
    *signer = (struct ca_signer){0};
}

static ks_rc put_together(const struct ca_signer *signer,
                          const struct ks_buf *tbs, const uint8_t *sig,
                          size_t sig_len, struct ks_buf *der,
                          struct ks_err *err)
{
    int alg_len = i2d_X509_ALGOR(signer->alg, NULL);
    int bits_len = (int)sig_len + 1; /* with the count of unused bits */
    int inner, total;
    uint8_t *p;

    if (alg_len <= 0 || tbs->len > CA_CSR_MAX || sig_len > CA_CSR_MAX)
        return ks_fail(err, KS_E_INTERNAL, "certificate too large");
    inner = (int)tbs->len + alg_len +
            ASN1_object_size(0, bits_len, V_ASN1_BIT_STRING);
    total = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
    der->data = OPENSSL_malloc((size_t)total);
    if (der->data == NULL)
        return ca_nomem(err);
    der->len = (size_t)total;
    p = der->data;
    ASN1_put_object(&p, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(p, tbs->data, tbs->len);
    p += tbs->len;
    (void)i2d_X509_ALGOR(signer->alg, &p); /* measured above */
    ASN1_put_object(&p, 0, bits_len, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
    *p++ = 0;
    if (sig_len > 0)
        memcpy(p, sig, sig_len);
    return KS_OK;
}

ks_rc ca_signer_blank(const struct ca_signer *signer, const struct ks_buf *tbs,
                      struct ks_buf *der, struct ks_err *err)
{
    return put_together(signer, tbs, NULL, 0, der, err);
}

/* What a token cannot do is the key's trouble, not the command line's. */
static ks_rc sign_fail(struct ks_err *err)
{
    ks_rc rc = ca_crypto_fail(KS_E_CRYPTO, "signing with the CA's key", err);

    return rc == KS_E_UNSUPPORTED ? KS_E_CRYPTO : rc;
}

ks_rc ca_signer_sign(const struct ca_signer *signer, const struct ks_buf *tbs,
                     struct ks_buf *der, struct ks_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *sig = NULL;
    size_t len = 0;
    ks_rc rc;

    ERR_clear_error();
    if (ctx == NULL || EVP_MD_CTX_copy_ex(ctx, signer->ready) != 1 ||
        EVP_DigestSign(ctx, NULL, &len, tbs->data, tbs->len) <= 0 ||
        (sig = OPENSSL_malloc(len)) == NULL ||
        EVP_DigestSign(ctx, sig, &len, tbs->data, tbs->len) <= 0)
        rc = sign_fail(err);
    else
        rc = put_together(signer, tbs, sig, len, der, err);
    OPENSSL_free(sig);
    EVP_MD_CTX_free(ctx);
    return rc;
}
