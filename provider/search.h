/*
 * Searches (OSSL_STORE_find): by what the certificates of keys say, by the
 * keys' names, by fingerprints.
 */
#ifndef PROV_SEARCH_H
#define PROV_SEARCH_H

#include <stdbool.h>

#include <openssl/core.h>

#include "ks_backend.h"
#include "ks_err.h"
#include "locate.h"

/* What can be searched by, for the table of settable parameters. */
#define PROV_SEARCH_PARAMS                                                     \
    OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),                \
        OSSL_PARAM_octet_string(OSSL_STORE_PARAM_ISSUER, NULL, 0),             \
        OSSL_PARAM_BN(OSSL_STORE_PARAM_SERIAL, NULL, 0),                       \
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_DIGEST, NULL, 0),              \
        OSSL_PARAM_octet_string(OSSL_STORE_PARAM_FINGERPRINT, NULL, 0),        \
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_ALIAS, NULL, 0)

/* A key that was found, and what is known of it without a secret. */
struct prov_hit {
    char *name; /* what the backend calls it */
    char *uri;
    struct ks_key_info info;
};

struct prov_hits {
    struct prov_hit *all;
    size_t n, room;
};
void prov_hits_clear(struct prov_hits *hits);

/* True if PARAMS ask for a search. */
bool prov_search_wanted(const OSSL_PARAM params[]);

/*
 * The keys of PLACE that PARAMS ask for, sorted. No secret is asked for. None
 * found is KS_OK with an empty list; a key that cannot be looked at is an
 * error only if no other was found. KS_E_INVALID: a criterion that is
 * malformed, or is none. Caller clears *hits, which is { 0 } before.
 */
KS_MUST_CHECK ks_rc prov_search(struct prov_ctx *ctx,
                                const struct prov_place *place,
                                const OSSL_PARAM params[],
                                struct prov_hits *hits, struct ks_err *err);

#endif
