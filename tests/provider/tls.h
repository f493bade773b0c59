/*
 * A TLS handshake between two ends in memory.
 */
#ifndef TEST_TLS_H
#define TEST_TLS_H

#include <openssl/ssl.h>

/* A certificate for the public half of PKEY, signed with it. NULL on
 * failure. */
X509 *tls_certificate(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey);

/* True if a server with PKEY and CERT, and a client that has them as well,
 * agree in VERSION with GROUP (NULL: libssl's own choice), and a byte goes
 * each way. */
int tls_handshake(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey, X509 *cert, int version,
                  const char *group);

#endif
