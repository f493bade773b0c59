/*
 * What keystore.so offers beyond OpenSSL's own interface: functions in its
 * STORE dispatch table, by numbers that libcrypto does not know and passes
 * over. A program reaches them as provider/README.md shows for deletion:
 * OSSL_PROVIDER_query_operation(provider, OSSL_OP_STORE, ..), the row
 * "keystore", the entry with the number. All return 1, or 0 with an error
 * raised.
 */
#ifndef KS_PROVIDER_H
#define KS_PROVIDER_H

#include <openssl/core.h>

#define KS_FUNC_STORE_DESCRIBE 7001
#define KS_FUNC_STORE_CHECK 7002
#define KS_FUNC_STORE_INITIALISE 7003
#define KS_FUNC_STORE_CERTIFY 7004

/* CB gets one fact a call: these two parameters, UTF-8. 0 from it ends the
 * telling. */
#define KS_PARAM_FACT_NAME "keystore-fact-name"
#define KS_PARAM_FACT_VALUE "keystore-fact-value"

/* Facts about the private half of the key URI: for a token's key
 * "sensitive", "extractable", "never-extractable", "always-sensitive",
 * "local", "always-authenticate", "usage", "id", "label". None for keys whose
 * backend has nothing to tell. */
typedef int ks_store_describe_fn(void *provctx, const char *uri,
                                 OSSL_CALLBACK *cb, void *arg,
                                 OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg);

/* Facts about the backend BACKEND (of caadm.conf), with no secret: of a token
 * "module", "library", "slot", "token", "serial", "user-pin", "so-pin",
 * "mechanisms". 0 if something is wrong; what could be told was told. */
typedef int ks_store_check_fn(void *provctx, const char *backend,
                              OSSL_CALLBACK *cb, void *arg);

/* Makes BACKEND's place: initialises a token. SO_PIN and USER_PIN are secret
 * sources; NULL: so_pin of caadm.conf, user_pin of caadm.conf, a prompt. */
typedef int ks_store_initialise_fn(void *provctx, const char *backend,
                                   const char *so_pin, const char *user_pin);

/* Keeps certificates beside the key URI, in the place of those there: its own
 * first, then its issuers, DER, one after the other; N 0: none. */
typedef int ks_store_certify_fn(void *provctx, const char *uri,
                                const unsigned char *certs, size_t n);

#endif
