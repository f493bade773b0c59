/*
 * Objects on a token: finding them by template, reading their attributes.
 */
#ifndef HSM_OBJECT_H
#define HSM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "ks_buf.h"
#include "session.h"

/* What keys are found by. Absent parts match anything. */
struct hsm_query {
    bool has_class;
    CK_OBJECT_CLASS class;
    const char *label; /* NULL: any */
    const uint8_t *id; /* NULL: any */
    size_t id_len;
};

/* Handles of the token objects that QUERY matches, at most ROOM of them into
 * HANDLES; *n is how many there are in all. */
CK_RV hsm_find(const struct hsm_session *session, const struct hsm_query *query,
               CK_OBJECT_HANDLE *handles, size_t room, size_t *n);

/* As hsm_find, all of them; caller frees *handles with OPENSSL_free. */
CK_RV hsm_find_all(const struct hsm_session *session,
                   const struct hsm_query *query, CK_OBJECT_HANDLE **handles,
                   size_t *n);

/*
 * Several attributes with one call, into the caller's buffers. What the object
 * does not have or tell, and what does not fit, comes back with ulValueLen 0.
 */
CK_RV hsm_attributes(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                     CK_ATTRIBUTE *attributes, size_t n);

/* The value of one attribute. CKR_ATTRIBUTE_TYPE_INVALID if the object has
 * none (or an empty one, or does not tell). Caller clears *value. */
CK_RV hsm_attribute(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, struct ks_buf *value);
/* Of the fixed sizes. */
CK_RV hsm_attribute_bool(const struct hsm_session *session,
                         CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                         bool *value);
CK_RV hsm_attribute_ulong(const struct hsm_session *session,
                          CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                          CK_ULONG *value);

#endif
