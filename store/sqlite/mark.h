/*
 * Marks: what a row is found by besides its label.
 */
#ifndef KS_SQLITE_MARK_H
#define KS_SQLITE_MARK_H

#include "ks_buf.h"
#include "seal/seal.h"

#include <stdint.h>

/* KS_E_CRYPTO. */
KS_MUST_CHECK ks_rc ks_sqlite_digest(const struct ks_crypto *crypto,
                                     const struct ks_buf *data,
                                     uint8_t sha256[static 32],
                                     uint8_t sha1[static 20],
                                     struct ks_err *err);

/* A number that is the same for names that are equal by RFC 5280, 7.1, however
 * they are encoded: that of openssl-x509(1), -subject_hash. False if DER is no
 * Name, or no certificate. */
bool ks_sqlite_subject(const struct ks_crypto *crypto, const uint8_t *der,
                       size_t len, int64_t *hash);
bool ks_sqlite_subject_of_cert(const struct ks_crypto *crypto,
                               const struct ks_buf *der, int64_t *hash);

#endif
