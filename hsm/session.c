/*
 * Running a task on a session, and once more where handles had gone stale.
 */
#include "session.h"

#include "ckr.h"
#include "login_state.h"
#include "pool.h"
#include "token_state.h"

struct run {
    struct hsm_token *token;
    enum hsm_mode mode;
    hsm_task *task;
    void *arg;
    CK_FUNCTION_LIST *f;
    struct hsm_session session;
};

static CK_RV run_once(struct run *run)
{
    bool login_is_due;
    CK_RV rv = hsm_pool_take(run->token, run->mode, run->f, &run->session,
                             &login_is_due);

    if (rv != CKR_OK)
        return rv;
    if (login_is_due)
        rv = hsm_login_restore(&run->session);
    if (rv == CKR_OK)
        rv = run->task(&run->session, run->arg);
    hsm_pool_give(&run->session, run->mode);
    return rv;
}

/* CKR_USER_NOT_LOGGED_IN is stale only if we thought that the user was. */
static bool may_recover(struct run *run, CK_RV rv)
{
    enum hsm_user user;

    if (!hsm_ckr_is_stale(rv))
        return false;
    if (rv != CKR_USER_NOT_LOGGED_IN)
        return true;
    (void)pthread_mutex_lock(&run->token->lock);
    user = run->token->user;
    (void)pthread_mutex_unlock(&run->token->lock);
    return user == HSM_USER;
}

/* After this a second run has new handles; false if it has no chance. */
static bool recover(struct run *run, CK_RV rv)
{
    if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
        hsm_module_lost(run->token->module, run->session.module_epoch);
        if (hsm_module_use(run->token->module, &run->f) != CKR_OK)
            return false;
    } else {
        hsm_pool_drop(run->token, run->f, run->session.epoch);
    }
    return hsm_token_find_again(run->token) == CKR_OK;
}

CK_RV hsm_run(struct hsm_token *token, enum hsm_mode mode, hsm_task *task,
              void *arg)
{
    struct run run = {token, mode, task, arg, NULL, {0}};
    CK_RV rv = hsm_module_enter(token->module, &run.f);

    if (rv != CKR_OK)
        return rv;
    rv = run_once(&run);
    if (may_recover(&run, rv) && recover(&run, rv))
        rv = run_once(&run);
    hsm_module_leave(token->module);
    return rv;
}
