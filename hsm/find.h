/*
 * The objects that make up one key, found by its name. A search costs some
 * devices milliseconds for every object on them: there is one by the label,
 * and one more only for parts that have another label.
 */
#ifndef HSM_FIND_H
#define HSM_FIND_H

#include "name.h"
#include "object.h"

enum hsm_part {
    HSM_PRIVATE = 1,
    HSM_PUBLIC = 2,
    HSM_CERT = 4
};

struct hsm_found {
    /* CK_INVALID_HANDLE: there is none, or it is hidden until a login, or it
     * was not wanted and has another label. Of several certificates any. */
    CK_OBJECT_HANDLE private, public, cert;
    uint8_t id[HSM_ID_MAX]; /* CKA_ID that they share */
    size_t id_len;
    size_t n_keys;   /* how many keys have the name; 0: not even a part */
    char names[192]; /* of several: what tells them apart, for a hint */
};

/* Looks for NAME. WANT: parts that are worth a search of their own if the
 * first did not find them. */
CK_RV hsm_find_key(const struct hsm_session *session,
                   const struct hsm_name *name, unsigned want,
                   struct hsm_found *found);

/* The same in a session of its own. */
CK_RV hsm_find_key_on(struct hsm_token *token, const struct hsm_name *name,
                      unsigned want, struct hsm_found *found);

/* KS_OK if it is one key; KS_E_NOT_FOUND without a text if none; KS_E_INVALID
 * if several, with the names that are not shared in the hint. */
KS_MUST_CHECK ks_rc hsm_found_check(const struct hsm_found *found,
                                    const struct hsm_token *token,
                                    const char *whose, struct ks_err *err);

#endif
