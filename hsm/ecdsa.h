/*
 * ECDSA signatures as tokens give them (r || s, PKCS#11 3.0, 2.3.1) and as
 * everybody else wants them (SEQUENCE { r, s }, RFC 3279, 2.2.3).
 */
#ifndef HSM_ECDSA_H
#define HSM_ECDSA_H

#include <stddef.h>
#include <stdint.h>

#include "ks_err.h"

/* Bytes of one half that fit: an order of up to 992 bits. */
#define HSM_ECDSA_HALF_MAX 124

/* DER of the two halves in RAW; SIG has room for *sig_len bytes, which
 * becomes what was written. KS_E_CRYPTO if RAW is no pair of halves of at
 * most HALF_MAX bytes, KS_E_INVALID if it does not fit. */
KS_MUST_CHECK ks_rc hsm_ecdsa_der(const uint8_t *raw, size_t raw_len,
                                  uint8_t *sig, size_t *sig_len,
                                  struct ks_err *err);

#endif
