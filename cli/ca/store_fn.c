/*
 * The provider's STORE table: a program that has loaded the provider may look
 * through it, and call what libcrypto itself does not.
 */
#include "store_fn.h"

#include <string.h>

#include <openssl/core.h>
#include <openssl/provider.h>

#include "ks_uri.h"

#define OPERATION_STORE 22 /* OSSL_OP_STORE, core_dispatch.h */
#define PROVIDER "keystore"

static int find_keystore(OSSL_PROVIDER *provider, void *arg)
{
    OSSL_PROVIDER **out = arg;

    if (strcmp(OSSL_PROVIDER_get0_name(provider), PROVIDER) == 0)
        *out = provider;
    return 1;
}

/* The table is static in the module, so it outlasts the query. */
static ca_store_fn look_up(const OSSL_ALGORITHM *algorithm, int number)
{
    for (; algorithm != NULL && algorithm->algorithm_names != NULL;
         algorithm++) {
        const OSSL_DISPATCH *entry = algorithm->implementation;

        if (strcmp(algorithm->algorithm_names, KS_URI_SCHEME) != 0)
            continue;
        for (; entry->function_id != 0; entry++) {
            if (entry->function_id == number)
                return entry->function;
        }
    }
    return NULL;
}

ca_store_fn ca_store_function(const struct ca_env *env, int number,
                              void **provctx)
{
    OSSL_PROVIDER *provider = NULL;
    const OSSL_ALGORITHM *table;
    ca_store_fn fn;
    int no_cache = 0;

    (void)OSSL_PROVIDER_do_all(env->libctx, find_keystore, &provider);
    if (provider == NULL)
        return NULL;
    table = OSSL_PROVIDER_query_operation(provider, OPERATION_STORE, &no_cache);
    fn = look_up(table, number);
    OSSL_PROVIDER_unquery_operation(provider, OPERATION_STORE, table);
    *provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    return fn;
}
