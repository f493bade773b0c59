/*
 * Sessions of a token: a pool, one session per operation, and one more try
 * where handles have gone stale (after a fork, a token put back in).
 */
#ifndef HSM_SESSION_H
#define HSM_SESSION_H

#include <stdbool.h>

#include "token.h"

/* Borrowed for the length of a task. */
struct hsm_session {
    struct hsm_token *token;
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE handle;
    unsigned long epoch; /* object handles found in another are invalid */
    unsigned long module_epoch; /* the pool's own */
};

enum hsm_mode {
    HSM_READ,
    HSM_WRITE /* a read/write session, closed afterwards */
};

/* What is done with a session. May be called twice; leaves no operation
 * active and no search open. */
typedef CK_RV hsm_task(const struct hsm_session *session, void *arg);

/*
 * Runs TASK on a session that no other thread has meanwhile. If what it, or
 * opening the session, returns means stale handles (hsm_ckr_is_stale), the
 * token's epoch is raised, the slot found again, the user logged in again if
 * one was (with the PIN that was accepted before), and TASK run once more.
 * At the token's session limit it waits for a session of ours; with none
 * outstanding the result is CKR_SESSION_COUNT.
 */
CK_RV hsm_run(struct hsm_token *token, enum hsm_mode mode, hsm_task *task,
              void *arg);

#endif
