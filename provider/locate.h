/*
 * From the text of any URI that is ours to the place it names: keystore: URIs
 * by the configured backends, others (pkcs11:) by the backend whose scheme
 * they have. The one way from a URI to a store.
 */
#ifndef PROV_LOCATE_H
#define PROV_LOCATE_H

#include <stdbool.h>

#include "ctx.h"
#include "ks_err.h"
#include "ks_uri.h"
#include "stores.h"

/* What a URI names. Starts as { 0 }. */
struct prov_place {
    const struct prov_store *store; /* open, counted */
    const char *name;  /* what the backend calls the key; within URI */
    char *canonical;   /* the URI without secrets and type: for messages, and
                          what the key can be loaded by again */
    bool listing;      /* it names a place and no key; NAME means nothing */
    struct ks_uri uri; /* its type and PINs; BACKEND is NULL unless keystore: */
};

/* True if TEXT has the scheme of keystore: URIs or of a backend, in any
 * case. */
bool prov_locate_is_ours(const char *text);

/*
 * Parses TEXT and opens its store. No secret is asked for, no device is
 * touched, and whether there is such a key is not looked at. KS_E_INVALID,
 * KS_E_CONFIG, KS_E_NOT_FOUND (no such backend). Errors show no PIN.
 */
KS_MUST_CHECK ks_rc prov_place_open(const struct prov_ctx *ctx,
                                    const char *text, struct prov_place *place,
                                    struct ks_err *err);

/* As prov_place_open, and KS_E_INVALID if it names no private key, but a
 * listing, a public key or a certificate: to make a key, or to delete it. */
KS_MUST_CHECK ks_rc prov_place_open_key(const struct prov_ctx *ctx,
                                        const char *text,
                                        struct prov_place *place,
                                        struct ks_err *err);

/* Lets go of the store; a key that came from it holds it by itself
 * (prov_store_ref). { 0 } afterwards; takes that too. */
void prov_place_close(struct prov_place *place);

#endif
