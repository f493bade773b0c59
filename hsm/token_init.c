/*
 * Making a token in a slot that has none. The slot is made sure of first:
 * C_InitToken on a token in use destroys all that is on it.
 */
#include <string.h>

#include "ckr.h"
#include "p11.h"
#include "token.h"

#define LABEL_SIZE 32 /* CK_TOKEN_INFO.label */

static bool has_label(const struct hsm_slot *slot, const char *label)
{
    char text[LABEL_SIZE + 1];

    if (!slot->has_token || (slot->token.flags & CKF_TOKEN_INITIALIZED) == 0)
        return false;
    hsm_field(text, slot->token.label, sizeof(slot->token.label));
    return strcmp(text, label) == 0;
}

struct search {
    hsm_slot_match *match;
    const void *arg;
    const char *label;
    CK_SLOT_ID slot;
    bool found;
    bool taken;
};

static ks_rc search_each(void *arg, const struct hsm_slot *slot,
                         struct ks_err *err)
{
    struct search *search = arg;

    (void)err;
    if (has_label(slot, search->label))
        search->taken = true;
    if (!search->found && slot->has_token &&
        (slot->token.flags & CKF_TOKEN_INITIALIZED) == 0 &&
        search->match(search->arg, slot)) {
        search->slot = slot->id;
        search->found = true;
    }
    return KS_OK;
}

/* The new token's slot: some modules put it in another. */
struct made {
    const char *label;
    CK_SLOT_ID slot;
    bool found;
};

static ks_rc made_each(void *arg, const struct hsm_slot *slot,
                       struct ks_err *err)
{
    struct made *made = arg;

    (void)err;
    if (has_label(slot, made->label)) {
        made->slot = slot->id;
        made->found = true;
    }
    return KS_OK;
}

static CK_RV set_pins(CK_FUNCTION_LIST *f, CK_SLOT_ID slot,
                      const struct ks_secret *so_pin,
                      const struct ks_secret *user_pin)
{
    CK_SESSION_HANDLE session;
    CK_RV rv = f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                NULL, &session);

    if (rv != CKR_OK)
        return rv;
    rv = f->C_Login(session, CKU_SO, so_pin->data, so_pin->len);
    if (rv == CKR_OK) {
        rv = f->C_InitPIN(session, user_pin->data, user_pin->len);
        (void)f->C_Logout(session);
    }
    (void)f->C_CloseSession(session);
    return rv;
}

static ks_rc init_pins(struct hsm_module *module, const char *label,
                       const struct ks_secret *so_pin,
                       const struct ks_secret *user_pin, struct ks_err *err)
{
    struct made made = {.label = label};
    CK_FUNCTION_LIST *f;
    ks_rc rc = hsm_slots(module, made_each, &made, err);
    CK_RV rv;

    if (rc != KS_OK)
        return rc;
    rv = hsm_module_enter(module, &f);
    if (rv == CKR_OK) {
        rv = !made.found ? CKR_TOKEN_NOT_PRESENT
                         : set_pins(f, made.slot, so_pin, user_pin);
        hsm_module_leave(module);
    }
    if (rv == CKR_OK)
        return KS_OK;
    ks_hint(err, "the security officer can still set it, with the SO PIN given "
                 "here (pkcs11-tool --init-pin)");
    return hsm_ckr_fail(err, rv,
                        "token \"%s\" was made but has no user PIN yet", label);
}

static ks_rc init_token(struct hsm_module *module, const struct search *search,
                        const char *label, const struct ks_secret *so_pin,
                        struct ks_err *err)
{
    struct hsm_p11 *p11;
    CK_FUNCTION_LIST *f;
    CK_RV rv = hsm_module_enter(module, &f);
    ks_rc rc;

    if (rv != CKR_OK)
        return hsm_ckr_fail(err, rv, "token \"%s\"", label);
    rc = hsm_module_p11(module, &p11, err);
    if (rc == KS_OK)
        rv = hsm_p11_init_token(p11, search->slot, label, so_pin);
    hsm_module_leave(module);
    if (rc == KS_OK && rv != CKR_OK)
        rc = hsm_ckr_fail(err, rv, "token \"%s\": it was not made", label);
    return rc;
}

static ks_rc check_args(const char *label, const struct ks_secret *so_pin,
                        const struct ks_secret *user_pin, struct ks_err *err)
{
    size_t len = strlen(label);

    if (len == 0 || len > LABEL_SIZE)
        return ks_fail(err, KS_E_INVALID,
                       "token label \"%s\": 1 to %d bytes are possible", label,
                       LABEL_SIZE);
    if (so_pin->len == 0 || user_pin->len == 0)
        return ks_fail(err, KS_E_SECRET_MISSING,
                       "token \"%s\": a new token needs an SO PIN and a user "
                       "PIN",
                       label);
    return KS_OK;
}

ks_rc hsm_token_init(struct hsm_module *module, hsm_slot_match *match,
                     const void *arg, const char *label,
                     const struct ks_secret *so_pin,
                     const struct ks_secret *user_pin, struct ks_err *err)
{
    struct search search = {.match = match, .arg = arg, .label = label};
    ks_rc rc = check_args(label, so_pin, user_pin, err);

    if (rc != KS_OK)
        return rc;
    rc = hsm_slots(module, search_each, &search, err);
    if (rc != KS_OK)
        return rc;
    if (search.taken)
        return ks_fail(err, KS_E_EXISTS,
                       "token \"%s\": module %s has one of this label", label,
                       hsm_module_path(module));
    if (!search.found)
        return ks_fail(err, KS_E_NOT_FOUND,
                       "token \"%s\": module %s has no slot that is free for "
                       "it",
                       label, hsm_module_path(module));
    rc = init_token(module, &search, label, so_pin, err);
    if (rc == KS_OK)
        rc = init_pins(module, label, so_pin, user_pin, err);
    return rc;
}
