/*
 * Putting a new key pair on a token: its name is free before, nobody else's
 * has it after, and nothing stays behind where that fails.
 */
#ifndef HSM_CREATE_H
#define HSM_CREATE_H

#include "target.h"
#include "template.h"

/* The two halves of a new key. */
struct hsm_pair {
    CK_OBJECT_HANDLE private, public; /* CK_INVALID_HANDLE: none */
};

/* Makes them by PLAN. On failure nothing is left. */
typedef CK_RV hsm_maker(const struct hsm_session *session,
                        const struct hsm_plan *plan, void *arg,
                        struct hsm_pair *pair);

/*
 * Makes TARGET's key with MAKER; the user is logged in. PLAN's name is set
 * here: an id that TARGET does not give is 16 random bytes. *spki is what the
 * token then says its public half is. KS_E_EXISTS: label or id is taken;
 * KS_E_BUSY: others make keys of this name and remove them without an end.
 */
KS_MUST_CHECK ks_rc hsm_create(const struct hsm_target *target,
                               struct hsm_plan *plan, hsm_maker *maker,
                               void *arg, struct ks_buf *spki,
                               struct ks_err *err);

/* RV says that the token does not take the attributes it was given. */
bool hsm_is_about_template(CK_RV rv);

void hsm_pair_destroy(const struct hsm_session *session, struct hsm_pair *pair);

#endif
