/*
 * Logging in: who, with which PIN, and when not to try.
 */
#include "login.h"

#include <time.h>

#include "ckr.h"
#include "login_state.h"
#include "pin.h"
#include "pool.h"

/* How often it is looked whether a token has a user PIN, before it is said
 * that there is none; see hsm_login_try. */
#define LOOKS 4
#define LOOK_PAUSE_NS 20000000L

/* One login. */
struct login {
    struct hsm_token *token;
    const struct hsm_role *role;
    struct ks_secret pin; /* data NULL: by the token's own PIN pad */
};

static CK_RV login_task(const struct hsm_session *session, void *arg)
{
    struct login *login = arg;
    CK_RV rv = hsm_login_try(session, login->role, &login->pin);
    bool ours = rv == CKR_OK;

    if (rv == CKR_USER_ALREADY_LOGGED_IN)
        rv = CKR_OK;
    if (rv == CKR_OK)
        rv = hsm_login_keep(session->token, &login->pin);
    if (rv == CKR_OK)
        hsm_login_set(session, login->role->user, ours);
    return rv;
}

static CK_RV state_task(const struct hsm_session *session, void *arg)
{
    (void)arg;
    if (hsm_login_is_in(session, HSM_USER))
        hsm_login_set(session, HSM_USER, false);
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
    const struct hsm_role *role = login->role;

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
    struct ks_err why = {0};
    struct ks_question question = {
        .what = login->role->user == HSM_SO ? "SO PIN" : "PIN",
        .whose = whose,
        .setting = login->role->setting,
        .backend = backend,
        .quiet = login->role->user == HSM_SO,
    };
    ks_rc rc;

    if (ask == NULL || ask->get == NULL)
        return ks_fail(err, KS_E_SECRET_MISSING, "token \"%s\": no %s is given",
                       login->token->label, login->role->name);
    rc = ask->get(ask->arg, &question, &login->pin, &why);
    if (rc == KS_OK)
        return rc;
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "token \"%s\": %s", login->token->label, why.text);
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
    const struct hsm_role *role = login->role;
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

static ks_rc log_in_as(struct hsm_token *token, const struct hsm_role *role,
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

/* The token's flags. That it has no user PIN is believed when it says so for
 * a while: SoftHSM forgets it for a moment, as hsm_login_try tells. */
static CK_RV look(struct hsm_token *token, CK_TOKEN_INFO *info)
{
    static const struct timespec pause = {.tv_nsec = LOOK_PAUSE_NS};
    CK_RV rv = hsm_token_info(token, info);

    for (int i = 1;
         rv == CKR_OK && i < LOOKS && (info->flags & CKF_LOGIN_REQUIRED) != 0 &&
         (info->flags & CKF_USER_PIN_INITIALIZED) == 0;
         i++) {
        (void)nanosleep(&pause, NULL);
        rv = hsm_token_info(token, info);
    }
    return rv;
}

static ks_rc log_in(struct hsm_token *token, const char *backend,
                    const char *whose, const struct ks_ask *ask,
                    struct ks_err *err)
{
    struct ks_err no_so_pin = {0};
    CK_TOKEN_INFO info = {0};
    CK_RV rv = look(token, &info);
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
        rc = log_in_as(token, &hsm_roles[HSM_SO], &info, backend, whose, ask,
                       &no_so_pin);
    if (rc == KS_E_SECRET_MISSING)
        return log_in_as(token, &hsm_roles[HSM_USER], &info, backend, whose,
                         ask, err);
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

/* Somebody else's login is no PIN of ours; a pad needs none. */
static bool lacks_pin(struct hsm_token *token, CK_TOKEN_INFO *info)
{
    bool lacks;

    (void)pthread_mutex_lock(&token->lock);
    lacks = token->pin.data == NULL;
    (void)pthread_mutex_unlock(&token->lock);
    return lacks && hsm_token_info(token, info) == CKR_OK &&
           (info->flags & CKF_LOGIN_REQUIRED) != 0 &&
           (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0;
}

ks_rc hsm_login_prepare(struct hsm_token *token, const char *backend,
                        const char *whose, const struct ks_ask *ask,
                        struct ks_err *err)
{
    struct login login = {.token = token, .role = &hsm_roles[HSM_USER]};
    CK_TOKEN_INFO info = {0};
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&token->login);
    if (lacks_pin(token, &info)) {
        rc = check_flags(&login, info.flags, err);
        if (rc == KS_OK)
            rc = get_pin(&login, backend, whose, ask, err);
        if (rc == KS_OK)
            rc = check_pin(&login, &info, err);
        if (rc == KS_OK && hsm_login_keep(token, &login.pin) != CKR_OK)
            rc = ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    (void)pthread_mutex_unlock(&token->login);
    ks_secret_clear(&login.pin);
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
