/*
 * Keys and secrets for tests.
 */
#include "keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static void stop(const char *what)
{
    (void)fprintf(stderr, "cannot make a key: %s\n", what);
    abort();
}

static EVP_PKEY *generate_pss(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 ||
        EVP_PKEY_generate(ctx, &key) <= 0)
        stop("RSA-PSS");
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *generate(const char *kind)
{
    if (strcmp(kind, "RSA") == 0)
        return EVP_RSA_gen(2048);
    if (strcmp(kind, "RSA-PSS") == 0)
        return generate_pss();
    if (strncmp(kind, "P-", 2) == 0)
        return EVP_EC_gen(kind);
    return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

void test_key_make(const char *kind, struct test_key *key)
{
    EVP_PKEY *pkey = generate(kind);
    PKCS8_PRIV_KEY_INFO *info = pkey != NULL ? EVP_PKEY2PKCS8(pkey) : NULL;
    unsigned char *der = NULL;
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

    memset(key, 0, sizeof(*key));
    if (len <= 0 || ks_secret_set(&key->pkcs8, der, (size_t)len) != KS_OK)
        stop(kind);
    OPENSSL_clear_free(der, (size_t)len);
    der = NULL;
    len = i2d_PUBKEY(pkey, &der);
    if (len <= 0 || ks_buf_set(&key->spki, der, (size_t)len) != KS_OK)
        stop(kind);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(pkey);
}

void test_key_clear(struct test_key *key)
{
    ks_buf_clear(&key->spki);
    ks_secret_clear(&key->pkcs8);
}

static ks_rc answer(void *arg, const struct ks_question *question,
                    struct ks_secret *secret, struct ks_err *err)
{
    struct test_answers *answers = arg;
    const size_t n = sizeof(answers->secrets) / sizeof(answers->secrets[0]);

    answers->asked++;
    answers->confirmed = question->confirm;
    (void)snprintf(answers->whose, sizeof(answers->whose), "%s",
                   question->whose);
    for (size_t i = 0; i <= question->attempt && i < n; i++) {
        if (answers->secrets[i] == NULL)
            break;
        if (i == question->attempt)
            return ks_secret_set(secret, answers->secrets[i],
                                 strlen(answers->secrets[i]));
    }
    return ks_fail(err, KS_E_SECRET_MISSING, "nobody answers");
}

struct ks_ask test_ask(struct test_answers *answers)
{
    return (struct ks_ask){.get = answer, .arg = answers};
}

static EVP_PKEY *decode(const struct test_key *key)
{
    const uint8_t *at = key->pkcs8.data;
    PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)key->pkcs8.len);
    EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

void test_key_certify(const struct test_key *key, struct ks_buf *cert)
{
    EVP_PKEY *pkey = decode(key);
    X509 *x509 = X509_new();
    uint8_t *der = NULL;
    const bool edwards =
        EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448");
    int len;

    if (X509_set_version(x509, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(x509), 0) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(x509), 3600) == NULL ||
        X509_set_pubkey(x509, pkey) != 1 ||
        X509_sign(x509, pkey, edwards ? NULL : EVP_sha256()) == 0)
        abort();
    len = i2d_X509(x509, &der);
    if (len <= 0 || ks_buf_set(cert, der, (size_t)len) != KS_OK)
        abort();
    OPENSSL_free(der);
    X509_free(x509);
    EVP_PKEY_free(pkey);
}
