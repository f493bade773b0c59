/*
 * The one file that knows libp11.
 */
#include "p11.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/types.h>

/* libp11's header names them, <openssl/types.h> hides what is deprecated. */
typedef struct rsa_meth_st RSA_METHOD;
typedef struct ec_key_method_st EC_KEY_METHOD;

#include <libp11.h>

struct hsm_p11 {
    PKCS11_CTX *ctx;
    /* Kept as long as CTX: letting go of it closes every session on every
     * slot (C_CloseAllSessions), those of others as well. */
    PKCS11_SLOT *slots;
    unsigned n_slots;
};

_Atomic(const char *) hsm_missing_library;

ks_rc hsm_library_fail(struct ks_err *err, ks_rc rc, const char *text)
{
    const char *missing = atomic_load(&hsm_missing_library);

    if (missing == NULL)
        return ks_fail(err, rc, "%s", text);
    ks_hint(err, "keys on tokens need libp11 and p11-kit; Debian's packages "
                 "are libp11-3 and libp11-kit0");
    return ks_fail(err, KS_E_CONFIG, "a library is missing: %s", missing);
}

ks_rc hsm_p11_new(const char *path, struct hsm_p11 **out, struct ks_err *err)
{
    struct hsm_p11 *p11 = OPENSSL_zalloc(sizeof(*p11));
    char text[256];

    if (p11 == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    p11->ctx = PKCS11_CTX_new();
    if (p11->ctx != NULL && PKCS11_CTX_load(p11->ctx, path) == 0) {
        *out = p11;
        return KS_OK;
    }
    if (p11->ctx != NULL)
        PKCS11_CTX_free(p11->ctx);
    OPENSSL_free(p11);
    (void)snprintf(text, sizeof(text), "module %s: libp11 cannot load it",
                   path);
    return hsm_library_fail(err, KS_E_CRYPTO, text);
}

void hsm_p11_free(struct hsm_p11 *p11, bool finalise)
{
    if (p11 == NULL || !finalise)
        return;
    if (p11->slots != NULL)
        PKCS11_release_all_slots(p11->ctx, p11->slots, p11->n_slots);
    PKCS11_CTX_unload(p11->ctx);
    PKCS11_CTX_free(p11->ctx);
    OPENSSL_free(p11);
}

/* The result that libp11 put in the error queue, which is left as it was. */
static CK_RV result_of(int failed)
{
    unsigned long last = ERR_peek_last_error();
    CK_RV rv = CKR_OK;

    if (failed && ERR_GET_LIB(last) == ERR_get_CKR_code())
        rv = (CK_RV)ERR_GET_REASON(last);
    if (failed && rv == CKR_OK)
        rv = CKR_FUNCTION_FAILED;
    (void)ERR_pop_to_mark();
    return rv;
}

CK_RV hsm_p11_init_token(struct hsm_p11 *p11, CK_SLOT_ID id, const char *label,
                         const struct ks_secret *so_pin)
{
    char padded[33]; /* libp11 0.4.12 would fill the field up with zeros */
    PKCS11_SLOT *slot = NULL;
    CK_RV rv;

    (void)snprintf(padded, sizeof(padded), "%-32s", label);
    (void)ERR_set_mark();
    rv = result_of(PKCS11_update_slots(p11->ctx, &p11->slots, &p11->n_slots));
    if (rv != CKR_OK)
        return rv;
    for (unsigned i = 0; i < p11->n_slots; i++)
        if (PKCS11_get_slotid_from_slot(&p11->slots[i]) == id)
            slot = &p11->slots[i];
    if (slot == NULL || slot->token == NULL)
        return CKR_SLOT_ID_INVALID;
    (void)ERR_set_mark();
    return result_of(
        PKCS11_init_token(slot->token, (const char *)so_pin->data, padded));
}
