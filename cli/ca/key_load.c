/*
 * Keys that exist, by OSSL_STORE URI.
 */
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "ks_uri.h"

#define OBJECTS_MAX 64 /* looked at in one file */

/* A scheme that is not known must never be tried as a file's name. */
static ks_rc check_scheme(const char *uri, struct ks_err *err)
{
    static const char *const schemes[] = {"keystore:", "pkcs11:", "file:"};
    size_t len = strspn(uri, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    char shown[80];

    if (uri[0] == '\0')
        return ks_fail(err, KS_E_INVALID, "an empty key URI");
    if (len < 2 || uri[len] != ':')
        return KS_OK;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (OPENSSL_strncasecmp(uri, schemes[i], strlen(schemes[i])) == 0)
            return KS_OK;
    }
    ks_uri_redact(uri, shown, sizeof(shown));
    ks_hint(err, "a file with a colon in its name is \"./NAME\"");
    return ks_fail(err, KS_E_INVALID,
                   "%s: unknown scheme; keystore:, pkcs11: and file: are known",
                   shown);
}

ks_rc ca_key_uri(const char *uri, char **out, struct ks_err *err)
{
    struct ks_uri parsed = {0};
    char shown[KS_URI_MAX];
    ks_rc rc = check_scheme(uri, err);

    *out = NULL;
    if (rc != KS_OK)
        return rc;
    if (ks_uri_is_keystore(uri)) {
        rc = ks_uri_parse(uri, &parsed, err);
        if (rc == KS_OK)
            rc = ks_uri_format(parsed.backend, parsed.key, out);
        ks_uri_clear(&parsed);
        return rc;
    }
    ks_uri_redact(uri, shown, sizeof(shown));
    *out = OPENSSL_strdup(shown);
    return *out != NULL ? KS_OK : ca_nomem(err);
}

static EVP_PKEY *key_of(const OSSL_STORE_INFO *info)
{
    switch (OSSL_STORE_INFO_get_type(info)) {
    case OSSL_STORE_INFO_PKEY:
        return OSSL_STORE_INFO_get1_PKEY(info);
    case OSSL_STORE_INFO_PUBKEY:
        return OSSL_STORE_INFO_get1_PUBKEY(info);
    default:
        return NULL;
    }
}

/* URI with env->passin as the one source of its secret. Caller wipes. */
static ks_rc with_passin(const struct ca_env *env, const char *uri, char **out,
                         struct ks_err *err)
{
    struct ks_uri parsed = {0};
    ks_rc rc = ks_uri_parse(uri, &parsed, err);

    if (rc == KS_OK)
        rc = ks_uri_format_source(parsed.backend, parsed.key, env->passin, out);
    ks_uri_clear(&parsed);
    return rc == KS_OK ? rc : ks_fail(err, rc, "key: %s", ks_rc_text(rc));
}

static ks_rc open_store(const struct ca_env *env, const char *uri, int expect,
                        OSSL_STORE_CTX **store, struct ks_err *err)
{
    char *full = NULL;
    ks_rc rc = check_scheme(uri, err);

    if (rc == KS_OK && env->passin != NULL && expect == OSSL_STORE_INFO_PKEY &&
        ks_uri_is_keystore(uri))
        rc = with_passin(env, uri, &full, err);
    if (rc != KS_OK)
        return rc;
    ERR_clear_error();
    *store =
        OSSL_STORE_open_ex(full != NULL ? full : uri, env->libctx, env->propq,
                           env->ui, env->ui_data, NULL, NULL, NULL);
    OPENSSL_clear_free(full, full != NULL ? strlen(full) : 0);
    return KS_OK;
}

static ks_rc load_fail(const struct ca_env *env, const char *shown,
                       struct ks_err *err)
{
    ks_rc rc = ca_crypto_fail(KS_E_INVALID, shown, err);

    if (rc == KS_E_SECRET_WRONG && env->passin == NULL)
        ks_hint(err, "--passin SOURCE says where another one comes from");
    if (rc == KS_E_SECRET_MISSING && env->passin == NULL && err != NULL) {
        err->hint[0] = '\0'; /* the provider knows no options */
        ks_hint(err, "--passin file:PATH, env:NAME or fd:N gives it, or a "
                     "passphrase line in caadm.conf");
    }
    return rc;
}

static ks_rc load(const struct ca_env *env, const char *uri, int expect,
                  EVP_PKEY **out, struct ks_err *err)
{
    char shown[200];
    OSSL_STORE_CTX *store = NULL;
    EVP_PKEY *pkey = NULL;
    ks_rc rc = open_store(env, uri, expect, &store, err);

    if (rc != KS_OK)
        return rc;
    ks_uri_redact(uri, shown, sizeof(shown));
    if (store == NULL || OSSL_STORE_expect(store, expect) != 1) {
        rc = ca_crypto_fail(KS_E_CRYPTO, shown, err);
        goto out;
    }
    for (int i = 0; pkey == NULL && i < OBJECTS_MAX && !OSSL_STORE_eof(store);
         i++) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            pkey = key_of(info);
        OSSL_STORE_INFO_free(info);
    }
    if (pkey == NULL && ERR_peek_error() != 0)
        rc = load_fail(env, shown, err);
    else if (pkey == NULL)
        rc = ks_fail(err, KS_E_NOT_FOUND, "%s: there is no %s key in it", shown,
                     expect == OSSL_STORE_INFO_PKEY ? "private" : "public");
    else
        *out = pkey;
    ERR_clear_error();
out:
    (void)OSSL_STORE_close(store); /* only read from */
    return rc;
}

ks_rc ca_key_load(const struct ca_env *env, const char *uri, EVP_PKEY **out,
                  struct ks_err *err)
{
    return load(env, uri, OSSL_STORE_INFO_PKEY, out, err);
}

ks_rc ca_key_load_public(const struct ca_env *env, const char *uri,
                         EVP_PKEY **out, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = load(env, uri, OSSL_STORE_INFO_PUBKEY, out, &why);

    /* A file may hold nothing but the private key. */
    if (rc != KS_OK && !ks_uri_is_keystore(uri))
        return load(env, uri, OSSL_STORE_INFO_PKEY, out, err);
    if (rc != KS_OK && why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return rc == KS_OK ? rc : ks_fail(err, rc, "%s", why.text);
}

ks_rc ca_key_hash(const EVP_PKEY *pkey, uint8_t out[KS_HASH_LEN],
                  struct ks_err *err)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    ks_rc rc = len > 0 ? ca_sha256(der, (size_t)len, out, err)
                       : ca_crypto_fail(KS_E_CRYPTO, "public key", err);

    OPENSSL_free(der);
    return rc;
}
