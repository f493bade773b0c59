/*
 * Cryptoki's results (PKCS#11 3.0, 5.1.6): their names, what they mean to us,
 * and what a person can do about them. One table.
 */
#ifndef HSM_CKR_H
#define HSM_CKR_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "ks_err.h"

/* "CKR_PIN_INCORRECT"; for one that is not in the table "CKR_0x80000001". The
 * text lasts until the thread's next call. */
const char *hsm_ckr_name(CK_RV rv);

/* The result that callers act on; KS_OK for CKR_OK. */
ks_rc hsm_ckr_rc(CK_RV rv);

/* True if handles that were good have gone stale (token taken out and put
 * back, module initialised anew, session closed by another): a new session
 * may well succeed. */
bool hsm_ckr_is_stale(CK_RV rv);

/*
 * Writes "WHAT: CKR_NAME: MEANING" (WHAT names token and object, by FORMAT)
 * and the hint of the table, if they are not written yet. Returns
 * hsm_ckr_rc(RV), or KS_E_CRYPTO for CKR_OK.
 */
ks_rc hsm_ckr_fail(struct ks_err *err, CK_RV rv, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
