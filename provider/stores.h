/*
 * The configured backends. The configuration is read when the first key is
 * asked for, a backend is opened when its first key is. What failed is tried
 * again next time; one broken backend does not disturb the others.
 */
#ifndef PROV_STORES_H
#define PROV_STORES_H

#include <stdbool.h>

#include "ctx.h"
#include "ks_backend.h"
#include "ks_err.h"

/* One open backend. Lives as long as the provider. */
struct prov_store {
    const char *name; /* as configured: "default" */
    const struct ks_backend *backend;
    void *handle;           /* what backend->open made */
    const char *dir;        /* of the configuration */
    const char *passphrase; /* source; NULL: none is configured */
    bool extractable;       /* material keys may be handed out */
    bool sealing;           /* keys are kept under secrets */
};

/* Borrows CTX. NULL when out of memory. */
struct prov_stores *prov_stores_new(const struct prov_ctx *ctx);
/* Closes every backend. Takes NULL. */
void prov_stores_free(struct prov_stores *stores);

/* The backend NAME, opened if need be; borrowed. KS_E_CONFIG,
 * KS_E_NOT_FOUND (no such backend, no configuration) and what the backend's
 * open says. May be called by many threads at once. */
KS_MUST_CHECK ks_rc prov_stores_get(struct prov_stores *stores,
                                    const char *name,
                                    const struct prov_store **out,
                                    struct ks_err *err);

#endif
