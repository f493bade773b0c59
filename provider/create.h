/*
 * New keys in a backend, and new sealing for old ones: what the parameters
 * of params.h ask for.
 */
#ifndef PROV_CREATE_H
#define PROV_CREATE_H

#include <stdbool.h>

#include <openssl/core.h>

#include "ask.h"
#include "ctx.h"
#include "key.h"
#include "ks_backend.h"
#include "ks_err.h"
#include "locate.h"

/* Where a new key goes. Starts as { 0 }. */
struct prov_create {
    struct prov_ctx *ctx;
    struct prov_place place;
    struct ks_ask terminal; /* the last way to a secret */
    struct prov_ask ask;
    bool imported; /* not made by us */
    bool outside;  /* the backend does not want it for an operation key */
    struct ks_buf cert, chain; /* to be kept beside it, as in ks_key_info */
};

/* Finds the backend of URI and that the name is free. PASSOUT, a source of
 * the new secret, may be NULL; borrowed. KS_E_EXISTS, KS_E_UNSUPPORTED and
 * what prov_place_open_key says. */
KS_MUST_CHECK ks_rc prov_create_open(struct prov_create *create,
                                     struct prov_ctx *ctx, const char *uri,
                                     const char *passout, struct ks_err *err);
void prov_create_clear(struct prov_create *create);

/* What a key of TYPE is to be used for, by PROV_PARAM_USAGE's TEXT; NULL: 0,
 * the backend's default. KS_E_INVALID; KS_E_UNSUPPORTED where keys come out
 * of the backend. */
KS_MUST_CHECK ks_rc prov_create_usage(const struct prov_create *create,
                                      const char *text, const char *type,
                                      unsigned *usage, struct ks_err *err);

/* Keeps SOFT, a whole key of the child context, in the backend; its private
 * half may never come out again. USAGE is of prov_create_usage. On failure
 * nothing is left there. */
KS_MUST_CHECK ks_rc prov_create_save(struct prov_create *create, EVP_PKEY *soft,
                                     unsigned usage, struct prov_key **out,
                                     struct ks_err *err);

/* True if the backend makes its keys itself. */
bool prov_create_is_inside(const struct prov_create *create);
/* Has it do so. */
KS_MUST_CHECK ks_rc prov_create_inside(struct prov_create *create,
                                       const struct ks_keygen *spec,
                                       struct prov_key **out,
                                       struct ks_err *err);

/* True if PARAMS name a URI for a new key. */
bool prov_create_wanted(const OSSL_PARAM params[]);
/* Keeps KEY, just imported, under the URI in PARAMS; it becomes the stored
 * key. */
KS_MUST_CHECK ks_rc prov_create_import(struct prov_key *key,
                                       const OSSL_PARAM params[],
                                       struct ks_err *err);

#endif
