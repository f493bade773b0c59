/*
 * The state of a configured token. A module that would crash is found out by
 * a child process first, and flags tell about PINs, so no try of one is used.
 */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "mech.h"
#include "place.h"

/* One telling: where facts go, and what went wrong first. */
struct check {
    ks_fact_fn *each;
    void *arg;
    struct hsm_place place;
    struct hsm_module *module;
    struct hsm_token *token;
    struct hsm_slot slot;
};

static ks_rc fact(const struct check *check, const char *name,
                  const char *value, struct ks_err *err)
{
    return check->each(check->arg, name, value, err);
}

/* A field of Cryptoki's, which blanks fill up; what is no text is shown so. */
static ks_rc field(const struct check *check, const char *name,
                   const CK_UTF8CHAR *text, size_t len, struct ks_err *err)
{
    char copy[65];

    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\0'))
        len--;
    if (len >= sizeof(copy))
        len = sizeof(copy) - 1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (len == 0)
        return KS_OK;
    if (ks_key_name_check(copy, NULL) != KS_OK)
        return fact(check, name, "(not a text)", err);
    return fact(check, name, copy, err);
}

/* --- module --------------------------------------------------------------- */

static ks_rc tell_module(struct check *check, struct ks_err *err)
{
    CK_FUNCTION_LIST *f;
    CK_INFO info = {0};
    char text[128];
    CK_RV rv;
    ks_rc rc = fact(check, "module", check->place.module, err);

    if (rc == KS_OK)
        rc = hsm_module_probe(check->place.module, err);
    if (rc == KS_OK)
        rc = hsm_module_get(check->place.module, &check->module, err);
    if (rc != KS_OK)
        return rc;
    rv = hsm_module_enter(check->module, &f);
    if (rv == CKR_OK) {
        rv = f->C_GetInfo(&info);
        hsm_module_leave(check->module);
    }
    if (rv != CKR_OK)
        return hsm_ckr_fail(err, rv, "module %s: C_GetInfo",
                            check->place.module);
    rc = field(check, "library", info.libraryDescription,
               sizeof(info.libraryDescription), err);
    if (rc == KS_OK)
        rc = field(check, "library-manufacturer", info.manufacturerID,
                   sizeof(info.manufacturerID), err);
    (void)snprintf(text, sizeof(text), "%d.%d (Cryptoki %d.%d)",
                   info.libraryVersion.major, info.libraryVersion.minor,
                   info.cryptokiVersion.major, info.cryptokiVersion.minor);
    return rc == KS_OK ? fact(check, "library-version", text, err) : rc;
}

/* --- token ---------------------------------------------------------------- */

static bool note_match(const void *arg, const struct hsm_slot *slot)
{
    /* hsm_token_get wants its argument constant; what it is told of is ours. */
    struct check *check = *(struct check *const *)arg;
    const struct hsm_wanted wanted = {&check->place, NULL};

    if (!hsm_wanted_slot(&wanted, slot))
        return false;
    check->slot = *slot;
    return true;
}

static ks_rc find_token(struct check *check, struct ks_err *err)
{
    char wanted[192];

    hsm_place_show(&check->place, wanted, sizeof(wanted));
    return hsm_token_get(check->module, note_match, &check, wanted,
                         &check->token, err);
}

static ks_rc tell_token(struct check *check, struct ks_err *err)
{
    const CK_TOKEN_INFO *token = &check->slot.token;
    char text[64];
    ks_rc rc = find_token(check, err);

    if (rc != KS_OK)
        return rc;
    (void)snprintf(text, sizeof(text), "%lu", check->slot.id);
    rc = fact(check, "slot", text, err);
    if (rc == KS_OK)
        rc = field(check, "slot-description", check->slot.slot.slotDescription,
                   sizeof(check->slot.slot.slotDescription), err);
    if (rc == KS_OK)
        rc = field(check, "token", token->label, sizeof(token->label), err);
    if (rc == KS_OK)
        rc = field(check, "serial", token->serialNumber,
                   sizeof(token->serialNumber), err);
    if (rc == KS_OK)
        rc = field(check, "manufacturer", token->manufacturerID,
                   sizeof(token->manufacturerID), err);
    if (rc == KS_OK)
        rc = field(check, "model", token->model, sizeof(token->model), err);
    (void)snprintf(text, sizeof(text), "%d.%d", token->firmwareVersion.major,
                   token->firmwareVersion.minor);
    if (rc == KS_OK)
        rc = fact(check, "firmware", text, err);
    if (rc == KS_OK && (token->flags & CKF_WRITE_PROTECTED) != 0)
        rc = fact(check, "write-protected", "yes", err);
    return rc;
}

/* --- PINs ----------------------------------------------------------------- */

/* Flags of a PIN, the worst first. */
static const struct pin_state {
    CK_FLAGS user, so;
    const char *state;
    const char *wrong; /* why the user cannot log in; NULL: can */
    const char *hint;
} pin_states[] = {
    {CKF_USER_PIN_LOCKED, CKF_SO_PIN_LOCKED, "locked",
     "is locked (CKR_PIN_LOCKED)", "the security officer can set a new one"},
    {CKF_USER_PIN_FINAL_TRY, CKF_SO_PIN_FINAL_TRY, "final try",
     "has one try left, which is not used up here",
     "log in once with another tool, such as pkcs11-tool, to reset the count"},
    {CKF_USER_PIN_TO_BE_CHANGED, CKF_SO_PIN_TO_BE_CHANGED, "to be changed",
     "has to be changed first (CKR_PIN_EXPIRED)",
     "change it with the tool of the token's maker"},
    {CKF_USER_PIN_COUNT_LOW, CKF_SO_PIN_COUNT_LOW, "count low", NULL, NULL},
};

static const struct pin_state *pin_state(CK_FLAGS flags, bool so)
{
    for (size_t i = 0; i < sizeof(pin_states) / sizeof(pin_states[0]); i++)
        if ((flags & (so ? pin_states[i].so : pin_states[i].user)) != 0)
            return &pin_states[i];
    return NULL;
}

static ks_rc tell_pins(const struct check *check, struct ks_err *wrong,
                       struct ks_err *err)
{
    CK_FLAGS flags = check->slot.token.flags;
    const struct pin_state *user = pin_state(flags, false);
    const struct pin_state *so = pin_state(flags, true);
    bool is_set = (flags & CKF_USER_PIN_INITIALIZED) != 0 ||
                  (flags & CKF_LOGIN_REQUIRED) == 0;
    const char *label = hsm_token_label(check->token);
    ks_rc rc =
        fact(check, "user-pin",
             !is_set ? "not set" : (user != NULL ? user->state : "ok"), err);

    if (rc == KS_OK)
        rc = fact(check, "so-pin", so != NULL ? so->state : "ok", err);
    if (rc == KS_OK && (flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
        rc = fact(check, "pin-pad", "yes", err);
    if (rc == KS_OK && (flags & CKF_LOGIN_REQUIRED) == 0)
        rc = fact(check, "login-required", "no", err);
    if (!is_set) {
        ks_hint(wrong, "the security officer has to set one");
        (void)ks_fail(wrong, KS_E_DENIED,
                      "token \"%s\": has no user PIN yet "
                      "(CKR_USER_PIN_NOT_INITIALIZED)",
                      label);
    } else if (user != NULL && user->wrong != NULL) {
        ks_hint(wrong, "%s", user->hint);
        (void)ks_fail(wrong, KS_E_DENIED, "token \"%s\": user PIN %s", label,
                      user->wrong);
    }
    return rc;
}

/* --- mechanisms ----------------------------------------------------------- */

static ks_rc tell_mechanisms(const struct check *check, struct ks_err *err)
{
    static const size_t name_max = 64;
    CK_MECHANISM_TYPE *list = NULL;
    size_t n = 0, used = 0;
    char *text;
    CK_RV rv = hsm_token_mechanisms(check->token, &list, &n);
    ks_rc rc;

    if (rv != CKR_OK)
        return hsm_ckr_fail(err, rv, "token \"%s\": mechanisms",
                            hsm_token_label(check->token));
    text = OPENSSL_zalloc(n * name_max + 1);
    for (size_t i = 0; text != NULL && i < n; i++)
        used += (size_t)snprintf(text + used, name_max, "%s%.60s",
                                 i > 0 ? ", " : "", hsm_mech_name(list[i]));
    rc = text == NULL ? ks_fail(err, KS_E_NOMEM, "out of memory")
                      : fact(check, "mechanisms", text, err);
    OPENSSL_free(text);
    OPENSSL_free(list);
    return rc;
}

/* What is wrong with the token's PIN shall not keep the rest from being
 * told. */
static ks_rc tell_all(struct check *check, struct ks_err *err)
{
    struct ks_err wrong = {0};
    ks_rc rc = tell_module(check, err);

    if (rc == KS_OK)
        rc = tell_token(check, err);
    if (rc == KS_OK)
        rc = tell_pins(check, &wrong, err);
    if (rc == KS_OK)
        rc = tell_mechanisms(check, err);
    if (rc != KS_OK || wrong.text[0] == '\0')
        return rc;
    ks_hint(err, "%s", wrong.hint);
    return ks_fail(err, KS_E_DENIED, "%s", wrong.text);
}

ks_rc hsm_check(const struct ks_backend_env *env, ks_fact_fn *each, void *arg,
                struct ks_err *err)
{
    struct check check = {.each = each, .arg = arg};
    ks_rc rc = hsm_place_read(env->name, env->dir, env->settings,
                              env->n_settings, &check.place, err);

    if (rc == KS_OK)
        rc = tell_all(&check, err);
    hsm_token_put(check.token);
    hsm_module_put(check.module);
    hsm_place_clear(&check.place);
    return rc;
}
