/*
 * Private to the CA library: functions of the provider's own STORE table, as
 * provider/README.md describes them.
 */
#ifndef CA_STORE_FN_H
#define CA_STORE_FN_H

#include "ca.h"
#include "ks_provider.h"

/* The function NUMBER of the provider's table, and the context it is called
 * with. NULL if it is not loaded, or has none. */
typedef void (*ca_store_fn)(void);
ca_store_fn ca_store_function(const struct ca_env *env, int number,
                              void **provctx);

/* An OSSL_PASSPHRASE_CALLBACK that asks by env->ui; ARG is the ca_env. */
int ca_pass_by_ui(char *pass, size_t size, size_t *len,
                  const OSSL_PARAM params[], void *arg);

#endif
