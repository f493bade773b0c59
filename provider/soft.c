/*
 * Keys in the child library context, from and to standard encodings. All
 * with our property query: the child knows our own decoders and encoders too.
 */
#include "soft.h"

#include <openssl/core_dispatch.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "key.h"
#include "public_key.h"

static ks_rc check_type(const char *whose, EVP_PKEY *pkey, EVP_PKEY **out,
                        struct ks_err *err)
{
    ks_rc rc;

    if (prov_key_type(pkey) != NULL) {
        *out = pkey;
        return KS_OK;
    }
    rc = ks_fail(err, KS_E_UNSUPPORTED, "%s: keys of type %s are not supported",
                 whose, EVP_PKEY_get0_type_name(pkey));
    EVP_PKEY_free(pkey);
    return rc;
}

ks_rc prov_soft_from_spki(const struct prov_ctx *ctx, const char *whose,
                          const struct ks_buf *spki, EVP_PKEY **out,
                          struct ks_err *err)
{
    const struct ks_crypto crypto = {ctx->child, ctx->propq};
    EVP_PKEY *pkey = ks_public_key(&crypto, spki);

    if (pkey == NULL)
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: public key cannot be decoded (is the default "
                       "provider active?)",
                       whose);
    return check_type(whose, pkey, out, err);
}

ks_rc prov_soft_from_pkcs8(const struct prov_ctx *ctx, const char *whose,
                           const struct ks_secret *pkcs8, EVP_PKEY **out,
                           struct ks_err *err)
{
    const unsigned char *p = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info;
    EVP_PKEY *pkey = NULL;

    ERR_set_mark();
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)pkcs8->len);
    if (info != NULL)
        pkey = EVP_PKCS82PKEY_ex(info, ctx->child, ctx->propq);
    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_pop_to_mark();
    if (pkey == NULL)
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: private key cannot be decoded (is the default "
                       "provider active?)",
                       whose);
    return check_type(whose, pkey, out, err);
}

/* Caller frees *der with OPENSSL_clear_free. */
static ks_rc encode(const struct prov_ctx *ctx, const EVP_PKEY *soft,
                    int selection, const char *structure, unsigned char **der,
                    size_t *len, struct ks_err *err)
{
    OSSL_ENCODER_CTX *ectx = OSSL_ENCODER_CTX_new_for_pkey(
        soft, selection, "DER", structure, ctx->propq);
    ks_rc rc = KS_OK;

    ERR_set_mark();
    if (ectx == NULL || OSSL_ENCODER_to_data(ectx, der, len) != 1)
        rc =
            ks_fail(err, KS_E_CRYPTO, "key cannot be encoded as %s", structure);
    ERR_pop_to_mark();
    OSSL_ENCODER_CTX_free(ectx);
    return rc;
}

ks_rc prov_soft_to_spki(const struct prov_ctx *ctx, const EVP_PKEY *soft,
                        struct ks_buf *spki, struct ks_err *err)
{
    unsigned char *der = NULL;
    size_t len = 0;
    ks_rc rc = encode(ctx, soft,
                      OSSL_KEYMGMT_SELECT_PUBLIC_KEY |
                          OSSL_KEYMGMT_SELECT_ALL_PARAMETERS,
                      "SubjectPublicKeyInfo", &der, &len, err);

    if (rc == KS_OK)
        rc = ks_buf_set(spki, der, len);
    OPENSSL_free(der);
    return rc;
}

ks_rc prov_soft_to_pkcs8(const struct prov_ctx *ctx, const EVP_PKEY *soft,
                         struct ks_secret *pkcs8, struct ks_err *err)
{
    unsigned char *der = NULL;
    size_t len = 0;
    ks_rc rc =
        encode(ctx, soft,
               OSSL_KEYMGMT_SELECT_KEYPAIR | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS,
               "PrivateKeyInfo", &der, &len, err);

    if (rc == KS_OK)
        rc = ks_secret_set(pkcs8, der, len);
    OPENSSL_clear_free(der, len);
    return rc;
}
