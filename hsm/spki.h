/*
 * SubjectPublicKeyInfo (RFC 5280, 4.1) from the bytes that tokens give, which
 * are not to be believed. No token is asked here.
 */
#ifndef HSM_SPKI_H
#define HSM_SPKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "ks_buf.h"

/* PKCS#11 3.0; younger than p11-kit's header. */
#ifndef CKK_EC_MONTGOMERY
#    define CKK_EC_MONTGOMERY 0x41UL
#endif

/* Bytes of an attribute, borrowed. */
struct hsm_bytes {
    const uint8_t *data;
    size_t len;
};

/* All return CKR_OK or why not; *spki is the caller's to clear. */

/* N and E as big-endian numbers. PSS: id-RSASSA-PSS without parameters (RFC
 * 4055, 3.1). CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV hsm_spki_rsa(struct hsm_bytes n, struct hsm_bytes e, bool pss,
                   struct ks_buf *spki);

/*
 * For CKK_EC, CKK_EC_EDWARDS and CKK_EC_MONTGOMERY. PARAMS: an OID, a name as
 * PrintableString, or explicit parameters of a curve that has a name. POINT:
 * raw, or in an OCTET STRING or BIT STRING; comes out uncompressed.
 * CKR_CURVE_NOT_SUPPORTED, CKR_ATTRIBUTE_VALUE_INVALID.
 */
CK_RV hsm_spki_ec(CK_KEY_TYPE type, struct hsm_bytes params,
                  struct hsm_bytes point, struct ks_buf *spki);

/* Checks that SPKI is one and nothing else, and copies it. */
CK_RV hsm_spki_copy(struct hsm_bytes der, struct ks_buf *spki);

/* What we need of a certificate, borrowed from its DER. Its public key is not
 * decoded: on OpenSSL 3.0 that takes longer than all else here. */
struct hsm_cert_view {
    struct hsm_bytes spki;
    struct hsm_bytes not_before; /* a Time, DER */
};
CK_RV hsm_cert_view(struct hsm_bytes der, struct hsm_cert_view *view);

#endif
