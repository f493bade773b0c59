/*
 * Running a task on a session, and once more where handles had gone stale.
 */
#include "session.h"

#include <time.h>

#include "ckr.h"
#include "login_state.h"
#include "pool.h"
#include "token_state.h"

#define RENEWALS 4
#define RENEW_PAUSE_NS 10000000L

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

static CK_RV run_in_gate(struct run *run)
{
    CK_RV rv = hsm_module_enter(run->token->module, &run->f);

    if (rv != CKR_OK)
        return rv;
    rv = run_once(run);
    if (may_recover(run, rv) && recover(run, rv))
        rv = run_once(run);
    hsm_module_leave(run->token->module);
    return rv;
}

/*
 * SoftHSM 2.6.1 that initialises itself while another process writes a token
 * (each C_Login does) may read half of it: a user PIN that is not there, or
 * nothing that it can use. It looks again only when it is initialised again.
 * No PIN was tried then, and what reads may be done twice.
 */
static bool is_misread(const struct run *run, CK_RV rv)
{
    CK_TOKEN_INFO info = {0};
    CK_RV told;

    if (rv != CKR_USER_PIN_NOT_INITIALIZED &&
        (rv != CKR_GENERAL_ERROR || run->mode != HSM_READ))
        return false;
    told = hsm_token_info(run->token, &info);
    if (rv == CKR_GENERAL_ERROR)
        return told == CKR_GENERAL_ERROR;
    return told == CKR_OK && (info.flags & CKF_USER_PIN_INITIALIZED) != 0;
}

static bool read_anew(struct run *run, unsigned long epoch, int tries)
{
    const struct timespec pause = {.tv_nsec = RENEW_PAUSE_NS << tries};
    bool found;

    (void)nanosleep(&pause, NULL); /* for the other to be done */
    if (!hsm_module_renew(run->token->module, epoch) ||
        hsm_module_enter(run->token->module, &run->f) != CKR_OK)
        return false;
    found = hsm_token_find_again(run->token) == CKR_OK;
    hsm_module_leave(run->token->module);
    return found;
}

CK_RV hsm_run(struct hsm_token *token, enum hsm_mode mode, hsm_task *task,
              void *arg)
{
    struct run run = {token, mode, task, arg, NULL, {0}};
    unsigned long epoch = hsm_module_epoch(token->module);
    CK_RV rv = run_in_gate(&run);

    for (int i = 0; i < RENEWALS && is_misread(&run, rv); i++) {
        if (!read_anew(&run, epoch, i))
            break;
        epoch = hsm_module_epoch(token->module);
        rv = run_in_gate(&run);
    }
    return rv;
}
