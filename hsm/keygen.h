/*
 * Keys made on the token.
 */
#ifndef HSM_KEYGEN_H
#define HSM_KEYGEN_H

#include "target.h"

/* Refuses what cannot be, before anybody is asked for a PIN: KS_E_INVALID,
 * KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc hsm_keygen_check(const struct hsm_target *target,
                                     const struct ks_keygen *spec,
                                     struct ks_err *err);

/* Makes the key; the user is logged in. As ks_backend.generate. */
KS_MUST_CHECK ks_rc hsm_keygen(const struct hsm_target *target,
                               const struct ks_keygen *spec,
                               struct ks_buf *spki, struct ks_err *err);

#endif
