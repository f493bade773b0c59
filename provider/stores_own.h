/*
 * What stores.c (configured backends) and store.c (one open store) share.
 */
#ifndef PROV_STORES_OWN_H
#define PROV_STORES_OWN_H

#include <openssl/crypto.h>

#include "ks_config.h"
#include "plugin.h"
#include "stores.h"

/* One [backend NAME]. LOCK guards the opening only: an open store does not
 * change. A backend that is slow to open holds up nobody but its users. */
struct prov_slot {
    CRYPTO_RWLOCK *lock;
    const struct ks_section *section;
    bool open;
    struct prov_store store;
};

struct prov_stores {
    const struct prov_ctx *ctx;
    CRYPTO_RWLOCK *lock; /* guards the fields below, until they are set */
    struct ks_config *config;
    struct prov_slot *slots;
    size_t n_slots;
    struct prov_plugins *plugins; /* has a lock of its own */
};

/* A line of the provider's section in openssl.cnf, or NULL. */
const char *prov_stores_own_setting(const struct prov_ctx *ctx,
                                    const char *key);

/* Opens STORE, all set but for handle, sealing and place, with ENV. STORE
 * stays closed on failure. */
KS_MUST_CHECK ks_rc prov_store_open(struct prov_store *store,
                                    const struct ks_backend_env *env,
                                    struct ks_err *err);
void prov_store_close(struct prov_store *store);

/* Reads the configuration, unless that is done. */
KS_MUST_CHECK ks_rc prov_stores_need_config(struct prov_stores *stores,
                                            struct ks_err *err);

/* All sections of TYPE, for ks_backend_env.peers. Caller frees *out. */
KS_MUST_CHECK ks_rc prov_stores_peers(const struct prov_stores *stores,
                                      const char *type,
                                      const struct ks_section ***out,
                                      size_t *n_out, struct ks_err *err);

#endif
