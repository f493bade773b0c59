/*
 * Digests and hashes of what is kept with a key.
 */
#include "sqlite/mark.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

ks_rc ks_sqlite_digest(const struct ks_crypto *crypto,
                       const struct ks_buf *data, uint8_t sha256[static 32],
                       uint8_t sha1[static 20], struct ks_err *err)
{
    ks_rc rc = KS_OK;

    ERR_set_mark();
    if (EVP_Q_digest(crypto->libctx, "SHA2-256", crypto->propq, data->data,
                     data->len, sha256, NULL) != 1 ||
        EVP_Q_digest(crypto->libctx, "SHA1", crypto->propq, data->data,
                     data->len, sha1, NULL) != 1)
        rc = ks_fail(err, KS_E_CRYPTO, "SHA-1 or SHA-256 cannot be computed");
    ERR_pop_to_mark();
    return rc;
}

static bool hash_of(const struct ks_crypto *crypto, const X509_NAME *name,
                    int64_t *hash)
{
    int ok = 0;
    unsigned long value =
        X509_NAME_hash_ex(name, crypto->libctx, crypto->propq, &ok);

    *hash = (int64_t)(value & 0xffffffffu);
    return ok == 1;
}

bool ks_sqlite_subject(const struct ks_crypto *crypto, const uint8_t *der,
                       size_t len, int64_t *hash)
{
    const unsigned char *at = der;
    X509_NAME *name = NULL;
    bool result;

    ERR_set_mark();
    if (len <= LONG_MAX)
        name = d2i_X509_NAME(NULL, &at, (long)len);
    result = name != NULL && hash_of(crypto, name, hash);
    ERR_pop_to_mark();
    X509_NAME_free(name);
    return result;
}

bool ks_sqlite_subject_of_cert(const struct ks_crypto *crypto,
                               const struct ks_buf *der, int64_t *hash)
{
    const unsigned char *at = der->data;
    X509 *cert = NULL;
    bool result;

    ERR_set_mark();
    if (der->len <= LONG_MAX)
        cert = d2i_X509(NULL, &at, (long)der->len);
    result = cert != NULL && hash_of(crypto, X509_get_subject_name(cert), hash);
    ERR_pop_to_mark();
    X509_free(cert);
    return result;
}
