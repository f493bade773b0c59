/*
 * Certificates that are kept beside a key.
 */
#include "audit.h"
#include "key.h"
#include "store_fn.h"
#include "texts.h"

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "ks_uri.h"

#define CERTS_MAX 64

static ks_rc read_certs(OSSL_STORE_CTX *store, const char *shown,
                        STACK_OF(X509) * certs, struct ks_err *err)
{
    while (!OSSL_STORE_eof(store) && sk_X509_num(certs) < CERTS_MAX) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        X509 *cert = NULL;
        ks_rc rc;

        if (info != NULL &&
            OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT)
            cert = OSSL_STORE_INFO_get1_CERT(info);
        OSSL_STORE_INFO_free(info);
        if (cert == NULL && ERR_peek_error() == 0)
            continue;
        if (cert == NULL) {
            rc = ca_crypto_fail(KS_E_CRYPTO, shown, err);
            return rc == KS_E_NOT_FOUND ? KS_OK : rc;
        }
        if (sk_X509_push(certs, cert) <= 0) {
            X509_free(cert);
            return ca_nomem(err);
        }
    }
    return KS_OK;
}

ks_rc ca_key_certs(const struct ca_env *env, const char *uri,
                   STACK_OF(X509) * *out, struct ks_err *err)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    OSSL_STORE_CTX *store = NULL;
    char shown[200];
    ks_rc rc = KS_OK;

    ks_uri_redact(uri, shown, sizeof(shown));
    ERR_clear_error();
    if (certs == NULL)
        return ca_nomem(err);
    store = OSSL_STORE_open_ex(uri, env->libctx, env->propq, NULL, NULL, NULL,
                               NULL, NULL);
    if (store == NULL || OSSL_STORE_expect(store, OSSL_STORE_INFO_CERT) != 1)
        rc = ca_crypto_fail(KS_E_CRYPTO, shown, err);
    else
        rc = read_certs(store, shown, certs, err);
    ERR_clear_error();
    (void)OSSL_STORE_close(store); /* only read from */
    if (rc == KS_OK)
        *out = certs;
    else
        sk_X509_pop_free(certs, X509_free);
    return rc;
}

ks_rc ca_certs_der(const STACK_OF(X509) * certs, struct ks_buf *der,
                   struct ks_err *err)
{
    size_t len = 0;
    unsigned char *at;

    for (int i = 0; i < sk_X509_num(certs); i++) {
        int one = i2d_X509(sk_X509_value(certs, i), NULL);

        if (one <= 0)
            return ca_crypto_fail(KS_E_INVALID, "certificate", err);
        len += (size_t)one;
    }
    *der = (struct ks_buf){0};
    if (len == 0)
        return KS_OK;
    der->data = OPENSSL_malloc(len);
    if (der->data == NULL)
        return ca_nomem(err);
    der->len = len;
    at = der->data;
    for (int i = 0; i < sk_X509_num(certs); i++)
        (void)i2d_X509(sk_X509_value(certs, i), &at);
    return KS_OK;
}

ks_rc ca_certs_check(const STACK_OF(X509) * certs, EVP_PKEY *pkey,
                     const char *name, struct ks_err *err)
{
    const X509 *below = sk_X509_value(certs, 0);

    if (below == NULL)
        return ks_fail(err, KS_E_INVALID, "%s: no certificate in it", name);
    ERR_set_mark();
    if (EVP_PKEY_eq(X509_get0_pubkey(below), pkey) != 1) {
        ERR_pop_to_mark();
        ks_hint(err, "the key's own certificate comes first, then that of its "
                     "issuer, and so on");
        return ks_fail(err, KS_E_INVALID,
                       "%s: the first certificate is not that of the key",
                       name);
    }
    for (int i = 1; i < sk_X509_num(certs); i++) {
        X509 *above = sk_X509_value(certs, i);

        if (X509_check_issued(above, (X509 *)(uintptr_t)below) != X509_V_OK) {
            ERR_pop_to_mark();
            return ks_fail(err, KS_E_INVALID,
                           "%s: certificate %d did not issue the one before it",
                           name, i + 1);
        }
        below = above;
    }
    ERR_pop_to_mark();
    return KS_OK;
}

ks_rc ca_key_certify(const struct ca_env *env, const char *uri,
                     const struct ks_buf *certs, struct ks_err *err)
{
    char shown[200];
    char *canonical = NULL;
    void *provctx = NULL;
    ks_store_certify_fn *fn = (ks_store_certify_fn *)ca_store_function(
        env, KS_FUNC_STORE_CERTIFY, &provctx);
    ks_rc rc;

    if (fn == NULL)
        return ca_no_function(err);
    ks_uri_redact(uri, shown, sizeof(shown));
    ERR_clear_error();
    if (fn(provctx, uri, certs->data, certs->len) != 1)
        return ca_crypto_fail(KS_E_CRYPTO, shown, err);
    rc = ca_key_uri(uri, &canonical, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "key.cert", canonical, NULL, err);
    OPENSSL_free(canonical);
    return rc;
}
