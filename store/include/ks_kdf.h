/*
 * What it costs to try a passphrase: "scrypt:N:r:p" (RFC 7914).
 */
#ifndef KS_KDF_H
#define KS_KDF_H

#include <stdint.h>

#include "ks_err.h"

/* As costly as N=2^17 p=1, inside the 32 MiB that stock OpenSSL allows. */
#define KS_KDF_DEFAULT "scrypt:16384:8:5"
/* For secrets of 256 random bits, which nobody tries. */
#define KS_KDF_RANDOM "scrypt:2:8:1"

/* The longest text of one, and a NUL. */
#define KS_KDF_TEXT_SIZE 72

struct ks_kdf {
    uint64_t n, r, p;
};

/* KS_E_INVALID, naming the fault: N is no power of two, or stock OpenSSL
 * could not open what was sealed so, or it would take minutes. */
KS_MUST_CHECK ks_rc ks_kdf_parse(const char *text, struct ks_kdf *kdf,
                                 struct ks_err *err);

/* As ks_kdf_parse reads it. */
void ks_kdf_format(const struct ks_kdf *kdf, char out[KS_KDF_TEXT_SIZE]);

/* The same check for parameters from elsewhere, such as a sealed key. */
KS_MUST_CHECK ks_rc ks_kdf_check(const struct ks_kdf *kdf, struct ks_err *err);

#endif
