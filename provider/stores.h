/*
 * Open backends: the configured ones, and those of URIs of their own.
 *
 * The configuration is read when the first key is asked for, a backend is
 * opened when its first key is. What failed is tried again next time; one
 * broken backend does not disturb the others.
 */
#ifndef PROV_STORES_H
#define PROV_STORES_H

#include <stdbool.h>

#include "ctx.h"
#include "ks_backend.h"
#include "ks_err.h"
#include "material.h"

/* One open backend. A configured one lives as long as the provider, one of a
 * URI as long as it is held; the same calls do for both. */
struct prov_store {
    const char *name; /* as configured: "default"; NULL: of a URI, and keys'
                         names are URIs */
    const struct ks_backend *backend;
    void *handle;           /* what backend->open made */
    const char *dir;        /* of the configuration; NULL: there is none */
    const char *passphrase; /* source; NULL: none is configured */
    bool extractable;       /* material keys may be handed out */
    /* Of a backend that keeps material keys; NULL, and all zero, of others. */
    struct ks_sealing *sealing;
    struct ks_place place;
    struct ks_crypto crypto; /* of PLACE */
    struct prov_stores *stores;
    struct prov_store_refs *refs; /* NULL: configured */
};

/* Borrows CTX. NULL when out of memory. */
struct prov_stores *prov_stores_new(const struct prov_ctx *ctx);
/* Closes every configured backend. Takes NULL. */
void prov_stores_free(struct prov_stores *stores);

/* The backend NAME, opened if need be; counted. KS_E_CONFIG,
 * KS_E_NOT_FOUND (no such backend, no configuration) and what the backend's
 * open says. May be called by many threads at once. */
KS_MUST_CHECK ks_rc prov_stores_get(struct prov_stores *stores,
                                    const char *name,
                                    const struct prov_store **out,
                                    struct ks_err *err);

/* A store of BACKEND for URI, which has BACKEND's scheme; counted. Works
 * without any configuration. */
KS_MUST_CHECK ks_rc prov_stores_open_uri(struct prov_stores *stores,
                                         const struct ks_backend *backend,
                                         const char *uri,
                                         const struct prov_store **out,
                                         struct ks_err *err);

/* A live key of STORE holds it. UNREF closes a URI's store with the last
 * reference, and takes NULL. */
const struct prov_store *prov_store_ref(const struct prov_store *store);
void prov_store_unref(const struct prov_store *store);

/*
 * The setting KEY of the configured backend BACKEND (of a ks_question), or of
 * STORE itself if that is NULL; NULL if it is not set. Relative file: sources
 * are below STORE->dir.
 */
const char *prov_store_setting(const struct prov_store *store,
                               const char *backend, const char *key);

/* Gets the certificate of the key NAME, unless *cert has it from info()
 * already. KS_OK and an empty *cert if there is none. */
KS_MUST_CHECK ks_rc prov_store_cert(const struct prov_store *store,
                                    const char *name, struct ks_buf *cert,
                                    struct ks_err *err);

/* True if the configuration, or the provider's section in openssl.cnf, names
 * PATH as a module. */
bool prov_store_names_module(const struct prov_store *store, const char *path);

/* What the backend NAME would be opened with, without opening it: for
 * ks_backend's check and initialise. ENV borrows from STORES. */
KS_MUST_CHECK ks_rc prov_stores_env(struct prov_stores *stores,
                                    const char *name,
                                    const struct ks_backend **backend,
                                    struct ks_backend_env *env,
                                    struct ks_err *err);

#endif
