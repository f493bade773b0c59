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

#include <stdbool.h>

#include <openssl/types.h>

#include "ctx.h"
#include "ks_backend.h"

struct prov_key {
    struct prov_ctx *ctx;
    int refs;
    const char *type; /* static: "RSA", "RSA-PSS", "EC", "ED25519", ... */
    EVP_PKEY *soft;   /* in ctx->child; NULL while a foreign key is empty */
    const struct ks_key_ops *ops; /* NULL unless an operation key */
    void *opkey;                  /* owned: freed by ops->free */
    char *uri;     /* canonical; NULL for foreign keys */
    bool has_private;
};

/* An empty foreign key with one reference; NULL when out of memory. */
struct prov_key *prov_key_new(struct prov_ctx *ctx, const char *type);
void prov_key_ref(struct prov_key *key);
/* Frees with the last reference. Takes NULL. */
void prov_key_unref(struct prov_key *key);

static inline bool prov_key_is_operation(const struct prov_key *key)
{
    return key->ops != NULL;
}

#endif
