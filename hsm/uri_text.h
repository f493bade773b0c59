/*
 * The text of a pkcs11: URI, looked through before p11-kit gets it.
 */
#ifndef HSM_URI_TEXT_H
#define HSM_URI_TEXT_H

#include "ks_err.h"
#include "ks_uri.h"

#define HSM_URI_SCHEME "pkcs11:"

/*
 * Checks that TEXT has known attributes only, each once and in its place. OUT
 * (cleared by the caller) gets type and PINs, *clean the rest, to be decoded;
 * caller frees it with OPENSSL_free. KS_E_INVALID.
 */
KS_MUST_CHECK ks_rc hsm_uri_scan(const char *text, struct ks_uri *out,
                                 char **clean, struct ks_err *err);

/* Writes "TEXT: WHY", TEXT without PINs. Returns KS_E_INVALID. */
ks_rc hsm_uri_refuse(const char *text, struct ks_err *err, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

#endif
