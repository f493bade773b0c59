/*
 * The provider's context: one per library context that loads keystore.so.
 */
#ifndef PROV_CTX_H
#define PROV_CTX_H

#include <stdbool.h>

#include <openssl/core.h>
#include <openssl/types.h>

#include "core.h"

struct prov_algs;   /* algs.h */
struct prov_stores; /* stores.h */

struct prov_ctx {
    const OSSL_CORE_HANDLE *handle;
    struct prov_core core; /* upcalls of the libcrypto that loaded us */
    /*
     * All our cryptography is done in this child of the loading context, and
     * always with PROPQ: the child holds a copy of ourselves, which a fetch
     * without it could meet (OSSL_LIB_CTX_new_child(3)).
     */
    OSSL_LIB_CTX *child;
    char *name;                 /* under which we were loaded: "keystore" */
    char *propq;                /* "provider!=NAME" */
    char *properties;           /* "provider=NAME", of all our algorithms */
    struct prov_algs *algs;     /* what we offer, with those properties */
    struct prov_stores *stores; /* configured backends, opened on first use */
};

#endif
