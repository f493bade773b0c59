/*
 * Is a public key good enough to be certified?
 */
#ifndef CA_STRENGTH_H
#define CA_STRENGTH_H

#include <openssl/bn.h>

#include "ca.h"

/* KS_E_POLICY with the reason. */
KS_MUST_CHECK ks_rc ca_key_strength(const EVP_PKEY *pkey, struct ks_err *err);

/* What is known to be wrong with a modulus (CA/Browser Forum BR, 6.1.1.3 and
 * 6.1.6): NULL if nothing is. rsa_weak.c */
const char *ca_rsa_weakness(const BIGNUM *modulus);

#endif
