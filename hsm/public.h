/*
 * The public half of a key on a token, as SubjectPublicKeyInfo (RFC 5280,
 * 4.1). From the public object; without one from the certificate of the same
 * CKA_ID; without that from what the private object tells
 * (CKA_PUBLIC_KEY_INFO, CKA_MODULUS, CKA_EC_POINT).
 */
#ifndef HSM_PUBLIC_H
#define HSM_PUBLIC_H

#include "ks_buf.h"
#include "object.h"

/*
 * The SPKI that a public, private or certificate object holds. EC points and
 * parameters are taken raw or wrapped in an OCTET STRING, as named curve OID
 * or as PrintableString ("edwards25519"): tokens differ. An RSA key whose
 * CKA_ALLOWED_MECHANISMS are all PSS is id-RSASSA-PSS (RFC 4055).
 * CKR_ATTRIBUTE_TYPE_INVALID if OBJECT does not tell,
 * CKR_CURVE_NOT_SUPPORTED and CKR_KEY_TYPE_INCONSISTENT for kinds that are
 * none of ours. Caller clears.
 */
CK_RV hsm_public_of(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                    struct ks_buf *spki);

/* True if TYPES, the allowed mechanisms of an RSA key, are PSS and nothing
 * else. */
bool hsm_is_pss_only(const CK_MECHANISM_TYPE *types, size_t n);

#endif
