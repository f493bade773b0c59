/*
 * PINs that were refused: none is tried twice by a process, its children and
 * theirs.
 */
#ifndef HSM_PIN_H
#define HSM_PIN_H

#include "token.h"

/* Of TOKEN's USER (CKU_USER, CKU_SO, CKU_CONTEXT_SPECIFIC). */
bool hsm_pin_was_refused(const struct hsm_token *token, CK_USER_TYPE user,
                         const struct ks_secret *pin);
void hsm_pin_refused(const struct hsm_token *token, CK_USER_TYPE user,
                     const struct ks_secret *pin);

/* Between the two no other of these processes tries a PIN, so that of several
 * that have the same wrong one only the first does. Waits for some seconds at
 * most. Giving back what was not taken is harmless. */
struct hsm_pin_turn {
    bool taken;
};
void hsm_pin_turn_take(struct hsm_pin_turn *turn);
void hsm_pin_turn_give(struct hsm_pin_turn *turn);

#endif
