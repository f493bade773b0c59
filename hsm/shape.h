/*
 * What a SubjectPublicKeyInfo tells of a key's kind and sizes, once when the
 * key is opened.
 */
#ifndef HSM_SHAPE_H
#define HSM_SHAPE_H

#include <openssl/ec.h>

#include "ks_buf.h"
#include "mech.h"

struct hsm_shape {
    enum hsm_kind kind;
    size_t bits; /* RSA: the modulus' */
    /* Bytes of an RSA block; of one half of an ECDSA signature (the group's
     * order); of an EdDSA signature; of a secret of X25519 or X448. */
    size_t size;
    EC_GROUP *group; /* EC */
};

/* KS_E_DAMAGED, KS_E_UNSUPPORTED; WHOSE is for the text. Caller clears. */
KS_MUST_CHECK ks_rc hsm_shape_read(const struct ks_buf *spki, const char *whose,
                                   OSSL_LIB_CTX *libctx, const char *propq,
                                   struct hsm_shape *shape, struct ks_err *err);
void hsm_shape_clear(struct hsm_shape *shape);

#endif
