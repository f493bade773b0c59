/*
 * Deletion of a key by its URI, and OpenSSL 3.2's STORE functions by number:
 * on 3.0 caadm reaches deletion through the dispatch table (README.md,
 * "Deletion"); newer headers have the types.
 */
#ifndef PROV_STOREDELETE_H
#define PROV_STOREDELETE_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#ifndef OSSL_FUNC_STORE_DELETE
#    define OSSL_FUNC_STORE_DELETE 9
#    define OSSL_FUNC_STORE_OPEN_EX 10
typedef int OSSL_FUNC_store_delete_fn(void *provctx, const char *uri,
                                      const OSSL_PARAM params[],
                                      OSSL_PASSPHRASE_CALLBACK *pw_cb,
                                      void *pw_arg);
typedef void *OSSL_FUNC_store_open_ex_fn(void *provctx, const char *uri,
                                         const OSSL_PARAM params[],
                                         OSSL_PASSPHRASE_CALLBACK *pw_cb,
                                         void *pw_arg);
#endif

OSSL_FUNC_store_delete_fn prov_store_delete;

#endif
