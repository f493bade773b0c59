/*
 * Curves as tokens name them, and points as they write them.
 */
#ifndef HSM_CURVE_H
#define HSM_CURVE_H

#include <stdbool.h>

#include "spki.h"

/* libcrypto's number of the curve that PARAMS name; where they say nothing of
 * use, of the one that a key of TYPE with a point of POINT_LEN bytes has.
 * CKR_CURVE_NOT_SUPPORTED. */
CK_RV hsm_curve_of(CK_KEY_TYPE type, struct hsm_bytes params, size_t point_len,
                   int *nid);

/* libcrypto's number of what NAME means: NIST's, SEC 2's, brainpool's, an OID
 * in digits. It need not be a curve's. NID_undef. */
int hsm_curve_by_name(const char *name);

/* Ed25519, Ed448, X25519, X448: their keys' algorithm is the curve (RFC
 * 8410). */
bool hsm_curve_is_named_by_key(int nid);

/* The point as SPKI holds it. Caller frees *out with OPENSSL_free.
 * CKR_ATTRIBUTE_VALUE_INVALID: not a point of the curve. */
CK_RV hsm_curve_point(int nid, struct hsm_bytes point, uint8_t **out,
                      size_t *len);

/* How a new key's curve is written in CKA_EC_PARAMS. Caller clears *params.
 * AS_NAME: as a PrintableString, which some tokens want for Edwards and
 * Montgomery curves; CKR_CURVE_NOT_SUPPORTED where there is no such name. */
CK_RV hsm_curve_params(int nid, bool as_name, struct ks_buf *params);

#endif
