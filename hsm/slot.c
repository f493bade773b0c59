/*
 * Slots of a module. A slot that fails is shown as an empty one: it must not
 * hide the others.
 */
#include "token.h"

#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>

#include "ckr.h"
#include "token_state.h"

#define INFO_TRIES 20
#define INFO_PAUSE_NS 5000000L

/* A token put in between the two calls makes the list longer. */
#define LIST_TRIES 5
#define SLOTS_MAX 4096 /* of a module that we believe */

/* Blanks fill a field up (PKCS#11 3.0, 3.2); in some tokens zeros do. */
void hsm_field(char *out, const CK_UTF8CHAR *field, size_t len)
{
    while (len > 0 && (field[len - 1] == ' ' || field[len - 1] == '\0'))
        len--;
    memcpy(out, field, len);
    out[len] = '\0';
}

/* Bytes of the UTF-8 character at TEXT; 0: it is none, or one of control. */
static size_t character(const char *text, size_t len)
{
    unsigned long code = 0;
    int n = UTF8_getc((const unsigned char *)text, (int)len, &code);

    return n <= 0 || code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0
                                                                  : (size_t)n;
}

void hsm_field_text(char *out, const CK_UTF8CHAR *field, size_t len)
{
    size_t at = 0, step, end;

    hsm_field(out, field, len);
    while (len > 0 && (field[len - 1] == ' ' || field[len - 1] == '\0'))
        len--;
    for (end = len; at < end; at += step) {
        step = character(out + at, end - at);
        if (step == 0) {
            out[at] = '?';
            step = 1;
        }
    }
}

static CK_RV list_slots(const CK_FUNCTION_LIST *f, CK_SLOT_ID **ids,
                        CK_ULONG *n)
{
    CK_RV rv = CKR_BUFFER_TOO_SMALL;
    CK_ULONG room;

    *ids = NULL;
    for (int i = 0; i < LIST_TRIES && rv == CKR_BUFFER_TOO_SMALL; i++) {
        OPENSSL_free(*ids);
        *ids = NULL;
        rv = f->C_GetSlotList(CK_FALSE, NULL, n);
        if (rv != CKR_OK || *n == 0)
            return rv;
        if (*n > SLOTS_MAX)
            return CKR_GENERAL_ERROR;
        room = *n;
        *ids = OPENSSL_zalloc(room * sizeof(**ids));
        if (*ids == NULL)
            return CKR_HOST_MEMORY;
        rv = f->C_GetSlotList(CK_FALSE, *ids, n);
        if (rv == CKR_OK && *n > room)
            rv = CKR_GENERAL_ERROR;
    }
    if (rv != CKR_OK) {
        OPENSSL_free(*ids);
        *ids = NULL;
    }
    return rv;
}

CK_RV hsm_slot_token_info(const CK_FUNCTION_LIST *f, CK_SLOT_ID slot,
                          CK_TOKEN_INFO *info)
{
    static const struct timespec pause = {.tv_nsec = INFO_PAUSE_NS};
    CK_RV rv = f->C_GetTokenInfo(slot, info);

    for (int i = 1; rv == CKR_GENERAL_ERROR && i < INFO_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        rv = f->C_GetTokenInfo(slot, info);
    }
    return rv;
}

static void look(const CK_FUNCTION_LIST *f, struct hsm_slot *slot)
{
    slot->has_token = f->C_GetSlotInfo(slot->id, &slot->slot) == CKR_OK &&
                      (slot->slot.flags & CKF_TOKEN_PRESENT) != 0 &&
                      hsm_slot_token_info(f, slot->id, &slot->token) == CKR_OK;
}

/* *slots, caller frees. */
static CK_RV look_at_all(struct hsm_module *module, struct hsm_slot **slots,
                         size_t *n)
{
    CK_FUNCTION_LIST *f;
    CK_SLOT_ID *ids = NULL;
    CK_ULONG found = 0;
    CK_RV rv = hsm_module_enter(module, &f);

    if (rv != CKR_OK)
        return rv;
    rv = list_slots(f, &ids, &found);
    if (rv == CKR_OK && found > 0) {
        *slots = OPENSSL_zalloc(found * sizeof(**slots));
        rv = *slots != NULL ? CKR_OK : CKR_HOST_MEMORY;
    }
    for (size_t i = 0; rv == CKR_OK && i < found; i++) {
        (*slots)[i].id = ids[i];
        look(f, &(*slots)[i]);
    }
    *n = found;
    hsm_module_leave(module);
    OPENSSL_free(ids);
    return rv;
}

ks_rc hsm_slots(struct hsm_module *module, hsm_slot_each *each, void *arg,
                struct ks_err *err)
{
    unsigned long epoch = hsm_module_epoch(module);
    struct hsm_slot *slots = NULL;
    size_t n = 0;
    ks_rc rc = KS_OK;
    CK_RV rv = look_at_all(module, &slots, &n);

    if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
        hsm_module_lost(module, epoch);
        rv = look_at_all(module, &slots, &n);
    }
    if (rv != CKR_OK)
        rc = hsm_ckr_fail(err, rv, "module %s: list of slots",
                          hsm_module_path(module));
    for (size_t i = 0; rc == KS_OK && i < n; i++)
        rc = each(arg, &slots[i], err);
    OPENSSL_free(slots);
    return rc;
}
