/*
 * PINs that were refused: none is tried twice by a process.
 */
#ifndef HSM_PIN_H
#define HSM_PIN_H

#include "token.h"

/* Of TOKEN's USER (CKU_USER, CKU_SO). */
bool hsm_pin_was_refused(const struct hsm_token *token, CK_USER_TYPE user,
                         const struct ks_secret *pin);
void hsm_pin_refused(const struct hsm_token *token, CK_USER_TYPE user,
                     const struct ks_secret *pin);

#endif
