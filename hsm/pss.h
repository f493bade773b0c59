/*
 * EMSA-PSS in software, for tokens that only have raw RSA or that restrict
 * PSS (SoftHSM: one digest for the message and MGF1, none of SHA-3).
 */
#ifndef HSM_PSS_H
#define HSM_PSS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "ks_err.h"

struct hsm_pss {
    const char *digest; /* libcrypto's names */
    const char *mgf1_digest;
    size_t salt_len;
    OSSL_LIB_CTX *libctx; /* for digests and random bytes */
    const char *propq;
};

/*
 * The block that a raw RSA signature with a modulus of BITS is made of, from
 * HASH (RFC 8017, 9.1.1), with leading zeros to the modulus' length; OUT has
 * room for that. KS_E_INVALID (salt too long, HASH of another length),
 * KS_E_UNSUPPORTED (no such digest), KS_E_CRYPTO.
 */
KS_MUST_CHECK ks_rc hsm_pss_encode(const struct hsm_pss *pss, size_t bits,
                                   const uint8_t *hash, size_t hash_len,
                                   uint8_t *out, struct ks_err *err);

#endif
