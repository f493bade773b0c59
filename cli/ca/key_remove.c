/*
 * Deleting keys. OSSL_STORE_delete came with OpenSSL 3.2; before that, the
 * same function is reached through the provider's own dispatch table.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/core.h>
#include <openssl/err.h>
#include <openssl/opensslv.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include "ks_uri.h"

#if OPENSSL_VERSION_NUMBER >= 0x30200000L

static int delete_by_store(const struct ca_env *env, const char *uri)
{
    return OSSL_STORE_delete(uri, env->libctx, env->propq, env->ui,
                             env->ui_data, NULL);
}

#else

#    define OPERATION_STORE 22      /* OSSL_OP_STORE, core_dispatch.h */
#    define FUNCTION_STORE_DELETE 9 /* OSSL_FUNC_STORE_DELETE of 3.2 */

typedef int delete_fn(void *provctx, const char *uri, const OSSL_PARAM params[],
                      int (*pass)(char *, size_t, size_t *, const OSSL_PARAM *,
                                  void *),
                      void *pass_arg);

static int find_keystore(OSSL_PROVIDER *provider, void *arg)
{
    OSSL_PROVIDER **out = arg;

    if (strcmp(OSSL_PROVIDER_get0_name(provider), "keystore") == 0)
        *out = provider;
    return 1;
}

static delete_fn *find_delete(const OSSL_PROVIDER *provider)
{
    int no_cache = 0;
    const OSSL_ALGORITHM *algorithm =
        OSSL_PROVIDER_query_operation(provider, OPERATION_STORE, &no_cache);

    for (; algorithm != NULL && algorithm->algorithm_names != NULL;
         algorithm++) {
        const OSSL_DISPATCH *entry = algorithm->implementation;

        if (strcmp(algorithm->algorithm_names, KS_URI_SCHEME) != 0)
            continue;
        for (; entry->function_id != 0; entry++) {
            if (entry->function_id == FUNCTION_STORE_DELETE)
                return (delete_fn *)entry->function;
        }
    }
    return NULL;
}

static int delete_by_store(const struct ca_env *env, const char *uri)
{
    OSSL_PROVIDER *provider = NULL;
    delete_fn *fn = NULL;

    (void)OSSL_PROVIDER_do_all(env->libctx, find_keystore, &provider);
    if (provider != NULL)
        fn = find_delete(provider);
    return fn != NULL && fn(OSSL_PROVIDER_get0_provider_ctx(provider), uri,
                            NULL, NULL, NULL) == 1;
}

#endif

ks_rc ca_key_remove(const struct ca_env *env, const char *uri,
                    struct ks_err *err)
{
    char shown[200];

    ks_uri_redact(uri, shown, sizeof(shown));
    if (!ks_uri_is_keystore(uri))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: only keys at keystore: URIs can be deleted", shown);
    ERR_clear_error();
    if (delete_by_store(env, uri) == 1)
        return KS_OK;
    return ca_crypto_fail(KS_E_CONFIG, shown, err);
}

static ks_rc refuse_if_used(const struct ca_env *env, const char *uri,
                            struct ks_err *err)
{
    char *name = NULL;
    ks_rc rc = ks_ca_of_key_uri(env->inv, uri, &name, err);

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

ks_rc ca_key_delete(const struct ca_env *env, const char *uri, bool force,
                    struct ks_err *err)
{
    char *canonical = NULL;
    ks_rc rc = ca_key_uri(uri, &canonical, err);

    if (rc == KS_OK && env->inv != NULL && !force)
        rc = refuse_if_used(env, canonical, err);
    if (rc == KS_OK)
        rc = ca_key_remove(env, canonical, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "key.delete", canonical, NULL, err);
    OPENSSL_free(canonical);
    return rc;
}
