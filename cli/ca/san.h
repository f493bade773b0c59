/*
 * GeneralNames for name constraints: as SANs, but a domain may begin with a
 * dot, an address is a network, and a mail or URI name may be a bare domain.
 */
#ifndef CA_SAN_H
#define CA_SAN_H

#include "ca.h"

/* RFC 5280, 4.2.1.10. Caller frees. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_constraint_parse(const char *text, GENERAL_NAME **out,
                                        struct ks_err *err);

#endif
