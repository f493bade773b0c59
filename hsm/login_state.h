/*
 * Logins from inside: one try of a PIN, and what a token in use remembers of
 * it; for session.c, login.c and relogin.c.
 */
#ifndef HSM_LOGIN_STATE_H
#define HSM_LOGIN_STATE_H

#include "session.h"
#include "token_state.h"

/* What differs between the two who can log in. */
struct hsm_role {
    enum hsm_user user;
    CK_USER_TYPE type;
    enum hsm_mode mode;
    const char *name;    /* in texts */
    const char *setting; /* of caadm.conf */
    CK_FLAGS low, final, locked, change;
};
extern const struct hsm_role hsm_roles[]; /* by enum hsm_user */

/*
 * C_Login, once for a PIN: CKR_PIN_INCORRECT without a call where it was
 * refused before, CKR_PIN_LOCKED where one more failure might lock the token.
 * A PIN without data is for the token's own pad alone, else the result is
 * CKR_USER_NOT_LOGGED_IN. Tried again only where the module failed without
 * having looked at the PIN.
 */
CK_RV hsm_login_try(const struct hsm_session *session,
                    const struct hsm_role *role, const struct ks_secret *pin);
/* The same with CKU_CONTEXT_SPECIFIC; never tried again. */
CK_RV hsm_login_try_context(const struct hsm_session *session,
                            const struct ks_secret *pin);

/* Who is logged in now, as the token shall remember it. */
void hsm_login_set(const struct hsm_session *session, enum hsm_user user,
                   bool ours);
/* A copy of PIN, which may be empty. CKR_HOST_MEMORY. */
CK_RV hsm_login_keep(struct hsm_token *token, const struct ks_secret *pin);

/* Whether USER is logged in as the session sees it: by another library of the
 * program, or by the parent of a child whose module did not notice the fork. */
bool hsm_login_is_in(const struct hsm_session *session, enum hsm_user user);

/* Logs in whoever was logged in in an earlier epoch, with the PIN that was
 * accepted then. */
CK_RV hsm_login_restore(const struct hsm_session *session);

#endif
