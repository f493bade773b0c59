/*
 * The pool of a token's sessions: those that lie idle, how many are lent, and
 * whether any may still be opened.
 */
#ifndef HSM_POOL_H
#define HSM_POOL_H

#include "session.h"

/* Lends *session, opening one if none lies idle; at the token's limit waits
 * for one of ours. *login_is_due: somebody shall be logged in and is not.
 * Inside the module's gate, as the next two. */
CK_RV hsm_pool_take(struct hsm_token *token, enum hsm_mode mode,
                    CK_FUNCTION_LIST *f, struct hsm_session *session,
                    bool *login_is_due);
/* Takes it back, or closes it: one to write with, one too many, a stale one.
 */
void hsm_pool_give(const struct hsm_session *session, enum hsm_mode mode);

/* If that is EPOCH still: a new one begins, and what lies idle is closed. */
void hsm_pool_drop(struct hsm_token *token, CK_FUNCTION_LIST *f,
                   unsigned long epoch);

/* Closes what lies idle. */
void hsm_pool_close_idle(struct hsm_token *token);

/* For a token that nobody uses any more: logs out, closes its sessions. */
void hsm_pool_end(struct hsm_token *token);

#endif
