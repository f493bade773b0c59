/*
 * An open store of the pkcs11 backend: either one configured token, or the
 * tokens that a pkcs11: URI may mean.
 */
#ifndef HSM_STORE_H
#define HSM_STORE_H

#include "ks_backend.h"
#include "name.h"
#include "token.h"
#include "uri.h"

/* One place to look in: a module and which of its tokens. */
struct hsm_place {
    char *backend; /* configured name, whose PIN settings hold; or NULL */
    char *module;  /* path */
    char *token;   /* label; NULL: any */
};

struct hsm_store {
    OSSL_LIB_CTX *libctx;
    char *propq;
    struct hsm_uri uri; /* uri.p11 NULL: a configured backend */
    struct hsm_place *places;
    size_t n_places;
};

/*
 * The token that NAME (a key's name, or a pkcs11: URI in a store of such)
 * lies on, opened; and the place it was found by, borrowed. Lazily: nothing
 * is loaded before. KS_E_NOT_FOUND lists the tokens seen; KS_E_INVALID where
 * several match. Caller puts *token and clears *key.
 */
KS_MUST_CHECK ks_rc hsm_store_locate(struct hsm_store *store, const char *name,
                                     const struct hsm_place **place,
                                     struct hsm_token **token,
                                     struct hsm_name *key, struct ks_err *err);

#endif
