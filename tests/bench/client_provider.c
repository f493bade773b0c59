/*
 * A program that knows nothing of tokens: it opens the URI it was given. That
 * a provider answers is openssl.cnf's doing.
 */
#include "client_evp.h"

#include <openssl/store.h>

EVP_PKEY *client_evp_load(const struct client_job *job)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(job->key, NULL, NULL, NULL, NULL);
    EVP_PKEY *pkey = NULL;

    if (store == NULL || OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) != 1)
        client_evp_die(job->key);
    while (pkey == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            pkey = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (pkey == NULL)
        client_evp_die(job->key);
    return pkey;
}

void client_evp_unload(void)
{
}
