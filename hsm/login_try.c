/*
 * One try of a PIN. A token counts those that are wrong, and locks.
 */
#include <time.h>

#include "ckr.h"
#include "login_state.h"
#include "pin.h"

#define TRIES 6
#define PAUSE_NS 10000000L /* doubles each time */

const struct hsm_role hsm_roles[] = {
    [HSM_USER] = {HSM_USER, CKU_USER, HSM_READ, "user PIN", "user_pin",
                  CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
                  CKF_USER_PIN_LOCKED, CKF_USER_PIN_TO_BE_CHANGED},
    [HSM_SO] = {HSM_SO, CKU_SO, HSM_WRITE, "SO PIN", "so_pin",
                CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED,
                CKF_SO_PIN_TO_BE_CHANGED},
};

void hsm_login_set(const struct hsm_session *session, enum hsm_user user,
                   bool ours)
{
    struct hsm_token *token = session->token;

    (void)pthread_mutex_lock(&token->lock);
    token->user = user;
    token->login_is_ours = ours;
    token->login_epoch = session->epoch;
    (void)pthread_mutex_unlock(&token->lock);
}

CK_RV hsm_login_keep(struct hsm_token *token, const struct ks_secret *pin)
{
    struct ks_secret kept = {0};
    struct ks_secret old;

    if (pin->data != NULL && ks_secret_set(&kept, pin->data, pin->len) != KS_OK)
        return CKR_HOST_MEMORY;
    (void)pthread_mutex_lock(&token->lock);
    old = token->pin;
    token->pin = kept;
    (void)pthread_mutex_unlock(&token->lock);
    ks_secret_clear(&old);
    return CKR_OK;
}

bool hsm_login_is_in(const struct hsm_session *session, enum hsm_user user)
{
    CK_SESSION_INFO info = {0};

    if (session->f->C_GetSessionInfo(session->handle, &info) != CKR_OK)
        return false;
    return user == HSM_SO ? info.state == CKS_RW_SO_FUNCTIONS
                          : info.state == CKS_RO_USER_FUNCTIONS ||
                                info.state == CKS_RW_USER_FUNCTIONS;
}

/* Whether a PIN may be given to the token now. Flags may have changed while a
 * person was asked, or another process tried its luck. */
static CK_RV look(const struct hsm_session *session,
                  const struct hsm_role *role, const struct ks_secret *pin,
                  CK_FLAGS *flags)
{
    CK_TOKEN_INFO info = {0};
    CK_RV rv = hsm_token_info(session->token, &info);

    *flags = info.flags;
    if (rv != CKR_OK)
        return rv;
    if ((info.flags & (role->final | role->locked)) != 0)
        return CKR_PIN_LOCKED;
    /* An empty PIN would count as a wrong one. */
    if (pin->data == NULL &&
        (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0)
        return CKR_USER_NOT_LOGGED_IN;
    return CKR_OK;
}

/* Results that say that the token did not like this very PIN; one that is
 * locked has not looked at it. */
static bool is_refusal(CK_RV rv)
{
    return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
           rv == CKR_PIN_LEN_RANGE;
}

static CK_RV call(const struct hsm_session *session, CK_USER_TYPE type,
                  const struct ks_secret *pin)
{
    CK_RV rv;

    if (pin->data != NULL && hsm_pin_was_refused(session->token, type, pin))
        return CKR_PIN_INCORRECT;
    rv = session->f->C_Login(session->handle, type, pin->data, pin->len);
    if (is_refusal(rv) && pin->data != NULL)
        hsm_pin_refused(session->token, type, pin);
    return rv;
}

/*
 * SoftHSM 2.6.1 fails while another process logs in and writes that down, as
 * workers of a server do all at once: it cannot read the token at that moment.
 * The PIN was not looked at then, and the flags show none that went wrong.
 * (Where it read an empty one, CKR_USER_PIN_NOT_INITIALIZED, only a new start
 * of the module helps: session.c.)
 */
static bool is_of_the_moment(CK_RV rv)
{
    return rv == CKR_GENERAL_ERROR;
}

static CK_RV persist(const struct hsm_session *session,
                     const struct hsm_role *role, const struct ks_secret *pin)
{
    CK_FLAGS flags = 0;
    CK_RV rv = look(session, role, pin, &flags);

    if (rv == CKR_OK)
        rv = call(session, role->type, pin);
    for (unsigned i = 0; i + 1 < TRIES && is_of_the_moment(rv); i++) {
        const struct timespec pause = {.tv_nsec = PAUSE_NS << i};
        CK_RV risk;

        (void)nanosleep(&pause, NULL);
        risk = look(session, role, pin, &flags);
        if (risk == CKR_PIN_LOCKED || (flags & role->low) != 0)
            return rv; /* the token may have counted it */
        if (risk == CKR_OK)
            rv = call(session, role->type, pin);
    }
    return rv;
}

CK_RV hsm_login_try(const struct hsm_session *session,
                    const struct hsm_role *role, const struct ks_secret *pin)
{
    struct hsm_pin_turn turn = {.taken = false};
    CK_RV rv;

    if (pin->data != NULL) /* a person at a pad may take long */
        hsm_pin_turn_take(&turn);
    rv = persist(session, role, pin);
    hsm_pin_turn_give(&turn);
    return rv;
}

CK_RV hsm_login_try_context(const struct hsm_session *session,
                            const struct ks_secret *pin)
{
    struct hsm_pin_turn turn = {.taken = false};
    CK_FLAGS flags;
    CK_RV rv;

    if (pin->data != NULL)
        hsm_pin_turn_take(&turn);
    rv = look(session, &hsm_roles[HSM_USER], pin, &flags);
    if (rv == CKR_OK)
        rv = call(session, CKU_CONTEXT_SPECIFIC, pin);
    hsm_pin_turn_give(&turn);
    return rv;
}
