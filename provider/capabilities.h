/*
 * TLS groups of the key types that we share with default.
 */
#ifndef PROV_CAPABILITIES_H
#define PROV_CAPABILITIES_H

#include <openssl/core.h>

/* OSSL_FUNC_provider_get_capabilities. */
int prov_get_capabilities(void *provctx, const char *capability,
                          OSSL_CALLBACK *cb, void *arg);

#endif
