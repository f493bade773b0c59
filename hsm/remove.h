/*
 * Removing a key with all its parts.
 */
#ifndef HSM_REMOVE_H
#define HSM_REMOVE_H

#include "target.h"

/* The user is logged in. KS_E_NOT_FOUND, KS_E_INVALID (several). */
KS_MUST_CHECK ks_rc hsm_remove(const struct hsm_target *target,
                               struct ks_err *err);

#endif
