/*
 * Logging in: who, with which PIN, and when not to try.
 */
#include "login.h"

#include <time.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "login_state.h"
#include "pin.h"
#include "pool.h"
#include "token_state.h"

#define LOGIN_TRIES 5
#define LOGIN_PAUSE_NS 20000000L

/* What differs between the two who can log in. */
struct role {
    enum hsm_user user;
    CK_USER_TYPE type;
    enum hsm_mode mode;
    const char *name;    /* in texts */
    const char *setting; /* of caadm.conf */
    CK_FLAGS low, final, locked, change;
};

static const struct role roles[] = {
    [HSM_USER] = {HSM_USER, CKU_USER, HSM_READ, "user PIN", "user_pin",
                  CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
                  CKF_USER_PIN_LOCKED, CKF_USER_PIN_TO_BE_CHANGED},
    [HSM_SO] = {HSM_SO, CKU_SO, HSM_WRITE, "SO PIN", "so_pin",
                CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED,
                CKF_SO_PIN_TO_BE_CHANGED},
};

/* One login. */
struct login {
    struct hsm_token *token;
    const struct role *role;
    struct ks_secret pin; /* data NULL: by the token's own PIN pad */
    CK_RV kept;           /* whether the PIN could be kept */
};

static void set_user(const struct hsm_session *session, enum hsm_user user,
                     bool ours)
{
    struct hsm_token *token = session->token;

    (void)pthread_mutex_lock(&token->lock);
    token->user = user;
    token->login_is_ours = ours;
    token->login_epoch = session->epoch;
    (void)pthread_mutex_unlock(&token->lock);
}

static CK_RV keep_pin(struct hsm_token *token, const struct ks_secret *pin)
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

static CK_RV call_login(const struct hsm_session *session, CK_USER_TYPE type,
                        const struct ks_secret *pin)
{
    CK_RV rv = session->f->C_Login(session->handle, type, pin->data, pin->len);

    if (rv == CKR_PIN_INCORRECT && pin->data != NULL)
        hsm_pin_refused(session->token, type, pin);
    return rv;
}

/* CKR_PIN_LOCKED if one more failure might lock the token. */
static CK_RV check_risk(const struct hsm_session *session,
                        const struct role *role)
{
    CK_TOKEN_INFO info = {0};
    CK_RV rv = hsm_token_info(session->token, &info);

    if (rv == CKR_OK && (info.flags & (role->final | role->locked)) != 0)
        rv = CKR_PIN_LOCKED;
    return rv;
}

/*
 * SoftHSM 2.6.1 fails with CKR_GENERAL_ERROR while another process logs in and
 * writes that down, as workers of a server do all at once. That refuses no
 * PIN; whether the token took it for a try is looked at before the next.
 */
static CK_RV persist(const struct hsm_session *session, const struct role *role,
                     const struct ks_secret *pin)
{
    static const struct timespec pause = {.tv_nsec = LOGIN_PAUSE_NS};
    CK_RV rv = call_login(session, role->type, pin);

    for (int i = 1; rv == CKR_GENERAL_ERROR && i < LOGIN_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        rv = check_risk(session, role);
        if (rv == CKR_OK)
            rv = call_login(session, role->type, pin);
    }
    return rv;
}

static CK_RV login_task(const struct hsm_session *session, void *arg)
{
    struct login *login = arg;
    CK_RV rv = persist(session, login->role, &login->pin);
    bool ours = rv == CKR_OK;

    if (rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = CKR_OK;
    if (rv == CKR_OK)
        rv = keep_pin(session->token, &login->pin);
    if (rv == CKR_OK)
        set_user(session, login->role->user, ours);
    return rv;
}

/* Somebody else may have logged in: another library of the program, or the
 * parent of a child whose module did not notice the fork. */
static bool is_in(const struct hsm_session *session, enum hsm_user user)
{
    CK_SESSION_INFO info = {0};

    if (session->f->C_GetSessionInfo(session->handle, &info) != CKR_OK)
        return false;
    return user == HSM_SO ? info.state == CKS_RW_SO_FUNCTIONS
                          : info.state == CKS_RO_USER_FUNCTIONS ||
                                info.state == CKS_RW_USER_FUNCTIONS;
}

static CK_RV state_task(const struct hsm_session *session, void *arg)
{
    (void)arg;
    if (is_in(session, HSM_USER))
        set_user(session, HSM_USER, false);
    return CKR_OK;
}

static ks_rc denied(const struct login *login, CK_RV rv, const char *why,
                    struct ks_err *err)
{
    ks_hint(err, "nothing was tried; the security officer can set a new "
                 "user PIN, then the tries count anew");
    return ks_fail(err, KS_E_DENIED, "token \"%s\": %s%s%s",
                   login->token->label, rv != CKR_OK ? hsm_ckr_name(rv) : "",
                   rv != CKR_OK ? ": " : "", why);
}

/* KS_E_DENIED where a try makes no sense, or would be the last one. */
static ks_rc check_flags(const struct login *login, CK_FLAGS flags,
                         struct ks_err *err)
{
    const struct role *role = login->role;

    if (role->user == HSM_USER && (flags & CKF_USER_PIN_INITIALIZED) == 0)
        return hsm_ckr_fail(err, CKR_USER_PIN_NOT_INITIALIZED, "token \"%s\"",
                            login->token->label);
    if ((flags & role->locked) != 0)
        return denied(login, CKR_PIN_LOCKED, "the PIN is locked", err);
    if ((flags & role->final) != 0)
        return denied(login, CKR_OK,
                      "one more wrong PIN would lock it, so none is tried",
                      err);
    if ((flags & role->change) != 0)
        return denied(login, CKR_PIN_EXPIRED, "the PIN has to be changed first",
                      err);
    return KS_OK;
}

static ks_rc get_pin(struct login *login, const char *backend,
                     const char *whose, const struct ks_ask *ask,
                     struct ks_err *err)
{
    struct ks_question question = {
        .what = login->role->user == HSM_SO ? "SO PIN" : "PIN",
        .whose = whose,
        .setting = login->role->setting,
        .backend = backend,
        .quiet = login->role->user == HSM_SO,
    };

    if (ask == NULL || ask->get == NULL)
        return ks_fail(err, KS_E_SECRET_MISSING, "token \"%s\": no %s is given",
                       login->token->label, login->role->name);
    return ask->get(ask->arg, &question, &login->pin, err);
}

static ks_rc check_pin(const struct login *login, const CK_TOKEN_INFO *info,
                       struct ks_err *err)
{
    if (hsm_pin_was_refused(login->token, login->role->type, &login->pin)) {
        ks_hint(err, "a PIN is tried once only, so that the token does not "
                     "lock itself");
        return ks_fail(err, KS_E_SECRET_WRONG,
                       "token \"%s\": CKR_PIN_INCORRECT: this %s was refused "
                       "before, and is not tried again",
                       login->token->label, login->role->name);
    }
    if (info->ulMaxPinLen > 0 && (login->pin.len < info->ulMinPinLen ||
                                  login->pin.len > info->ulMaxPinLen)) {
        ks_hint(err, "it was not tried");
        return ks_fail(err, KS_E_SECRET_WRONG,
                       "token \"%s\": CKR_PIN_LEN_RANGE: its PINs have %lu to "
                       "%lu bytes",
                       login->token->label, info->ulMinPinLen,
                       info->ulMaxPinLen);
    }
    return KS_OK;
}

/* What the token says after a refusal. */
static ks_rc refused(const struct login *login, CK_RV rv, struct ks_err *err)
{
    const struct role *role = login->role;
    CK_TOKEN_INFO info = {0};

    if (rv != CKR_PIN_INCORRECT ||
        hsm_token_info(login->token, &info) != CKR_OK)
        ;
    else if ((info.flags & role->locked) != 0)
        ks_hint(err, "the PIN is locked now");
    else if ((info.flags & role->final) != 0)
        ks_hint(err, "one try is left: the next wrong PIN locks the token");
    else if ((info.flags & role->low) != 0)
        ks_hint(err, "the token counts wrong PINs, and will lock after a few");
    return hsm_ckr_fail(err, rv, "token \"%s\": %s", login->token->label,
                        role->name);
}

static ks_rc try_pin(struct login *login, const CK_TOKEN_INFO *info,
                     struct ks_err *err)
{
    ks_rc rc = KS_OK;
    CK_RV rv;

    if (login->pin.data != NULL)
        rc = check_pin(login, info, err);
    if (rc != KS_OK)
        return rc;
    /* The SO logs in only where nothing is open to read with. */
    if (login->role->user == HSM_SO)
        hsm_pool_close_idle(login->token);
    rv = hsm_run(login->token, login->role->mode, login_task, login);
    return rv == CKR_OK ? KS_OK : refused(login, rv, err);
}

static ks_rc log_in_as(struct hsm_token *token, const struct role *role,
                       const CK_TOKEN_INFO *info, const char *backend,
                       const char *whose, const struct ks_ask *ask,
                       struct ks_err *err)
{
    struct login login = {.token = token, .role = role};
    bool has_pad = (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    ks_rc rc = KS_OK;

    /* Whether an SO PIN is there is asked before its state matters. */
    if (role->user == HSM_USER)
        rc = check_flags(&login, info->flags, err);
    if (rc == KS_OK && !has_pad)
        rc = get_pin(&login, backend, whose, ask, err);
    if (rc == KS_OK && role->user == HSM_SO)
        rc = check_flags(&login, info->flags, err);
    if (rc == KS_OK)
        rc = try_pin(&login, info, err);
    ks_secret_clear(&login.pin);
    return rc;
}

static ks_rc log_in(struct hsm_token *token, const char *backend,
                    const char *whose, const struct ks_ask *ask,
                    struct ks_err *err)
{
    struct ks_err no_so_pin = {0};
    CK_TOKEN_INFO info = {0};
    CK_RV rv = hsm_token_info(token, &info);
    ks_rc rc = KS_E_SECRET_MISSING;

    if (rv == CKR_OK && (info.flags & CKF_LOGIN_REQUIRED) == 0)
        return KS_OK;
    if (rv == CKR_OK)
        rv = hsm_run(token, HSM_READ, state_task, NULL);
    if (rv != CKR_OK)
        return hsm_ckr_fail(err, rv, "token \"%s\"", token->label);
    if (hsm_is_logged_in(token))
        return KS_OK;
    if (ask != NULL && (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0)
        rc = log_in_as(token, &roles[HSM_SO], &info, backend, whose, ask,
                       &no_so_pin);
    if (rc == KS_E_SECRET_MISSING)
        return log_in_as(token, &roles[HSM_USER], &info, backend, whose, ask,
                         err);
    if (rc != KS_OK && err != NULL)
        *err = no_so_pin;
    return rc;
}

ks_rc hsm_login(struct hsm_token *token, const char *backend, const char *whose,
                const struct ks_ask *ask, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&token->login);
    if (!hsm_is_logged_in(token)) /* another thread may have been first */
        rc = log_in(token, backend, whose, ask, err);
    (void)pthread_mutex_unlock(&token->login);
    return rc;
}

static enum hsm_user user_of(const struct hsm_token *token)
{
    /* A lock is no part of what a token is. */
    pthread_mutex_t *lock = (pthread_mutex_t *)&token->lock;
    enum hsm_user user;

    (void)pthread_mutex_lock(lock);
    user = token->user;
    (void)pthread_mutex_unlock(lock);
    return user;
}

bool hsm_is_logged_in(const struct hsm_token *token)
{
    return user_of(token) != HSM_NOBODY;
}

bool hsm_is_so(const struct hsm_token *token)
{
    return user_of(token) == HSM_SO;
}

static CK_RV copy_pin(struct hsm_token *token, struct ks_secret *pin)
{
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&token->lock);
    if (token->pin.data != NULL)
        rc = ks_secret_set(pin, token->pin.data, token->pin.len);
    (void)pthread_mutex_unlock(&token->lock);
    return rc == KS_OK ? CKR_OK : CKR_HOST_MEMORY;
}

/* The PIN was changed meanwhile: nobody is logged in, and it is forgotten. */
static void forget(const struct hsm_session *session)
{
    static const struct ks_secret none;

    set_user(session, HSM_NOBODY, false);
    (void)keep_pin(session->token, &none);
}

static CK_RV restore(const struct hsm_session *session, const struct role *role)
{
    struct ks_secret pin = {0};
    CK_RV rv = check_risk(session, role);

    if (rv == CKR_OK)
        rv = copy_pin(session->token, &pin);
    if (rv == CKR_OK)
        rv = persist(session, role, &pin);
    if (rv == CKR_OK)
        set_user(session, role->user, true);
    if (rv == CKR_USER_ALREADY_LOGGED_IN) {
        set_user(session, role->user, session->token->login_is_ours);
        rv = CKR_OK;
    }
    if (rv == CKR_PIN_INCORRECT)
        forget(session);
    ks_secret_clear(&pin);
    return rv;
}

CK_RV hsm_login_restore(const struct hsm_session *session)
{
    struct hsm_token *token = session->token;
    enum hsm_user user;
    bool is_done;
    CK_RV rv = CKR_OK;

    (void)pthread_mutex_lock(&token->login);
    (void)pthread_mutex_lock(&token->lock);
    user = token->user;
    is_done = user == HSM_NOBODY || token->login_epoch == session->epoch;
    (void)pthread_mutex_unlock(&token->lock);
    if (!is_done && is_in(session, user))
        set_user(session, user, token->login_is_ours);
    else if (!is_done)
        rv = restore(session, &roles[user]);
    (void)pthread_mutex_unlock(&token->login);
    return rv;
}

CK_RV hsm_login_again(const struct hsm_session *session)
{
    struct ks_secret pin = {0};
    CK_RV rv = check_risk(session, &roles[HSM_USER]);

    if (rv == CKR_OK)
        rv = copy_pin(session->token, &pin);
    if (rv == CKR_OK)
        rv = call_login(session, CKU_CONTEXT_SPECIFIC, &pin);
    if (rv == CKR_PIN_INCORRECT)
        forget(session);
    ks_secret_clear(&pin);
    return rv;
}
