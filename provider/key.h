/*
 * A key of the provider: what a KEYMGMT hands to libcrypto as "keydata", and
 * what SIGNATURE, ASYM_CIPHER and KEYEXCH are initialised with.
 *
 * Three kinds:
 *   foreign    no URI; SOFT holds all there is. Acts as default's key does.
 *   material   from a backend and extractable; SOFT holds all; has a URI.
 *   operation  from a backend and not extractable; SOFT holds the public
 *              half (and domain parameters); OPS and OPKEY do private things.
 */
#ifndef PROV_KEY_H
#define PROV_KEY_H

#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/types.h>

#include "ctx.h"
#include "ks_backend.h"
#include "ks_uri.h"

struct prov_store; /* stores.h */
struct prov_kept;  /* signature_kept.h */

struct prov_key {
    struct prov_ctx *ctx;
    atomic_int refs;
    const char *type; /* static: "RSA", "RSA-PSS", "EC", "ED25519", ... */
    EVP_PKEY *soft;   /* in ctx->child; NULL while a foreign key is empty */
    const struct ks_key_ops *ops;   /* NULL unless an operation key */
    void *opkey;                    /* freed by ops->free, unless of ORIGIN */
    struct prov_key *origin;        /* counted; of a duplicate: owns OPKEY */
    const struct prov_store *store; /* counted; of OPKEY, which it outlives */
    char *uri;                      /* canonical; NULL for foreign keys */
    char *pin_source; /* of the URI it came by, for its URI-PEM; or NULL */
    _Atomic(struct prov_kept *) kept; /* NULL until a message is signed */
    const char *resealed; /* static: what came of sealing it anew; or NULL */
    bool has_public;
    bool has_private;
};

/* An empty foreign key with one reference; NULL when out of memory. */
struct prov_key *prov_key_new(struct prov_ctx *ctx, const char *type);
void prov_key_ref(struct prov_key *key);
/* Frees with the last reference. Takes NULL. */
void prov_key_unref(struct prov_key *key);

/* A copy of what SELECTION (OSSL_KEYMGMT_SELECT_*) names; NULL on failure. */
struct prov_key *prov_key_dup(const struct prov_key *key, int selection);

/* Exchanges what A and B hold, not their counts. */
void prov_key_swap(struct prov_key *a, struct prov_key *b);

/* Keeps the pin-source of the URI that KEY came by, if another process can read
 * from there as well. False when out of memory. */
bool prov_key_keep_source(struct prov_key *key, const struct ks_uri *uri);

/* Finds out has_public and has_private anew, after a change of SOFT. */
void prov_key_probe(struct prov_key *key);

/* The static name of PKEY's type; NULL if we have no such key type. */
const char *prov_key_type(const EVP_PKEY *pkey);

static inline bool prov_key_is_operation(const struct prov_key *key)
{
    return key->ops != NULL;
}

#endif
