/*
 * Names of keys. A key on a token is a private object, a public object and
 * perhaps certificates with the same CKA_ID. Its name is
 *   LABEL            the private (or public) object's CKA_LABEL
 *   LABEL;id=HEX     with CKA_ID: where labels are shared, or empty
 * and in a store that was opened by a pkcs11: URI that URI.
 */
#ifndef HSM_NAME_H
#define HSM_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ks_err.h"

#define HSM_ID_MAX 255 /* bytes of a CKA_ID that we read or make */

struct hsm_name {
    char *label; /* "" matches no label in particular if there is an id */
    uint8_t *id; /* NULL: any */
    size_t id_len;
};

/* KS_E_INVALID: "x;id=" with no or odd or bad hexadecimal digits. */
KS_MUST_CHECK ks_rc hsm_name_parse(const char *text, struct hsm_name *name,
                                   struct ks_err *err);
void hsm_name_clear(struct hsm_name *name);

/* The text; ID NULL leaves it out. Caller frees with OPENSSL_free; NULL when
 * out of memory. Lower-case digits. */
char *hsm_name_format(const char *label, const uint8_t *id, size_t id_len);

#endif
