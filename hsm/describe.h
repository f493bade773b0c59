/*
 * What a token says of a private key.
 */
#ifndef HSM_DESCRIBE_H
#define HSM_DESCRIBE_H

#include "target.h"

/* As ks_backend.describe; the user is logged in. */
KS_MUST_CHECK ks_rc hsm_describe(const struct hsm_target *target,
                                 ks_fact_fn *each, void *arg,
                                 struct ks_err *err);

#endif
