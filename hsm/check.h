/*
 * Whether a configured token is there and ready, without any PIN.
 */
#ifndef HSM_CHECK_H
#define HSM_CHECK_H

#include "ks_backend.h"

/* ks_backend.check. */
ks_rc hsm_check(const struct ks_backend_env *env, ks_fact_fn *each, void *arg,
                struct ks_err *err);

#endif
