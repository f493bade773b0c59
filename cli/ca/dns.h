/*
 * Host names as they may stand in a certificate.
 */
#ifndef CA_DNS_H
#define CA_DNS_H

#include "ca.h"

/* A host name, IDN to A-labels, lower case kept as written; WILDCARD allows
 * "*." before it. Caller frees *out with OPENSSL_free. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_dns_name(const char *text, bool wildcard, char **out,
                                struct ks_err *err);

#endif
