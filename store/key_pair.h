/*
 * A private key and the public half that is kept beside it.
 */
#ifndef KS_KEY_PAIR_H
#define KS_KEY_PAIR_H

#include "ks_buf.h"
#include "seal/seal.h"

/* KS_OK if SPKI is a SubjectPublicKeyInfo and nothing else. KS_E_DAMAGED. */
KS_MUST_CHECK ks_rc ks_spki_check(const struct ks_buf *spki,
                                  struct ks_err *err);

/* KS_OK if both are halves of one key. KS_E_DAMAGED if not, or if the private
 * key contradicts itself; KS_E_UNSUPPORTED for a kind of key that OpenSSL
 * does not know here. */
KS_MUST_CHECK ks_rc ks_key_pair_check(const struct ks_crypto *crypto,
                                      const struct ks_secret *pkcs8,
                                      const struct ks_buf *spki,
                                      struct ks_err *err);

#endif
