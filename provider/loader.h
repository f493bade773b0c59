/*
 * What an open URI has yet to yield: the items of a key, the names of a
 * listing, or the items of all keys that a search has found. The dispatch
 * functions are in storeload.c.
 */
#ifndef PROV_LOADER_H
#define PROV_LOADER_H

#include <stdbool.h>

#include <openssl/core.h>

#include "ctx.h"
#include "key.h"
#include "ks_err.h"
#include "ks_secret.h"
#include "locate.h"
#include "names.h"
#include "search.h"

/* What a key may yield, in this order; of a listing names. */
enum item {
    ITEM_PRIVATE,
    ITEM_PUBLIC,
    ITEM_CERT,
    ITEM_CHAIN, /* one certificate above it; as often as there are any */
    ITEM_NAME,
    ITEM_END
};

struct loader {
    struct prov_ctx *ctx;
    struct prov_place place;
    int expect;               /* OSSL_STORE_INFO_*, 0: anything */
    struct prov_names *names; /* of a listing; NULL: a key, or a search */
    struct prov_hits hits;    /* once SEARCHED */
    size_t next_name;         /* of either */
    char *listed;             /* the URI of the name that was taken last */
    bool searched;
    bool failed; /* then there is nothing more: nginx would ask for ever (it
                    loops until eof) */

    /* The key at hand. Of one that was found NAME and URI are in HITS. */
    const char *name;
    const char *uri;
    struct ks_key_info info; /* once LOOKED */
    bool looked;
    bool hidden;     /* it may be seen with a secret only */
    bool cert_known; /* INFO has the certificate, if there is one */
    size_t chain_at; /* what was yielded of INFO's chain, in bytes */
    enum item next;

    struct prov_key *key; /* on its way to libcrypto, which takes it */
};

/* LOADER has its CTX and is zero otherwise. No secret is asked for. That a key
 * is not there may be known only when it is made. */
KS_MUST_CHECK ks_rc prov_loader_open(struct loader *loader, const char *uri,
                                     struct ks_err *err);
void prov_loader_free(struct loader *loader); /* takes NULL */

/* From now on LOADER yields what PARAMS search for. */
KS_MUST_CHECK ks_rc prov_loader_search(struct loader *loader,
                                       const OSSL_PARAM params[],
                                       struct ks_err *err);

/* What comes next. */
enum item prov_loader_next(struct loader *loader);
/* When that is ITEM_NAME: *uri is the name's, borrowed until the next call;
 * NULL if there is none after all. A failure is the end of LOADER. */
KS_MUST_CHECK ks_rc prov_loader_take_name(struct loader *loader,
                                          const char **uri, struct ks_err *err);
/* When that is ITEM_CHAIN: the certificate, borrowed from LOADER. */
struct ks_buf prov_loader_take_above(struct loader *loader);
/* When it is a key or a certificate: makes LOADER->key or LOADER->info.cert.
 * A failure is the end of LOADER. */
KS_MUST_CHECK ks_rc prov_loader_make(struct loader *loader, enum item item,
                                     const struct ks_ask *ask,
                                     struct ks_err *err);

#endif
