/*
 * The steps that every operation with a key takes, and what is said when one
 * of them fails.
 */
#include "operation.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "login.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the object ---- */

/*
 * The handle and its epoch are two words that have to fit together. One
 * writer at a time; a reader takes the handle only if the epoch was the same
 * before and after. No lock: one that was held during a fork would stay held
 * in the child, where this only means that nothing is remembered.
 */
static bool recall(struct hsm_key *key, unsigned long epoch,
                   CK_OBJECT_HANDLE *object)
{
    if (atomic_load(&key->object_epoch) != epoch)
        return false;
    *object = atomic_load(&key->object);
    return atomic_load(&key->object_epoch) == epoch;
}

static void remember(struct hsm_key *key, unsigned long epoch,
                     CK_OBJECT_HANDLE object)
{
    if (atomic_flag_test_and_set(&key->writing))
        return;
    atomic_store(&key->object_epoch, HSM_NO_EPOCH);
    atomic_store(&key->object, object);
    atomic_store(&key->object_epoch, epoch);
    atomic_flag_clear(&key->writing);
}

/* By its name; and it has to be the same key, as what is signed has to fit
 * the public half that the key was opened with. */
static CK_RV find_again(struct hsm_key *key, const struct hsm_session *session,
                        CK_OBJECT_HANDLE *object)
{
    struct hsm_located l = {.allowed_len = 0};
    CK_RV rv = hsm_key_locate(session, &key->name, &l);

    if (rv == CKR_OK &&
        (l.found.n_keys == 0 || l.found.private == CK_INVALID_HANDLE))
        rv = hsm_is_logged_in(session->token) ? CKR_OBJECT_HANDLE_INVALID
                                              : CKR_USER_NOT_LOGGED_IN;
    else if (rv == CKR_ATTRIBUTE_TYPE_INVALID ||
             (rv == CKR_OK &&
              (l.spki.len != key->spki.len ||
               memcmp(l.spki.data, key->spki.data, l.spki.len) != 0)))
        rv = CKR_KEY_CHANGED;
    ks_buf_clear(&l.spki);
    if (rv == CKR_OK) {
        *object = l.found.private;
        remember(key, session->epoch, *object);
    }
    return rv;
}

CK_RV hsm_key_object(struct hsm_key *key, const struct hsm_session *session,
                     CK_OBJECT_HANDLE *object)
{
    if (recall(key, session->epoch, object))
        return CKR_OK;
    return find_again(key, session, object);
}

/* ---- the operation ---- */

static bool is_bad_handle(CK_RV rv)
{
    return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID;
}

/* Ends what INIT began: there is no other way in PKCS#11 2.x than to go
 * through with it. It fails, as the login did. */
static void give_up(struct hsm_op *op, const struct hsm_session *session,
                    hsm_once_fn *once)
{
    CK_ULONG len = HSM_BLOCK_MAX;

    (void)once(session->handle, (CK_BYTE *)op->in, op->in_len, op->out, &len);
    OPENSSL_cleanse(op->out, HSM_BLOCK_MAX);
}

/* INIT of OP, with the object as it is now. */
static CK_RV init_op(struct hsm_op *op, const struct hsm_session *session,
                     hsm_init_fn *init)
{
    CK_OBJECT_HANDLE object;
    CK_RV rv = hsm_key_object(op->key, session, &object);

    if (rv == CKR_OK)
        rv = init(session->handle, &op->mech.ck, object);
    if (!is_bad_handle(rv))
        return rv;
    /* Another process has made the object anew: the session is good. */
    rv = find_again(op->key, session, &object);
    return rv == CKR_OK ? init(session->handle, &op->mech.ck, object) : rv;
}

CK_RV hsm_op_begin(struct hsm_op *op, const struct hsm_session *session,
                   hsm_init_fn *init, hsm_once_fn *once)
{
    const bool careful = op->key->always_authenticate;
    CK_RV rv;

    /* After a PIN that was refused there is none to give. */
    if (careful && !hsm_is_logged_in(session->token))
        return CKR_USER_NOT_LOGGED_IN;
    rv = init_op(op, session, init);
    /* A module that did not end what had failed: the session is of no more
     * use, and this is what gets another one. */
    if (rv == CKR_OPERATION_ACTIVE)
        return CKR_SESSION_CLOSED;
    if (rv != CKR_OK || !careful)
        return rv;
    rv = hsm_login_again(session);
    if (rv != CKR_OK)
        give_up(op, session, once);
    return rv;
}

/* ---- errors ---- */

bool hsm_key_allows(const struct hsm_key *key, CK_MECHANISM_TYPE type)
{
    size_t i, n = key->allowed.len / sizeof(type);
    CK_MECHANISM_TYPE one;

    for (i = 0; i < n; i++) {
        memcpy(&one, key->allowed.data + i * sizeof(one), sizeof(one));
        if (one == type)
            return true;
    }
    return n == 0;
}

ks_rc hsm_key_check_allowed(const struct hsm_key *key, CK_MECHANISM_TYPE type,
                            struct ks_err *err)
{
    if (hsm_key_allows(key, type))
        return KS_OK;
    ks_hint(err, "the key was made for other mechanisms "
                 "(CKA_ALLOWED_MECHANISMS); use another key");
    return ks_fail(err, KS_E_POLICY,
                   "%s: key on token \"%s\" may not be used with %s: "
                   "CKR_MECHANISM_INVALID",
                   key->whose, hsm_token_label(key->token),
                   hsm_mech_name(type));
}

static const struct {
    CK_FLAGS use;
    const char *verb;
    const char *attribute;
} uses[] = {
    {CKF_SIGN, "sign", "CKA_SIGN"},
    {CKF_DECRYPT, "decrypt", "CKA_DECRYPT"},
    {CKF_DERIVE, "derive", "CKA_DERIVE"},
};

static ks_rc not_permitted(const struct hsm_op *op, CK_RV rv,
                           struct ks_err *err)
{
    size_t i = 0;

    (void)rv;
    while (i + 1 < N_OF(uses) && uses[i].use != op->use)
        i++;
    ks_hint(err,
            "the key has no %s; use a key that was made with the usage "
            "\"%s\"",
            uses[i].attribute, uses[i].verb);
    return ks_fail(err, KS_E_POLICY,
                   "%s: key on token \"%s\" may not %s: "
                   "CKR_KEY_FUNCTION_NOT_PERMITTED",
                   op->key->whose, hsm_token_label(op->key->token),
                   uses[i].verb);
}

static ks_rc no_mechanism(const struct hsm_op *op, CK_RV rv, struct ks_err *err)
{
    const CK_MECHANISM_TYPE type = op->mech.ck.mechanism;
    ks_rc rc = hsm_key_check_allowed(op->key, type, err);

    (void)rv;
    if (rc != KS_OK)
        return rc;
    ks_hint(err, "\"caadm backend check\" shows what the token can");
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: token \"%s\" has no %s for this key: "
                   "CKR_MECHANISM_INVALID",
                   op->key->whose, hsm_token_label(op->key->token),
                   hsm_mech_name(type));
}

/* SoftHSM says CKR_ARGUMENTS_BAD to parameters that it does not take. */
static ks_rc bad_param(const struct hsm_op *op, CK_RV rv, struct ks_err *err)
{
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: token \"%s\" does not take these parameters of %s: %s",
                   op->key->whose, hsm_token_label(op->key->token),
                   hsm_mech_name(op->mech.ck.mechanism), hsm_ckr_name(rv));
}

static ks_rc gone(const struct hsm_op *op, CK_RV rv, struct ks_err *err)
{
    (void)rv;
    ks_hint(err, "it was removed, or made anew as another key; load it again");
    return ks_fail(err, KS_E_NOT_FOUND,
                   "%s: key is not on token \"%s\" any more", op->key->whose,
                   hsm_token_label(op->key->token));
}

ks_rc hsm_op_fail(const struct hsm_op *op, CK_RV rv, struct ks_err *err)
{
    static const struct {
        CK_RV rv;
        ks_rc (*fail)(const struct hsm_op *op, CK_RV rv, struct ks_err *err);
    } known[] = {
        {CKR_KEY_FUNCTION_NOT_PERMITTED, not_permitted},
        {CKR_MECHANISM_INVALID, no_mechanism},
        {CKR_MECHANISM_PARAM_INVALID, bad_param},
        {CKR_ARGUMENTS_BAD, bad_param},
        {CKR_OBJECT_HANDLE_INVALID, gone},
        {CKR_KEY_HANDLE_INVALID, gone},
        {CKR_KEY_CHANGED, gone},
    };
    size_t i;

    for (i = 0; i < N_OF(known); i++)
        if (known[i].rv == rv)
            return known[i].fail(op, rv, err);
    return hsm_ckr_fail(err, rv, "%s: key on token \"%s\": %s", op->key->whose,
                        hsm_token_label(op->key->token),
                        hsm_mech_name(op->mech.ck.mechanism));
}
