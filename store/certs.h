/*
 * Certificates kept beside a key: DER, one after the other.
 */
#ifndef KS_CERTS_H
#define KS_CERTS_H

#include "ks_backend.h"
#include "seal/seal.h"

/* The length of the first element in LEN bytes of DER; 0 if it is not whole,
 * or not a SEQUENCE. */
size_t ks_certs_first(const uint8_t *der, size_t len);

/* KS_OK if CERT (may be empty) is one certificate, of the key SPKI, and CHAIN
 * certificates and nothing else. A chain needs a certificate. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ks_certs_check(const struct ks_crypto *crypto,
                                   const struct ks_buf *spki,
                                   const struct ks_buf *cert,
                                   const struct ks_buf *chain,
                                   struct ks_err *err);

/* Takes LEN bytes at CERTS, an own certificate and its issuers, apart. Caller
 * clears both. KS_E_INVALID, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_certs_split(const uint8_t *certs, size_t len,
                                   struct ks_buf *cert, struct ks_buf *chain,
                                   struct ks_err *err);

/* The certificate of INFO, if there is one, and its chain. Caller clears
 * *certs. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_certs_join(const struct ks_key_info *info,
                                  struct ks_buf *certs);

#endif
