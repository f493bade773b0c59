/* Loading for measuring programs: the private key that a URI names. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>

/* UI's own type is not const. */
static int give(char *buf, int size, int rwflag, void *secret)
{
    int len = secret != NULL ? (int)strlen(secret) : 0;

    (void)rwflag;
    if (len == 0 || len > size)
        return -1;
    memcpy(buf, secret, (size_t)len);
    return len;
}

EVP_PKEY *bench_load(const char *uri, const char *secret)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give, 0);
    OSSL_STORE_CTX *store =
        OSSL_STORE_open(uri, ui, (void *)(uintptr_t)secret, NULL, NULL);
    EVP_PKEY *pkey = NULL;

    if (store != NULL)
        (void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (store != NULL && pkey == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL &&
            OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            pkey = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    if (pkey == NULL) {
        ERR_print_errors_fp(stderr);
        fprintf(stderr, "%s: no private key\n", uri);
        exit(1);
    }
    return pkey;
}
