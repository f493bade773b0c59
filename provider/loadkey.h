/*
 * From a URI to a key: the one way in, for the store loader and the decoder.
 */
#ifndef PROV_LOADKEY_H
#define PROV_LOADKEY_H

#include "ctx.h"
#include "key.h"
#include "ks_err.h"
#include "ks_secret.h"
#include "locate.h"
#include "stores.h"

/*
 * Loads the key that PLACE names, public half only if PUBLIC_ONLY (then no
 * secret is asked for). ASK is the application's way to a secret; it comes
 * after what the URI gives (which, if it does, is the only one) and the
 * backend's settings (ask.h). *out has one reference, and outlives PLACE.
 * Results: as ks_backend.h's load, KS_E_NOT_FOUND with a text.
 */
KS_MUST_CHECK ks_rc prov_load_key(struct prov_ctx *ctx,
                                  const struct prov_place *place,
                                  bool public_only, const struct ks_ask *ask,
                                  struct prov_key **out, struct ks_err *err);

/* What prov_load_key is made of, for key creation as well. */

/*
 * A private key from what the backend gave: a material key, or an operation
 * key if STORE is not extractable. Copies URI.
 */
KS_MUST_CHECK ks_rc prov_key_from_pkcs8(
    struct prov_ctx *ctx, const struct prov_store *store, const char *uri,
    const struct ks_secret *pkcs8, struct prov_key **out, struct ks_err *err);

/* The same from SOFT, which PKCS8 was made of and which nobody changes any
 * more: it is the key's from then on, too. */
KS_MUST_CHECK ks_rc prov_key_from_soft(struct prov_ctx *ctx,
                                       const struct prov_store *store,
                                       const char *uri, EVP_PKEY *soft,
                                       const struct ks_secret *pkcs8,
                                       struct prov_key **out,
                                       struct ks_err *err);

/* A key whose private operations are those of STORE's backend. Takes OPKEY on
 * success, and then holds STORE; copies URI. OPS may be NULL: then a public
 * key. */
KS_MUST_CHECK ks_rc prov_key_from_spki(
    struct prov_ctx *ctx, const struct prov_store *store, const char *uri,
    const struct ks_buf *spki, const struct ks_key_ops *ops, void *opkey,
    struct prov_key **out, struct ks_err *err);

/* Opens the operation key that PLACE names. */
KS_MUST_CHECK ks_rc prov_key_open_inside(struct prov_ctx *ctx,
                                         const struct prov_place *place,
                                         const struct ks_ask *ask,
                                         struct prov_key **out,
                                         struct ks_err *err);

#endif
