/*
 * Certificates kept beside a key.
 */
#include "certs.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

size_t ks_certs_first(const uint8_t *der, size_t len)
{
    const uint8_t *at = der;
    long body = 0;
    int tag = 0, class = 0, form;

    if (len == 0 || len > LONG_MAX)
        return 0;
    ERR_set_mark();
    form = ASN1_get_object(&at, &body, &tag, &class, (long)len);
    ERR_pop_to_mark();
    /* 0x80: an error; 0x21: of indefinite length, which DER does not have. */
    if (form != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE ||
        class != V_ASN1_UNIVERSAL)
        return 0;
    return (size_t)(at - der) + (size_t)body;
}

static X509 *read_cert(const struct ks_crypto *crypto, const uint8_t *der,
                       size_t len)
{
    X509 *cert = X509_new_ex(crypto->libctx, crypto->propq);
    const uint8_t *at = der;

    if (cert == NULL || len > LONG_MAX)
        goto fail;
    /* On failure d2i frees what it was given. */
    if (d2i_X509(&cert, &at, (long)len) == NULL)
        return NULL;
    if (at == der + len)
        return cert;
fail:
    X509_free(cert);
    return NULL;
}

static bool is_of_key(const struct ks_crypto *crypto, X509 *cert,
                      const struct ks_buf *spki)
{
    const uint8_t *at = spki->data;
    EVP_PKEY *key = spki->len > LONG_MAX
                        ? NULL
                        : d2i_PUBKEY_ex(NULL, &at, (long)spki->len,
                                        crypto->libctx, crypto->propq);
    EVP_PKEY *own = X509_get0_pubkey(cert);
    bool is = key != NULL && own != NULL && EVP_PKEY_eq(key, own) == 1;

    EVP_PKEY_free(key);
    return is;
}

static ks_rc check_cert(const struct ks_crypto *crypto,
                        const struct ks_buf *spki, const struct ks_buf *cert,
                        struct ks_err *err)
{
    X509 *x509 = read_cert(crypto, cert->data, cert->len);
    ks_rc rc = KS_OK;

    if (x509 == NULL)
        rc = ks_fail(err, KS_E_INVALID, "is not a certificate (DER)");
    else if (!is_of_key(crypto, x509, spki))
        rc = ks_fail(err, KS_E_INVALID, "certificate is not of this key");
    X509_free(x509);
    return rc;
}

static ks_rc check_chain(const struct ks_crypto *crypto,
                         const struct ks_buf *chain, struct ks_err *err)
{
    size_t at = 0, len;

    for (; at < chain->len; at += len) {
        X509 *x509 = NULL;

        len = ks_certs_first(chain->data + at, chain->len - at);
        if (len > 0)
            x509 = read_cert(crypto, chain->data + at, len);
        if (x509 == NULL)
            return ks_fail(err, KS_E_INVALID,
                           "chain has something that is not a certificate "
                           "(DER)");
        X509_free(x509);
    }
    return KS_OK;
}

ks_rc ks_certs_check(const struct ks_crypto *crypto, const struct ks_buf *spki,
                     const struct ks_buf *cert, const struct ks_buf *chain,
                     struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (cert->len == 0 && chain->len > 0)
        return ks_fail(err, KS_E_INVALID,
                       "chain without the certificate that it belongs to");
    ERR_set_mark();
    if (cert->len > 0)
        rc = check_cert(crypto, spki, cert, err);
    if (rc == KS_OK)
        rc = check_chain(crypto, chain, err);
    ERR_pop_to_mark();
    return rc;
}

ks_rc ks_certs_split(const uint8_t *certs, size_t len, struct ks_buf *cert,
                     struct ks_buf *chain, struct ks_err *err)
{
    const size_t first = ks_certs_first(certs, len);
    ks_rc rc;

    if (len > 0 && first == 0)
        return ks_fail(err, KS_E_INVALID, "is not a certificate (DER)");
    rc = ks_buf_set(cert, certs, first);
    if (rc == KS_OK)
        rc = ks_buf_set(chain, first > 0 ? certs + first : NULL, len - first);
    return rc;
}

ks_rc ks_certs_join(const struct ks_key_info *info, struct ks_buf *certs)
{
    const size_t own = info->cert.len, rest = info->chain.len;
    uint8_t *joined = NULL;

    if (own + rest > 0) {
        joined = OPENSSL_malloc(own + rest);
        if (joined == NULL)
            return KS_E_NOMEM;
    }
    if (own > 0)
        memcpy(joined, info->cert.data, own);
    if (rest > 0)
        memcpy(joined + own, info->chain.data, rest);
    ks_buf_clear(certs);
    certs->data = joined;
    certs->len = own + rest;
    return KS_OK;
}
