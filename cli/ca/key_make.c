/*
 * Keys to be made in a backend. The intent is committed before the key can
 * exist, so that whatever moment a process dies at, the next start knows what
 * it may have left: see settle.c.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "ks_secret.h"
#include "ks_uri.h"

#define KEYSTORE_PROPERTY "provider=keystore"

EVP_PKEY_CTX *ca_key_ctx(const struct ca_env *env, const char *algorithm)
{
    char propq[256];

    (void)snprintf(propq, sizeof(propq), "%s%s%s",
                   env->propq != NULL ? env->propq : "",
                   env->propq != NULL && env->propq[0] != '\0' ? "," : "",
                   KEYSTORE_PROPERTY);
    return EVP_PKEY_CTX_new_from_name(env->libctx, algorithm, propq);
}

static ks_rc set_place(EVP_PKEY_CTX *ctx, const struct ca_key_spec *spec,
                       struct ks_err *err)
{
    OSSL_PARAM params[4] = {OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END,
                            OSSL_PARAM_END};
    size_t n = 0;
    char *full = NULL;
    ks_rc rc = ca_key_uri_with(spec->uri, &spec->pins, &full, err);

    if (rc != KS_OK)
        return rc;
    params[n++] = OSSL_PARAM_construct_utf8_string("keystore-uri", full, 0);
    if (spec->passout != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(
            "keystore-passout", (char *)(uintptr_t)spec->passout, 0);
    if (spec->usage != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(
            "keystore-usage", (char *)(uintptr_t)spec->usage, 0);
    if (EVP_PKEY_CTX_set_params(ctx, params) <= 0)
        rc = ca_crypto_fail(KS_E_CRYPTO, "key generation", err);
    OPENSSL_clear_free(full, strlen(full));
    return rc;
}

ks_rc ca_key_new_refused(const struct ca_env *env,
                         const struct ca_key_spec *spec, ks_rc rc,
                         struct ks_err *err)
{
    if (rc == KS_E_SECRET_MISSING && spec->passout == NULL &&
        spec->pins.user == NULL)
        ca_key_hint_missing(
            env, spec->uri,
            ca_key_on_token(env, spec->uri) ? "--user-pin" : "--passout", err);
    return ca_key_refused(env, spec->uri, rc);
}

ks_rc ca_key_generate(const struct ca_env *env, const struct ca_key_spec *spec,
                      EVP_PKEY **out, struct ks_err *err)
{
    struct ca_key_type type;
    char shown[200];
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_type_parse(spec->type, &type, err);

    if (rc != KS_OK)
        return rc;
    ks_uri_redact(spec->uri, shown, sizeof(shown));
    if (!ca_key_uri_is_ours(spec->uri))
        return ks_fail(err, KS_E_INVALID,
                       "%s: new keys are made at keystore://BACKEND/KEY, or on "
                       "a token at pkcs11:token=LABEL;object=KEY",
                       shown);
    ERR_clear_error();
    ctx = ca_key_ctx(env, type.algorithm);
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0) {
        ks_hint(err, "the provider keystore must be loaded: "
                     "\"caadm doctor\" says what is wrong");
        rc = ca_crypto_fail(KS_E_CONFIG, shown, err);
        goto out;
    }
    rc = ca_key_type_set(&type, ctx, err);
    if (rc == KS_OK)
        rc = set_place(ctx, spec, err);
    if (rc == KS_OK)
        rc = ca_key_new_refused(env, spec,
                                ca_key_run(env, ctx, shown, &pkey, err), err);
    if (rc == KS_OK && out != NULL) {
        *out = pkey;
        pkey = NULL; /* given to the caller */
    }
out:
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

/* A security officer sees no private keys: none is missing then. */
static bool sees_private(const struct ca_env *env, const char *uri)
{
    return env->pins.so == NULL && strstr(uri, "so-pin-source=") == NULL &&
           ks_section_get(ca_key_section(env, uri), "so_pin") == NULL;
}

/* A token that is stopped while it makes a key may keep the public half, which
 * is in the way and of no use. Nothing was there before: see
 * ca_key_must_be_free. */
static ks_rc replace_half(const struct ca_env *env,
                          const struct ca_key_spec *spec,
                          struct ca_new_key *key, struct ks_err *err)
{
    ks_rc rc;

    if (!sees_private(env, key->uri)) {
        ks_hint(err, "\"caadm key delete %s\", if nothing needs it", key->uri);
        return ks_fail(err, KS_E_EXISTS,
                       "%s: an interrupted command may have left a key here, "
                       "and the security officer does not see whether it is "
                       "whole",
                       key->uri);
    }
    rc = ca_key_remove(env, key->uri, err);
    return rc == KS_OK ? ca_key_generate(env, spec, &key->pkey, err) : rc;
}

/* A key that a dead process planned, and made, but did not get to note. It is
 * used if it is of the type that is now asked for. */
static ks_rc adopt(const struct ca_env *env, const struct ca_key_spec *spec,
                   struct ca_new_key *key, struct ks_err *err)
{
    struct ca_env own = *env;
    struct ca_key_type type;
    struct ks_err why = {0};
    char want[64], have[64];
    ks_rc rc = ca_key_type_parse(spec->type, &type, &why);

    /* It was sealed as the new one would be. */
    own.passin = ks_secret_is_random(spec->passout) ? NULL : spec->passout;
    own.pins = spec->pins;
    if (rc == KS_OK)
        rc = ca_key_load(&own, key->uri, &key->pkey, &why);
    if (rc == KS_E_NOT_FOUND)
        return replace_half(&own, spec, key, err);
    if (rc != KS_OK) {
        if (why.hint[0] != '\0')
            ks_hint(err, "%s", why.hint);
        return ks_fail(err, rc, "%s", why.text);
    }
    ca_key_type_text(key->pkey, have, sizeof(have));
    if (type.bits != 0)
        (void)snprintf(want, sizeof(want), "%s:%zu", type.algorithm, type.bits);
    else
        (void)snprintf(want, sizeof(want), "%s%s%s", type.algorithm,
                       type.group != NULL ? ":" : "",
                       type.group != NULL ? type.group : "");
    if (OPENSSL_strcasecmp(want, have) == 0)
        return KS_OK;
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL; /* so that it is not deleted */
    ks_hint(err, "\"caadm key delete %s\", if nothing needs it", key->uri);
    return ks_fail(err, KS_E_EXISTS,
                   "%s: an interrupted command left a key here, of type %s",
                   key->uri, have);
}

static ks_rc is_taken(const struct ca_env *env, const char *uri,
                      struct ks_err *err)
{
    const char *token = ks_section_get(ca_key_section(env, uri), "token");

    ks_hint(err, "choose another name, or delete that key first");
    return ks_fail(err, KS_E_EXISTS, "%s: the name is taken by a key%s%s%s",
                   uri, token != NULL ? " on token \"" : "",
                   token != NULL ? token : "", token != NULL ? "\"" : "");
}

/* Before an intent is written, so that it never covers a key of others. One
 * that a token hides is found when it is made, after the login for that. */
ks_rc ca_key_must_be_free(const struct ca_env *env, const char *uri,
                          struct ks_err *err)
{
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load_seen(env, uri, &pkey, &why);

    EVP_PKEY_free(pkey);
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc == KS_OK || rc == KS_E_DAMAGED)
        return is_taken(env, uri, err);
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

static ks_rc record_made(const struct ca_env *env, struct ca_new_key *key,
                         struct ks_err *err)
{
    uint8_t hash[KS_HASH_LEN];
    ks_rc rc = KS_OK;

    if (env->inv == NULL)
        return KS_OK;
    rc = ca_key_hash(key->pkey, hash, err);
    if (rc == KS_OK)
        rc = ks_intent_made(env->inv, key->intent, hash, err);
    return rc;
}

/* Where nothing is, a key is made; where a dead process left what it had
 * planned, that is taken; anything else is in the way. */
static ks_rc make_or_adopt(const struct ca_env *env,
                           const struct ca_key_spec *spec,
                           struct ca_new_key *key, struct ks_err *err)
{
    struct ks_err taken = {0};
    ks_rc rc = ca_key_must_be_free(env, key->uri, &taken);

    if (rc == KS_OK) {
        if (env->inv != NULL)
            rc = ks_intent_add(env->inv, key->uri, &key->intent, err);
        return rc == KS_OK ? ca_key_generate(env, spec, &key->pkey, err) : rc;
    }
    if (rc == KS_E_EXISTS && env->inv != NULL &&
        ks_intent_take(env->inv, key->uri, &key->intent, err) == KS_OK)
        return adopt(env, spec, key, err);
    if (taken.hint[0] != '\0')
        ks_hint(err, "%s", taken.hint);
    return ks_fail(err, rc, "%s", taken.text);
}

ks_rc ca_new_key_make(const struct ca_env *env, const struct ca_key_spec *spec,
                      struct ca_new_key *key, struct ks_err *err)
{
    ks_rc rc = ca_key_type_check(spec->type, err);

    if (rc == KS_OK)
        rc = ca_key_uri_kept(spec->uri, &key->uri, err);
    key->pins = spec->pins;
    if (rc == KS_OK)
        rc = make_or_adopt(env, spec, key, err);
    if (rc == KS_OK)
        rc = record_made(env, key, err);
    /* A token makes a key in one go, and then sees that it was interrupted. */
    if (rc == KS_OK && env->interrupted != NULL && env->interrupted())
        rc = ks_fail(err, KS_E_INTERRUPTED, "%s: interrupted, no key was made",
                     key->uri);
    if (rc != KS_OK)
        ca_new_key_undo(env, key);
    return rc;
}

ks_rc ca_new_key_keep(const struct ca_env *env, struct ca_new_key *key,
                      struct ks_err *err)
{
    uint8_t hash[KS_HASH_LEN];
    ks_rc rc = ca_key_hash(key->pkey, hash, err);

    if (rc == KS_OK)
        rc = ca_audit(env, "key.create", key->uri, hash, err);
    if (rc == KS_OK && key->intent != 0)
        rc = ks_intent_remove(env->inv, key->intent, err);
    return rc;
}

/* If removing fails, the intent stays, and the next start tries again. */
void ca_new_key_undo(const struct ca_env *env, struct ca_new_key *key)
{
    struct ks_err ignored = {0};
    struct ca_env own = *env;
    ks_rc rc = KS_OK;

    own.pins = key->pins;
    if (env->passin != NULL) { /* another key's: it must not be tried here */
        own.passin = NULL;
        own.ui = NULL;
    }
    if (key->pkey != NULL)
        rc = ca_key_remove(&own, key->uri, &ignored);
    if ((rc == KS_OK || rc == KS_E_NOT_FOUND) && key->intent != 0)
        rc = ks_intent_remove(env->inv, key->intent, &ignored);
    (void)rc; /* the failure that led here is what matters */
    key->intent = 0;
    EVP_PKEY_free(key->pkey);
    key->pkey = NULL;
}

void ca_new_key_clear(struct ca_new_key *key)
{
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key->uri);
    memset(key, 0, sizeof(*key));
}

ks_rc ca_key_create(const struct ca_env *env, const struct ca_key_spec *spec,
                    EVP_PKEY **out, struct ks_err *err)
{
    struct ca_new_key key = {0};
    ks_rc rc = ca_new_key_make(env, spec, &key, err);

    if (rc == KS_OK && env->inv != NULL) {
        rc = ks_inventory_begin(env->inv, err);
        if (rc == KS_OK)
            rc = ca_new_key_keep(env, &key, err);
        if (rc == KS_OK)
            rc = ks_inventory_commit(env->inv, err);
        else
            ks_inventory_rollback(env->inv);
        if (rc != KS_OK)
            ca_new_key_undo(env, &key);
    }
    if (rc == KS_OK && out != NULL) {
        *out = key.pkey;
        key.pkey = NULL; /* given to the caller */
    }
    ca_new_key_clear(&key);
    return rc;
}
