/*
 * Logging in once more with the PIN that is kept: in a child, after the token
 * was taken out, and for keys that want it each time.
 */
#include "login.h"

#include "ckr.h"
#include "login_state.h"

static CK_RV copy_pin(struct hsm_token *token, struct ks_secret *pin)
{
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&token->lock);
    if (token->pin.data != NULL)
        rc = ks_secret_set(pin, token->pin.data, token->pin.len);
    (void)pthread_mutex_unlock(&token->lock);
    return rc == KS_OK ? CKR_OK : CKR_HOST_MEMORY;
}

/* The PIN is wrong by now, or there is none: nobody is logged in, and the
 * next user of the token is asked. */
static void forget(const struct hsm_session *session)
{
    static const struct ks_secret none;

    hsm_login_set(session, HSM_NOBODY, false);
    (void)hsm_login_keep(session->token, &none);
}

static bool is_no_good(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_USER_NOT_LOGGED_IN;
}

static CK_RV restore(const struct hsm_session *session,
                     const struct hsm_role *role, bool ours)
{
    struct ks_secret pin = {0};
    CK_RV rv = copy_pin(session->token, &pin);

    if (rv == CKR_OK)
        rv = hsm_login_try(session, role, &pin);
    if (rv == CKR_OK)
        hsm_login_set(session, role->user, true);
    if (rv == CKR_USER_ALREADY_LOGGED_IN) {
        hsm_login_set(session, role->user, ours);
        rv = CKR_OK;
    }
    if (is_no_good(rv))
        forget(session);
    ks_secret_clear(&pin);
    return rv;
}

CK_RV hsm_login_restore(const struct hsm_session *session)
{
    struct hsm_token *token = session->token;
    enum hsm_user user;
    bool is_done, ours;
    CK_RV rv = CKR_OK;

    (void)pthread_mutex_lock(&token->login);
    (void)pthread_mutex_lock(&token->lock);
    user = token->user;
    ours = token->login_is_ours;
    is_done = user == HSM_NOBODY || token->login_epoch == session->epoch;
    (void)pthread_mutex_unlock(&token->lock);
    if (!is_done && hsm_login_is_in(session, user))
        hsm_login_set(session, user, ours);
    else if (!is_done)
        rv = restore(session, &hsm_roles[user], ours);
    (void)pthread_mutex_unlock(&token->login);
    return rv;
}

CK_RV hsm_login_again(const struct hsm_session *session)
{
    struct ks_secret pin = {0};
    CK_RV rv = copy_pin(session->token, &pin);

    if (rv == CKR_OK)
        rv = hsm_login_try_context(session, &pin);
    if (is_no_good(rv))
        forget(session);
    ks_secret_clear(&pin);
    return rv;
}
