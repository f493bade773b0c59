/*
 * Making a token.
 */
#ifndef HSM_INITIALISE_H
#define HSM_INITIALISE_H

#include "ks_backend.h"

/* ks_backend.initialise: ASK is asked for both PINs. */
ks_rc hsm_initialise(const struct ks_backend_env *env, const struct ks_ask *ask,
                     struct ks_err *err);

#endif
