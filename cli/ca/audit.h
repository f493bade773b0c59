/*
 * Rows of the audit log, by the CA library.
 */
#ifndef CA_AUDIT_H
#define CA_AUDIT_H

#include "ca.h"

/* Adds a row in the caller's transaction, or one of its own. DIGEST may be
 * NULL. Does nothing without an inventory. */
KS_MUST_CHECK ks_rc ca_audit(const struct ca_env *env, const char *act,
                             const char *object,
                             const uint8_t digest[KS_HASH_LEN],
                             struct ks_err *err);

/* The time all acts go by. */
time_t ca_now(const struct ca_env *env);

/* KS_E_POLICY if the clock stands well before the newest audit row. */
KS_MUST_CHECK ks_rc ca_clock_check(const struct ca_env *env,
                                   struct ks_err *err);

#endif
