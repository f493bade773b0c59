/*
 * Slots and tokens. A token in use is one object in the process, shared by
 * all that use it: its login, its sessions and the PINs it refused are the
 * process' and not a key's (PKCS#11 3.0, 4.7 and 5.6).
 */
#ifndef HSM_TOKEN_H
#define HSM_TOKEN_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "ks_err.h"
#include "ks_secret.h"
#include "module.h"

struct hsm_token;

/* A slot as it was seen. */
struct hsm_slot {
    CK_SLOT_ID id;
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token; /* valid if HAS_TOKEN */
    bool has_token;
};

/* A text of CK_TOKEN_INFO or CK_SLOT_INFO without what fills it up; OUT has
 * room for LEN + 1 bytes. */
void hsm_field(char *out, const CK_UTF8CHAR *field, size_t len);
/* The same for people to read: question marks for what is no text (bytes that
 * are no UTF-8, control characters). */
void hsm_field_text(char *out, const CK_UTF8CHAR *field, size_t len);

/* Which slots are meant; ARG is the caller's. */
typedef bool hsm_slot_match(const void *arg, const struct hsm_slot *slot);

/* Every slot of MODULE, once. A result other than KS_OK ends the walk and is
 * its result. */
typedef ks_rc hsm_slot_each(void *arg, const struct hsm_slot *slot,
                            struct ks_err *err);
KS_MUST_CHECK ks_rc hsm_slots(struct hsm_module *module, hsm_slot_each *each,
                              void *arg, struct ks_err *err);

/*
 * The one initialised token that MATCH accepts. Counted; holds MODULE.
 * KS_E_NOT_FOUND: none; the text says WANTED ("token \"x\"") and the hint
 * lists the labels seen. KS_E_INVALID: more than one; the hint lists their
 * serial numbers.
 */
KS_MUST_CHECK ks_rc hsm_token_get(struct hsm_module *module,
                                  hsm_slot_match *match, const void *arg,
                                  const char *wanted, struct hsm_token **out,
                                  struct ks_err *err);
void hsm_token_ref(struct hsm_token *token);
/* With the last reference sessions are closed, the user is logged out and
 * the PIN is wiped. Takes NULL. */
void hsm_token_put(struct hsm_token *token);

/* Without padding, as UTF-8; borrowed. */
const char *hsm_token_label(const struct hsm_token *token);
const char *hsm_token_serial(const struct hsm_token *token);
struct hsm_module *hsm_token_module(const struct hsm_token *token);
/* What C_GetTokenInfo says now (flags change with every PIN that is tried). */
CK_RV hsm_token_info(struct hsm_token *token, CK_TOKEN_INFO *info);
/* True if TOKEN has MECHANISM with all of FLAGS (CKF_SIGN, ...). */
bool hsm_token_can(struct hsm_token *token, CK_MECHANISM_TYPE mechanism,
                   CK_FLAGS flags);
/* All mechanisms; caller frees *list with OPENSSL_free. */
CK_RV hsm_token_mechanisms(struct hsm_token *token, CK_MECHANISM_TYPE **list,
                           size_t *n);

/* Between the two no other thread changes what lies on the token; for
 * turn.c. */
void hsm_token_create_begin(struct hsm_token *token);
void hsm_token_create_end(struct hsm_token *token);

/*
 * Between these two objects are made or destroyed, and between those others
 * searched. In SoftHSM 2.6.1 a search reads the file of an object that another
 * thread is just writing, and then either of them fails, in many ways. Nothing
 * waits but the beginnings of searches.
 */
void hsm_token_change_begin(struct hsm_token *token);
void hsm_token_change_end(struct hsm_token *token);
void hsm_token_search_begin(struct hsm_token *token);
void hsm_token_search_end(struct hsm_token *token);

/*
 * Makes a token in the first slot that MATCH accepts and that has none
 * (CKF_TOKEN_INITIALIZED not set): label, SO PIN, user PIN. LABEL at most 32
 * bytes of UTF-8. KS_E_EXISTS if a token of that label is there,
 * KS_E_NOT_FOUND if no slot is free. On failure after C_InitToken the text
 * says that the token has no user PIN yet.
 */
KS_MUST_CHECK ks_rc hsm_token_init(struct hsm_module *module,
                                   hsm_slot_match *match, const void *arg,
                                   const char *label,
                                   const struct ks_secret *so_pin,
                                   const struct ks_secret *user_pin,
                                   struct ks_err *err);

#endif
