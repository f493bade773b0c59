/*
 * A URI-PEM's content: pkcs11-provider's format, so that one file works with
 * either provider.
 *
 *   Pkcs11ProviderUri ::= SEQUENCE {
 *       version  VisibleString,  -- "PKCS#11 Provider URI v1.0"
 *       uri      UTF8String }
 *
 * Nothing here follows the URI or knows what it may be.
 */
#ifndef PROV_URIPEM_H
#define PROV_URIPEM_H

#include <stddef.h>
#include <stdint.h>

#include "ks_buf.h"
#include "ks_err.h"

#define PROV_URIPEM_LABEL "PKCS#11 PROVIDER URI"

/* Makes the DER of URI. Caller clears. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc prov_uripem_make(const char *uri, struct ks_buf *der,
                                     struct ks_err *err);

/*
 * Reads DER, all of it. Caller frees *uri with OPENSSL_free; it has 1 to
 * KS_URI_MAX bytes, no NUL among them. KS_E_INVALID, KS_E_UNSUPPORTED for
 * another version, KS_E_NOMEM.
 */
KS_MUST_CHECK ks_rc prov_uripem_parse(const uint8_t *der, size_t len,
                                      char **uri, struct ks_err *err);

#endif
