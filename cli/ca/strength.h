/*
 * Is a public key good enough to be certified?
 */
#ifndef CA_STRENGTH_H
#define CA_STRENGTH_H

#include <openssl/bn.h>

#include "ca.h"

/* KS_E_POLICY with the reason. */
KS_MUST_CHECK ks_rc ca_key_strength(const EVP_PKEY *pkey, struct ks_err *err);

/* False if the key is written in SPKI otherwise than usual: an EC point that is
 * compressed, an RSA key without its NULL or in no DER. One key in two guises
 * would escape what is known of the other: that it is a CA's, or stolen. */
bool ca_key_is_plain(const EVP_PKEY *pkey, const X509_PUBKEY *spki);

/* What is known to be wrong with a modulus (CA/Browser Forum BR, 6.1.1.3 and
 * 6.1.6): NULL if nothing is. rsa_weak.c */
const char *ca_rsa_weakness(const BIGNUM *modulus);

#endif
