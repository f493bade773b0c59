/*
 * What a key made inside a backend may be used for: keystore-usage.
 */
#ifndef PROV_USAGE_H
#define PROV_USAGE_H

#include "ks_err.h"

/* Reads "sign,decrypt" for a key of TYPE ("RSA", ...) into *usage, ks_usage
 * added up. KS_E_INVALID: a word that is none, or that TYPE cannot do. */
KS_MUST_CHECK ks_rc prov_usage_parse(const char *text, const char *type,
                                     unsigned *usage, struct ks_err *err);

#endif
