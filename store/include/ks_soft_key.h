/*
 * Operations on a private key held in memory, for backends whose keys are
 * not to leave (extractable = no): the same ks_key_ops as an HSM key has.
 */
#ifndef KS_SOFT_KEY_H
#define KS_SOFT_KEY_H

#include "ks_backend.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct ks_key_ops ks_soft_key_ops;

/* Makes a key for ks_soft_key_ops from PKCS#8 DER. All cryptography is done
 * in LIBCTX (borrowed, must outlive the key) with PROPQ (copied).
 * KS_E_DAMAGED, KS_E_UNSUPPORTED, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_soft_key_new(const struct ks_secret *pkcs8,
                                    OSSL_LIB_CTX *libctx, const char *propq,
                                    void **key, struct ks_err *err);

#ifdef __cplusplus
}
#endif

#endif
