/*
 * Cryptoki's results as a table: what each is called, which of our results it
 * is, what it means to a person and what that person can do.
 */
#include "ckr.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct ckr {
    CK_RV rv;
    const char *name;
    ks_rc rc;
    bool stale;
    const char *meaning;
    const char *hint; /* NULL: none */
};

#define HINT_LOG_IN                                                            \
    "give the user PIN: setting user_pin in caadm.conf, or ?pin-source= in "   \
    "the URI"
#define HINT_DEVICE "see that the device is connected and its software runs"
#define HINT_UNLOCK "the security officer can set a new user PIN"
#define HINT_MECHANISM "caadm backend check lists what the token can do"
#define HINT_ATTRIBUTE "caadm key show tells what the key may be used for"

/* clang-format off */
#define CKR(name, rc, stale, meaning, hint)                                    \
    {name, #name, rc, stale, meaning, hint}
static const struct ckr table[] = {
    CKR(CKR_OK, KS_OK, false, "done", NULL),
    CKR(CKR_CANCEL, KS_E_INTERRUPTED, false, "cancelled", NULL),
    CKR(CKR_HOST_MEMORY, KS_E_NOMEM, false, "out of memory", NULL),
    CKR(CKR_SLOT_ID_INVALID, KS_E_NOT_FOUND, true,
        "the slot is gone", HINT_DEVICE),
    CKR(CKR_GENERAL_ERROR, KS_E_CRYPTO, false,
        "the module failed and does not say why",
        "its own log or configuration may tell"),
    CKR(CKR_FUNCTION_FAILED, KS_E_CRYPTO, false,
        "the token could not do it", NULL),
    CKR(CKR_ARGUMENTS_BAD, KS_E_CRYPTO, false,
        "the module does not take these arguments", NULL),
    CKR(CKR_NO_EVENT, KS_E_CRYPTO, false, "nothing has happened", NULL),
    CKR(CKR_NEED_TO_CREATE_THREADS, KS_E_UNSUPPORTED, false,
        "the module needs threads of its own", NULL),
    CKR(CKR_CANT_LOCK, KS_E_UNSUPPORTED, false,
        "the module is not made for programs with threads", NULL),
    CKR(CKR_ATTRIBUTE_READ_ONLY, KS_E_DENIED, false,
        "the attribute cannot be set", NULL),
    CKR(CKR_ATTRIBUTE_SENSITIVE, KS_E_NOT_EXPORTABLE, false,
        "the value does not leave the token", NULL),
    CKR(CKR_ATTRIBUTE_TYPE_INVALID, KS_E_UNSUPPORTED, false,
        "the object has no such attribute", NULL),
    CKR(CKR_ATTRIBUTE_VALUE_INVALID, KS_E_UNSUPPORTED, false,
        "the token does not take such a value", HINT_MECHANISM),
    CKR(CKR_DATA_INVALID, KS_E_INVALID, false,
        "the data is not what the operation takes", NULL),
    CKR(CKR_DATA_LEN_RANGE, KS_E_INVALID, false,
        "the data is too long or too short for the key", NULL),
    CKR(CKR_DEVICE_ERROR, KS_E_IO, false, "the device failed", HINT_DEVICE),
    CKR(CKR_DEVICE_MEMORY, KS_E_FULL, false,
        "the token is full", "remove objects that are not needed"),
    CKR(CKR_DEVICE_REMOVED, KS_E_NOT_FOUND, true,
        "the device was taken out", HINT_DEVICE),
    CKR(CKR_ENCRYPTED_DATA_INVALID, KS_E_CRYPTO, false,
        "this was not encrypted for the key", NULL),
    CKR(CKR_ENCRYPTED_DATA_LEN_RANGE, KS_E_CRYPTO, false,
        "this was not encrypted for the key", NULL),
    CKR(CKR_FUNCTION_CANCELED, KS_E_INTERRUPTED, false, "cancelled", NULL),
    CKR(CKR_FUNCTION_NOT_PARALLEL, KS_E_CRYPTO, false,
        "there is no such operation", NULL),
    CKR(CKR_FUNCTION_NOT_SUPPORTED, KS_E_UNSUPPORTED, false,
        "the module cannot do this", HINT_MECHANISM),
    CKR(CKR_KEY_HANDLE_INVALID, KS_E_NOT_FOUND, true,
        "the key is gone", NULL),
    CKR(CKR_KEY_SIZE_RANGE, KS_E_UNSUPPORTED, false,
        "the token does not take keys of this size", HINT_MECHANISM),
    CKR(CKR_KEY_TYPE_INCONSISTENT, KS_E_INVALID, false,
        "the key is of another kind", NULL),
    CKR(CKR_KEY_NOT_NEEDED, KS_E_CRYPTO, false, "no key is needed", NULL),
    CKR(CKR_KEY_CHANGED, KS_E_CRYPTO, false, "the key has changed", NULL),
    CKR(CKR_KEY_NEEDED, KS_E_CRYPTO, false, "a key is needed", NULL),
    CKR(CKR_KEY_INDIGESTIBLE, KS_E_CRYPTO, false,
        "the key cannot be hashed", NULL),
    CKR(CKR_KEY_FUNCTION_NOT_PERMITTED, KS_E_DENIED, false,
        "the key may not be used for this", HINT_ATTRIBUTE),
    CKR(CKR_KEY_NOT_WRAPPABLE, KS_E_NOT_EXPORTABLE, false,
        "the key does not leave the token", NULL),
    CKR(CKR_KEY_UNEXTRACTABLE, KS_E_NOT_EXPORTABLE, false,
        "the key does not leave the token", NULL),
    CKR(CKR_MECHANISM_INVALID, KS_E_UNSUPPORTED, false,
        "the token lacks this mechanism", HINT_MECHANISM),
    CKR(CKR_MECHANISM_PARAM_INVALID, KS_E_UNSUPPORTED, false,
        "the token lacks these parameters of the mechanism", HINT_MECHANISM),
    CKR(CKR_OBJECT_HANDLE_INVALID, KS_E_NOT_FOUND, true,
        "the object is gone", NULL),
    CKR(CKR_OPERATION_ACTIVE, KS_E_BUSY, false,
        "another operation has not ended", NULL),
    CKR(CKR_OPERATION_NOT_INITIALIZED, KS_E_CRYPTO, false,
        "the operation was not begun", NULL),
    CKR(CKR_PIN_INCORRECT, KS_E_SECRET_WRONG, false,
        "the PIN is wrong", NULL),
    CKR(CKR_PIN_INVALID, KS_E_SECRET_WRONG, false,
        "the PIN holds characters that the token does not take", NULL),
    CKR(CKR_PIN_LEN_RANGE, KS_E_SECRET_WRONG, false,
        "the PIN is too long or too short for the token", NULL),
    CKR(CKR_PIN_EXPIRED, KS_E_DENIED, false,
        "the PIN has to be changed first",
        "change it with the tool of the token's maker"),
    CKR(CKR_PIN_LOCKED, KS_E_DENIED, false,
        "the PIN is locked after too many wrong ones", HINT_UNLOCK),
    CKR(CKR_SESSION_CLOSED, KS_E_CRYPTO, true,
        "the session was closed meanwhile", NULL),
    CKR(CKR_SESSION_COUNT, KS_E_BUSY, false,
        "the token has no session left",
        "another program may hold its sessions"),
    CKR(CKR_SESSION_HANDLE_INVALID, KS_E_CRYPTO, true,
        "the session was closed meanwhile", NULL),
    CKR(CKR_SESSION_PARALLEL_NOT_SUPPORTED, KS_E_CRYPTO, false,
        "the session is of the wrong kind", NULL),
    CKR(CKR_SESSION_READ_ONLY, KS_E_DENIED, false,
        "the session may not write", NULL),
    CKR(CKR_SESSION_EXISTS, KS_E_BUSY, false,
        "the token is in use", "close the programs that use it"),
    CKR(CKR_SESSION_READ_ONLY_EXISTS, KS_E_DENIED, false,
        "the security officer cannot log in while the token is read",
        "an SO PIN only makes tokens and sets user PINs; " HINT_LOG_IN),
    CKR(CKR_SESSION_READ_WRITE_SO_EXISTS, KS_E_DENIED, false,
        "the security officer is logged in",
        "an SO PIN only makes tokens and sets user PINs; " HINT_LOG_IN),
    CKR(CKR_SIGNATURE_INVALID, KS_E_VERIFY, false,
        "the signature is wrong", NULL),
    CKR(CKR_SIGNATURE_LEN_RANGE, KS_E_VERIFY, false,
        "the signature has the wrong length", NULL),
    CKR(CKR_TEMPLATE_INCOMPLETE, KS_E_UNSUPPORTED, false,
        "the token wants more attributes than it was given", NULL),
    CKR(CKR_TEMPLATE_INCONSISTENT, KS_E_UNSUPPORTED, false,
        "the token does not take these attributes together", NULL),
    CKR(CKR_TOKEN_NOT_PRESENT, KS_E_NOT_FOUND, true,
        "there is no token in the slot", HINT_DEVICE),
    CKR(CKR_TOKEN_NOT_RECOGNIZED, KS_E_NOT_FOUND, false,
        "the module does not know such tokens", NULL),
    CKR(CKR_TOKEN_WRITE_PROTECTED, KS_E_DENIED, false,
        "the token is write-protected", NULL),
    CKR(CKR_UNWRAPPING_KEY_HANDLE_INVALID, KS_E_NOT_FOUND, true,
        "the key is gone", NULL),
    CKR(CKR_UNWRAPPING_KEY_SIZE_RANGE, KS_E_UNSUPPORTED, false,
        "the token does not take keys of this size", NULL),
    CKR(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, KS_E_INVALID, false,
        "the key is of another kind", NULL),
    CKR(CKR_USER_ALREADY_LOGGED_IN, KS_E_BUSY, false,
        "the user is logged in already", NULL),
    CKR(CKR_USER_NOT_LOGGED_IN, KS_E_DENIED, true,
        "nobody has logged in to the token", HINT_LOG_IN),
    CKR(CKR_USER_PIN_NOT_INITIALIZED, KS_E_DENIED, false,
        "the token has no user PIN yet",
        "the security officer has to set one"),
    CKR(CKR_USER_TYPE_INVALID, KS_E_UNSUPPORTED, false,
        "the token does not know such a user", NULL),
    CKR(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, KS_E_BUSY, false,
        "somebody else is logged in to the token",
        "one of user and security officer can be logged in at a time"),
    CKR(CKR_USER_TOO_MANY_TYPES, KS_E_BUSY, false,
        "too many users are logged in to the token", NULL),
    CKR(CKR_WRAPPED_KEY_INVALID, KS_E_INVALID, false,
        "the wrapped key is damaged", NULL),
    CKR(CKR_WRAPPED_KEY_LEN_RANGE, KS_E_INVALID, false,
        "the wrapped key has the wrong length", NULL),
    CKR(CKR_WRAPPING_KEY_HANDLE_INVALID, KS_E_NOT_FOUND, true,
        "the key is gone", NULL),
    CKR(CKR_WRAPPING_KEY_SIZE_RANGE, KS_E_UNSUPPORTED, false,
        "the token does not take keys of this size", NULL),
    CKR(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, KS_E_INVALID, false,
        "the key is of another kind", NULL),
    CKR(CKR_RANDOM_SEED_NOT_SUPPORTED, KS_E_UNSUPPORTED, false,
        "the token takes no seed", NULL),
    CKR(CKR_RANDOM_NO_RNG, KS_E_UNSUPPORTED, false,
        "the token has no random numbers", NULL),
    CKR(CKR_DOMAIN_PARAMS_INVALID, KS_E_UNSUPPORTED, false,
        "the token does not have this curve", HINT_MECHANISM),
    CKR(CKR_CURVE_NOT_SUPPORTED, KS_E_UNSUPPORTED, false,
        "the token does not have this curve", HINT_MECHANISM),
    CKR(CKR_BUFFER_TOO_SMALL, KS_E_INVALID, false,
        "the result is longer than its buffer", NULL),
    CKR(CKR_SAVED_STATE_INVALID, KS_E_INVALID, false,
        "the saved state is damaged", NULL),
    CKR(CKR_INFORMATION_SENSITIVE, KS_E_NOT_EXPORTABLE, false,
        "the value does not leave the token", NULL),
    CKR(CKR_STATE_UNSAVEABLE, KS_E_UNSUPPORTED, false,
        "the state cannot be saved", NULL),
    CKR(CKR_CRYPTOKI_NOT_INITIALIZED, KS_E_CRYPTO, true,
        "the module was shut down meanwhile", NULL),
    CKR(CKR_CRYPTOKI_ALREADY_INITIALIZED, KS_E_BUSY, false,
        "the module is initialised already", NULL),
    CKR(CKR_MUTEX_BAD, KS_E_CRYPTO, false, "a lock of the module broke", NULL),
    CKR(CKR_MUTEX_NOT_LOCKED, KS_E_CRYPTO, false,
        "a lock of the module broke", NULL),
    CKR(CKR_FUNCTION_REJECTED, KS_E_DENIED, false,
        "the token's owner refused it", NULL),
};
#undef CKR
/* clang-format on */

static const struct ckr *find(CK_RV rv)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].rv == rv)
            return &table[i];
    return NULL;
}

const char *hsm_ckr_name(CK_RV rv)
{
    static _Thread_local char unknown[32];
    const struct ckr *ckr = find(rv);

    if (ckr != NULL)
        return ckr->name;
    (void)snprintf(unknown, sizeof(unknown), "CKR_0x%08lX", rv);
    return unknown;
}

ks_rc hsm_ckr_rc(CK_RV rv)
{
    const struct ckr *ckr = find(rv);

    return ckr != NULL ? ckr->rc : KS_E_CRYPTO;
}

bool hsm_ckr_is_stale(CK_RV rv)
{
    const struct ckr *ckr = find(rv);

    return ckr != NULL && ckr->stale;
}

ks_rc hsm_ckr_fail(struct ks_err *err, CK_RV rv, const char *format, ...)
{
    const struct ckr *ckr = find(rv);
    const char *meaning = ckr != NULL ? ckr->meaning
                          : rv >= CKR_VENDOR_DEFINED
                              ? "the module's maker knows what it means"
                              : "an unknown result";
    ks_rc rc = rv == CKR_OK ? KS_E_CRYPTO : hsm_ckr_rc(rv);
    char what[320];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (rv == CKR_OK)
        return ks_fail(err, rc, "%s: the module's answer makes no sense", what);
    if (ckr != NULL && ckr->hint != NULL)
        ks_hint(err, "%s", ckr->hint);
    return ks_fail(err, rc, "%s: %s: %s", what, hsm_ckr_name(rv), meaning);
}
