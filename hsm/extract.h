/*
 * A private key out of a token, where that lets it go.
 */
#ifndef HSM_EXTRACT_H
#define HSM_EXTRACT_H

#include "target.h"

/* As ks_backend.extract; the user is logged in. KS_E_DENIED: the key is
 * sensitive, or not extractable. */
KS_MUST_CHECK ks_rc hsm_extract(const struct hsm_target *target,
                                struct ks_secret *pkcs8, struct ks_err *err);

#endif
