/*
 * A private key that is asked for by name, out of where it is.
 */
#ifndef PROV_EXTRACT_H
#define PROV_EXTRACT_H

#include <openssl/core.h>

#include "key.h"
#include "ks_err.h"

/* Fills P, an octet string, with KEY's PKCS#8 DER; without room for it, tells
 * how much it may be. KS_E_NOT_EXPORTABLE, KS_E_DENIED. */
KS_MUST_CHECK ks_rc prov_extract(const struct prov_key *key, OSSL_PARAM *p,
                                 struct ks_err *err);

#endif
