/*
 * From the mechanisms of ks_backend.h to those of Cryptoki: tables of
 * mechanisms and of digests, and their parameters.
 */
#ifndef HSM_MECH_H
#define HSM_MECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "ks_backend.h"

/* Kinds of keys by what they can do, as bits. */
enum hsm_kind {
    HSM_RSA = 1,
    HSM_RSA_PSS = 2, /* RFC 4055, 1.2: nothing but PSS */
    HSM_EC = 4,
    HSM_ED25519 = 8,
    HSM_ED448 = 16,
    HSM_X25519 = 32,
    HSM_X448 = 64
};

/* "RSA", "EC", ...; for texts. */
const char *hsm_kind_name(enum hsm_kind kind);

/* A digest that signatures and OAEP know. */
struct hsm_digest {
    const char *names[4]; /* libcrypto's own first; NULL after the last */
    int nid; /* of DigestInfo (RFC 8017, 9.2); 0: none goes there */
    size_t len;
    CK_MECHANISM_TYPE mechanism; /* of PSS and OAEP; 0: Cryptoki has none */
    CK_RSA_PKCS_MGF_TYPE mgf;
};

/* NULL if NAME is none of them. */
const struct hsm_digest *hsm_digest_find(const char *name);

#define HSM_DIGEST_INFO_MAX 32

/* What stands before DIGEST's output in a DigestInfo. Returns its length, at
 * most HSM_DIGEST_INFO_MAX. */
size_t hsm_digest_info(const struct hsm_digest *digest,
                       uint8_t out[static HSM_DIGEST_INFO_MAX]);

/* CK_EDDSA_PARAMS (PKCS#11 3.0, 2.3.14); younger than p11-kit's header. */
struct hsm_eddsa_params {
    CK_BBOOL prehash;
    CK_ULONG context_len;
    CK_BYTE *context;
};

/* A mechanism with room for what its parameter points to. */
struct hsm_mech {
    CK_MECHANISM ck;
    union {
        CK_RSA_PKCS_PSS_PARAMS pss;
        CK_RSA_PKCS_OAEP_PARAMS oaep;
        CK_ECDH1_DERIVE_PARAMS ecdh;
        struct hsm_eddsa_params eddsa;
    } room;
};

/* True if keys of KIND have such a mechanism. */
bool hsm_mech_fits(enum ks_mech mech, enum hsm_kind kind);

/* Without a parameter. */
void hsm_mech_plain(struct hsm_mech *mech, CK_MECHANISM_TYPE type);
/* CKM_RSA_PKCS_PSS; false if Cryptoki cannot say these digests. */
bool hsm_mech_pss(struct hsm_mech *mech, const struct hsm_digest *digest,
                  const struct hsm_digest *mgf1, size_t salt_len);
/* CKM_RSA_PKCS_OAEP; as before. Borrows LABEL. */
bool hsm_mech_oaep(struct hsm_mech *mech, const struct hsm_digest *digest,
                   const struct hsm_digest *mgf1, const uint8_t *label,
                   size_t label_len);
/* CKM_EDDSA without a context; Ed448 has to say so. */
void hsm_mech_eddsa(struct hsm_mech *mech, enum hsm_kind kind);
/* CKM_ECDH1_DERIVE or its cofactor variant, no KDF. Borrows POINT. */
void hsm_mech_ecdh(struct hsm_mech *mech, CK_MECHANISM_TYPE type,
                   const uint8_t *point, size_t point_len);

/* "CKM_ECDSA"; for one that is not ours "0x80000001". The text lasts until
 * the thread's next call. */
const char *hsm_mech_name(CK_MECHANISM_TYPE type);

#endif
