/*
 * Keys from outside, put on the token.
 */
#ifndef HSM_IMPORT_H
#define HSM_IMPORT_H

#include "target.h"

/* As ks_backend.save. Both halves are looked at before ASK is asked. */
KS_MUST_CHECK ks_rc hsm_import(const struct hsm_target *target,
                               const struct ks_buf *spki,
                               const struct ks_secret *pkcs8, unsigned usage,
                               const struct ks_ask *ask, struct ks_err *err);

#endif
