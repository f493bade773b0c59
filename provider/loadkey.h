/*
 * From a URI to a key: the one way in, for the store loader and the decoder.
 */
#ifndef PROV_LOADKEY_H
#define PROV_LOADKEY_H

#include "ctx.h"
#include "key.h"
#include "ks_err.h"
#include "ks_secret.h"
#include "ks_uri.h"
#include "stores.h"

/*
 * Loads the key that URI names, public half only if PUBLIC_ONLY (then no
 * secret is asked for). ASK is the application's way to a secret; it comes
 * after the URI's pin-value or pin-source (which, when given, is the only
 * one) and the backend's configured passphrase. *out has one reference.
 * Results: as ks_backend.h's load, KS_E_NOT_FOUND with a text.
 */
KS_MUST_CHECK ks_rc prov_load_key(struct prov_ctx *ctx,
                                  const struct ks_uri *uri, bool public_only,
                                  const struct ks_ask *ask,
                                  struct prov_key **out, struct ks_err *err);

/* What prov_load_key is made of, for key creation as well. */

/*
 * A private key from what the backend gave: a material key, or an operation
 * key if STORE is not extractable. Copies URI.
 */
KS_MUST_CHECK ks_rc prov_key_from_pkcs8(
    struct prov_ctx *ctx, const struct prov_store *store, const char *uri,
    const struct ks_secret *pkcs8, struct prov_key **out, struct ks_err *err);

/* A key whose private operations are the backend's. Takes OPKEY on success;
 * copies URI. OPS may be NULL: then a public key. */
KS_MUST_CHECK ks_rc prov_key_from_spki(struct prov_ctx *ctx, const char *uri,
                                       const struct ks_buf *spki,
                                       const struct ks_key_ops *ops,
                                       void *opkey, struct prov_key **out,
                                       struct ks_err *err);

#endif
