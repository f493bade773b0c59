/*
 * Deleting keys. OSSL_STORE_delete came with OpenSSL 3.2; before that, the
 * same function is reached through the provider's own dispatch table.
 */
#include "audit.h"
#include "key.h"
#include "store_fn.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/store.h>

#include "ks_uri.h"

#if OPENSSL_VERSION_NUMBER >= 0x30200000L

static int delete_by_store(const struct ca_env *env, const char *uri)
{
    return OSSL_STORE_delete(uri, env->libctx, env->propq, env->ui,
                             env->ui_data, NULL);
}

#else

#    define FUNCTION_STORE_DELETE 9 /* OSSL_FUNC_STORE_DELETE of 3.2 */

typedef int delete_fn(void *provctx, const char *uri, const OSSL_PARAM params[],
                      OSSL_PASSPHRASE_CALLBACK *cb, void *arg);

static int delete_by_store(const struct ca_env *env, const char *uri)
{
    void *provctx = NULL;
    delete_fn *fn =
        (delete_fn *)ca_store_function(env, FUNCTION_STORE_DELETE, &provctx);

    return fn != NULL &&
           fn(provctx, uri, NULL, env->ui != NULL ? ca_pass_by_ui : NULL,
              (void *)(uintptr_t)env) == 1;
}

#endif

ks_rc ca_key_remove(const struct ca_env *env, const char *uri,
                    struct ks_err *err)
{
    char shown[200];
    char *full = NULL;
    ks_rc rc;

    ks_uri_redact(uri, shown, sizeof(shown));
    if (!ca_key_uri_is_ours(uri))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: only keys at keystore: and pkcs11: URIs can be "
                       "deleted",
                       shown);
    rc = ca_key_uri_with(uri, &env->pins, &full, err);
    if (rc != KS_OK)
        return rc;
    ERR_clear_error();
    if (delete_by_store(env, full) != 1)
        rc = ca_key_refused(env, uri, ca_crypto_fail(KS_E_CONFIG, shown, err));
    if (rc == KS_E_NOT_FOUND)
        ca_key_name_token(env, uri, err);
    if (rc == KS_E_SECRET_MISSING && env->pins.user == NULL)
        ca_key_hint_missing(env, uri, NULL, err);
    OPENSSL_clear_free(full, strlen(full));
    return rc;
}

/* By its URI, and by its public half: a token's key has several URIs. */
static ks_rc ca_that_uses(const struct ca_env *env, const char *uri,
                          char **name, struct ks_err *err)
{
    struct ks_err ignored = {0};
    uint8_t hash[KS_HASH_LEN];
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ks_ca_of_key_uri(env->inv, uri, name, err);

    if (rc != KS_E_NOT_FOUND ||
        ca_key_load_public(env, uri, &pkey, &ignored) != KS_OK)
        return rc;
    rc = ca_key_hash(pkey, hash, err);
    if (rc == KS_OK)
        rc = ks_ca_of_key(env->inv, hash, name, err);
    EVP_PKEY_free(pkey);
    return rc;
}

static ks_rc refuse_if_used(const struct ca_env *env, const char *uri,
                            struct ks_err *err)
{
    char *name = NULL;
    ks_rc rc = ca_that_uses(env, uri, &name, err);

    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc != KS_OK)
        return rc;
    ks_hint(err, "without it the CA can sign nothing more, no CRL either; "
                 "--force deletes it all the same");
    rc = ks_fail(err, KS_E_POLICY, "%s: the key of the CA %s", uri, name);
    OPENSSL_free(name);
    return rc;
}

/* URI may name a source of its PIN; what is recorded does not. */
ks_rc ca_key_delete(const struct ca_env *env, const char *uri, bool force,
                    struct ks_err *err)
{
    char *canonical = NULL;
    ks_rc rc = ca_key_uri(uri, &canonical, err);

    if (rc == KS_OK && env->inv != NULL && !force)
        rc = refuse_if_used(env, canonical, err);
    if (rc == KS_OK && !force)
        rc = ca_key_refuse_kek(env, canonical, CA_KEK_DELETE, err);
    if (rc == KS_OK)
        rc = ca_key_remove(env, uri, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "key.delete", canonical, NULL, err);
    OPENSSL_free(canonical);
    return rc;
}
