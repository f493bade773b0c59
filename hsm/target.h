/*
 * One call on one key: its token, its name there, and its URI for texts.
 */
#ifndef HSM_TARGET_H
#define HSM_TARGET_H

#include "find.h"
#include "session.h"
#include "store.h"

struct hsm_target {
    struct hsm_store *store;
    const char *name; /* as the caller gave it */
    char *whose;      /* as a URI */
    struct hsm_hit hit;
    struct hsm_name key;
};

/* Caller clears *target, on failure too. */
KS_MUST_CHECK ks_rc hsm_target_open(struct hsm_store *store, const char *name,
                                    struct hsm_target *target,
                                    struct ks_err *err);
void hsm_target_clear(struct hsm_target *target);

/* hsm_login with the settings of the target's place. */
KS_MUST_CHECK ks_rc hsm_target_login(const struct hsm_target *target,
                                     const struct ks_ask *ask,
                                     struct ks_err *err);

/* hsm_login_prepare, likewise. */
KS_MUST_CHECK ks_rc hsm_target_prepare(const struct hsm_target *target,
                                       const struct ks_ask *ask,
                                       struct ks_err *err);

/* hsm_find_key_on and hsm_found_check. */
KS_MUST_CHECK ks_rc hsm_target_find(const struct hsm_target *target,
                                    unsigned want, struct hsm_found *found,
                                    struct ks_err *err);

/* hsm_ckr_fail with URI, token and WHAT ("find the key"); where a security
 * officer is logged in it says what that one cannot do. */
ks_rc hsm_target_fail(const struct hsm_target *target, CK_RV rv,
                      const char *what, struct ks_err *err);

#endif
