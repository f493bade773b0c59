/*
 * What libp11 does for us: it makes tokens. README.md says why no more.
 */
#ifndef HSM_P11_H
#define HSM_P11_H

#include <stdatomic.h>
#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "ks_err.h"
#include "ks_secret.h"

struct hsm_p11;

/* Set by a program that loads libp11 and p11-kit late, where one is not there:
 * what the loader says, never freed. NULL: none is missed. */
extern _Atomic(const char *) hsm_missing_library;

/* The error for a result of either library that says no more than "failed":
 * the one that is missing, else RC and TEXT. */
ks_rc hsm_library_fail(struct ks_err *err, ks_rc rc, const char *text);

/* PATH is loaded and initialised already: libp11 (0.4.12) would initialise it
 * without locks. */
KS_MUST_CHECK ks_rc hsm_p11_new(const char *path, struct hsm_p11 **out,
                                struct ks_err *err);
/* FINALISE: the module is ours, and is finalised by this. If not, libp11's
 * lists stay: letting go of them closes all sessions of the program. Takes
 * NULL. */
void hsm_p11_free(struct hsm_p11 *p11, bool finalise);

/* C_InitToken in the slot ID. CKR_SLOT_ID_INVALID: no such slot. */
CK_RV hsm_p11_init_token(struct hsm_p11 *p11, CK_SLOT_ID id, const char *label,
                         const struct ks_secret *so_pin);

#endif
