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

/* URI with the sources that the caller has for its PIN or passphrase; NULL if
 * there are none. Caller wipes. A public half is looked at without --passin,
 * which is the issuing key's and may not be this one's. */
static ks_rc with_sources(const struct ca_env *env, const char *uri, int expect,
                          char **out, struct ks_err *err)
{
    struct ca_pins pins = env->pins;

    if (pins.user == NULL && pins.so == NULL && expect == OSSL_STORE_INFO_PKEY)
        pins.user = env->passin;
    if (!ca_key_uri_is_ours(uri) || (pins.user == NULL && pins.so == NULL))
        return KS_OK;
    return ca_key_uri_with(uri, &pins, out, err);
}

static ks_rc open_store(const struct ca_env *env, const char *uri, int expect,
                        OSSL_STORE_CTX **store, struct ks_err *err)
{
    char *full = NULL;
    ks_rc rc = ca_key_scheme_check(uri, err);

    if (rc == KS_OK)
        rc = with_sources(env, uri, expect, &full, err);
    if (rc != KS_OK)
        return rc;
    ERR_clear_error();
    *store =
        OSSL_STORE_open_ex(full != NULL ? full : uri, env->libctx, env->propq,
                           env->ui, env->ui_data, NULL, NULL, NULL);
    OPENSSL_clear_free(full, full != NULL ? strlen(full) : 0);
    return KS_OK;
}

static ks_rc load_fail(const struct ca_env *env, const char *uri,
                       const char *shown, struct ks_err *err)
{
    ks_rc rc =
        ca_key_refused(env, uri, ca_crypto_fail(KS_E_INVALID, shown, err));
    bool given =
        env->passin != NULL || env->pins.user != NULL || env->pins.so != NULL;

    if (rc == KS_E_SECRET_WRONG && !given && !ca_key_on_token(env, uri))
        ks_hint(err, "--passin SOURCE says where another one comes from");
    if (rc == KS_E_NOT_FOUND)
        ca_key_name_token(env, uri, err);
    if (rc == KS_E_SECRET_MISSING && !given)
        ca_key_hint_missing(env, uri, "--passin", err);
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
        rc = load_fail(env, uri, shown, err);
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

ks_rc ca_key_load_seen(const struct ca_env *env, const char *uri,
                       EVP_PKEY **out, struct ks_err *err)
{
    return load(env, uri, OSSL_STORE_INFO_PUBKEY, out, err);
}

/* A token may hold a private key alone, and shows that to those only who log
 * in. Nobody is asked: only if a PIN is at hand. */
static bool may_be_hidden(const struct ca_env *env, const char *uri)
{
    return ca_key_on_token(env, uri) &&
           (env->pins.user != NULL || env->pins.so != NULL ||
            ks_section_get(ca_key_section(env, uri), "user_pin") != NULL);
}

ks_rc ca_key_load_public(const struct ca_env *env, const char *uri,
                         EVP_PKEY **out, struct ks_err *err)
{
    struct ca_env own = *env;
    struct ks_err why = {0};
    ks_rc rc = load(env, uri, OSSL_STORE_INFO_PUBKEY, out, &why);

    /* A file may hold nothing but the private key. */
    if (rc != KS_OK && !ca_key_uri_is_ours(uri))
        return load(env, uri, OSSL_STORE_INFO_PKEY, out, err);
    if (rc == KS_E_NOT_FOUND && may_be_hidden(env, uri)) {
        own.passin = NULL; /* may be another key's */
        why = (struct ks_err){0};
        rc = load(&own, uri, OSSL_STORE_INFO_PKEY, out, &why);
    }
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
