/*
 * Sessions, idle and lent. A session costs the token memory and a network HSM
 * a round trip, so they are kept; the login lasts only while one is open, so
 * one is always kept.
 */
#include "pool.h"

#include <string.h>

#include "token_state.h"

/* Under the lock: idle sessions of another epoch are not ours any more. */
static void refresh(struct hsm_token *token)
{
    unsigned long epoch = hsm_token_epoch(token);

    if (token->idle_epoch != epoch)
        token->n_idle = 0;
    token->idle_epoch = epoch;
}

static bool needs_writing(const struct hsm_token *token, enum hsm_mode mode)
{
    /* While the SO is logged in, there are no sessions to read with
     * (PKCS#11 3.0, 5.6.1). */
    return mode == HSM_WRITE || token->user == HSM_SO;
}

/* Under the lock: one that lies idle. */
static bool pop(struct hsm_token *token, struct hsm_session *session)
{
    refresh(token);
    if (token->n_idle == 0)
        return false;
    session->handle = token->idle[--token->n_idle];
    session->epoch = token->idle_epoch;
    return true;
}

/* Under the lock, which is let go of meanwhile: closes N, which the pool does
 * not have any more. Whoever waits for room learns of it when it is there. */
static void close_all(struct hsm_token *token, const CK_FUNCTION_LIST *f,
                      const CK_SESSION_HANDLE *handles, size_t n)
{
    token->n_moving++;
    (void)pthread_mutex_unlock(&token->lock);
    for (size_t i = 0; i < n; i++)
        (void)f->C_CloseSession(handles[i]);
    (void)pthread_mutex_lock(&token->lock);
    token->n_moving--;
    (void)pthread_cond_broadcast(&token->returned);
}

/* Under the lock, after CKR_SESSION_COUNT: true if another try makes sense,
 * after a session of ours was closed or given back. */
static bool make_room(struct hsm_token *token, struct hsm_session *session)
{
    struct hsm_session idle = *session;

    if (pop(token, &idle)) {
        if (token->n_idle == 0 && token->n_lent == 0)
            token->login_epoch = 0; /* the last one takes the login along */
        close_all(token, session->f, &idle.handle, 1);
        return true;
    }
    if (token->n_lent + token->n_moving == 0)
        return false;
    (void)pthread_cond_wait(&token->returned, &token->lock);
    return true;
}

/* Under the lock, which is let go of meanwhile. */
static CK_RV open_one(struct hsm_token *token, enum hsm_mode mode,
                      struct hsm_session *session)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION;
    CK_SLOT_ID slot = token->slot;
    CK_RV rv;

    if (needs_writing(token, mode))
        flags |= CKF_RW_SESSION;
    session->epoch = hsm_token_epoch(token);
    token->n_moving++;
    (void)pthread_mutex_unlock(&token->lock);
    rv = session->f->C_OpenSession(slot, flags, NULL, NULL, &session->handle);
    (void)pthread_mutex_lock(&token->lock);
    token->n_moving--;
    if (rv != CKR_OK) /* one who waits for us would wait for ever */
        (void)pthread_cond_broadcast(&token->returned);
    return rv;
}

CK_RV hsm_pool_take(struct hsm_token *token, enum hsm_mode mode,
                    CK_FUNCTION_LIST *f, struct hsm_session *session,
                    bool *login_is_due)
{
    CK_RV rv = CKR_OK;

    *session = (struct hsm_session){.token = token, .f = f};
    session->module_epoch = hsm_module_epoch(token->module);
    (void)pthread_mutex_lock(&token->lock);
    for (;;) {
        rv = CKR_OK;
        if (mode == HSM_READ && pop(token, session))
            break;
        rv = open_one(token, mode, session);
        if (rv != CKR_SESSION_COUNT || !make_room(token, session))
            break;
    }
    if (rv == CKR_OK)
        token->n_lent++;
    *login_is_due =
        token->user != HSM_NOBODY && token->login_epoch != session->epoch;
    (void)pthread_mutex_unlock(&token->lock);
    return rv;
}

/* Under the lock. A session to write with is kept only if the login would go
 * with it. */
static bool is_kept(const struct hsm_token *token, enum hsm_mode mode)
{
    if (token->n_idle == HSM_POOL_MAX)
        return false;
    return mode == HSM_READ || (token->user != HSM_NOBODY &&
                                token->n_idle == 0 && token->n_lent == 0);
}

void hsm_pool_give(const struct hsm_session *session, enum hsm_mode mode)
{
    struct hsm_token *token = session->token;
    bool current;

    (void)pthread_mutex_lock(&token->lock);
    refresh(token);
    token->n_lent--;
    current = session->epoch == token->idle_epoch;
    if (current && is_kept(token, mode)) {
        token->idle[token->n_idle++] = session->handle;
        (void)pthread_cond_signal(&token->returned);
    } else {
        /* In a module begun anew the number may by now be another's. */
        current = session->module_epoch == hsm_module_epoch(token->module);
        close_all(token, session->f, &session->handle, current ? 1 : 0);
    }
    (void)pthread_mutex_unlock(&token->lock);
}

/* Under the lock: what lies idle, out of the pool. */
static size_t empty(struct hsm_token *token, CK_SESSION_HANDLE *handles)
{
    size_t n;

    refresh(token);
    n = token->n_idle;
    memcpy(handles, token->idle, n * sizeof(*handles));
    token->n_idle = 0;
    return n;
}

void hsm_pool_drop(struct hsm_token *token, CK_FUNCTION_LIST *f,
                   unsigned long epoch)
{
    CK_SESSION_HANDLE handles[HSM_POOL_MAX];
    size_t n = 0;

    (void)pthread_mutex_lock(&token->lock);
    if (hsm_token_epoch(token) == epoch) { /* else another was first */
        n = empty(token, handles);
        token->epoch++;
    }
    close_all(token, f, handles, n);
    (void)pthread_mutex_unlock(&token->lock);
}

void hsm_pool_close_idle(struct hsm_token *token)
{
    CK_SESSION_HANDLE handles[HSM_POOL_MAX];
    CK_FUNCTION_LIST *f;
    size_t n;

    if (hsm_module_enter(token->module, &f) != CKR_OK)
        return;
    (void)pthread_mutex_lock(&token->lock);
    n = empty(token, handles);
    close_all(token, f, handles, n);
    (void)pthread_mutex_unlock(&token->lock);
    hsm_module_leave(token->module);
}

void hsm_pool_end(struct hsm_token *token)
{
    CK_SESSION_HANDLE handles[HSM_POOL_MAX];
    CK_FUNCTION_LIST *f;
    size_t n;

    /* A child that made no use of the token leaves the module alone. */
    if (!hsm_module_is_ready(token->module) ||
        hsm_module_enter(token->module, &f) != CKR_OK)
        return;
    n = empty(token, handles);
    if (n > 0 && token->login_is_ours &&
        token->login_epoch == hsm_token_epoch(token))
        (void)f->C_Logout(handles[0]);
    for (size_t i = 0; i < n; i++)
        (void)f->C_CloseSession(handles[i]);
    hsm_module_leave(token->module);
}
