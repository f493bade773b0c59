/*
 * A new seal for a stored key.
 */
#ifndef PROV_RESEAL_H
#define PROV_RESEAL_H

#include <openssl/core.h>

#include "key.h"
#include "ks_err.h"

/* Seals KEY's stored form as PARAMS say: PROV_PARAM_RESEAL and those with it.
 * Notes in KEY what came of it. */
KS_MUST_CHECK ks_rc prov_reseal(struct prov_key *key, const OSSL_PARAM params[],
                                struct ks_err *err);

#endif
