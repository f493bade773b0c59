/*
 * An open store of the pkcs11 backend: either one configured token, or the
 * tokens that a pkcs11: URI may mean.
 */
#ifndef HSM_STORE_H
#define HSM_STORE_H

#include "ks_backend.h"
#include "name.h"
#include "place.h"
#include "token.h"
#include "uri.h"

struct hsm_store {
    OSSL_LIB_CTX *libctx;
    char *propq;
    char *name; /* of a configured backend; NULL in a store for a URI */

    /* Of a store for a URI. */
    char *text;
    struct hsm_uri uri;

    /* Where to look, in this order: a configured store has one place; for a
     * URI N_PEERS configured ones, then the others, then p11-kit's modules if
     * ANY_MODULE. Of these groups the first that has a token counts. */
    struct hsm_place *places;
    size_t n_places, n_peers;
    bool any_module;

    /* The token of NAME or TEXT, once it was found; atomic, not locked, so
     * that a fork needs no care. Counted. */
    struct hsm_token *_Atomic token;
    const struct hsm_place *_Atomic token_place;
};

KS_MUST_CHECK ks_rc hsm_store_open(const struct ks_backend_env *env,
                                   struct hsm_store **out, struct ks_err *err);
void hsm_store_close(struct hsm_store *store); /* takes NULL */

/* A token and the place it was found by (borrowed from the store). */
struct hsm_hit {
    struct hsm_token *token; /* counted */
    const struct hsm_place *place;
};
#define HSM_HITS_MAX 32

/*
 * All tokens that URI (NULL: the configured one) may mean, at most
 * HSM_HITS_MAX. Lazily: nothing is loaded before. KS_E_NOT_FOUND lists the
 * tokens seen. Caller puts every token.
 */
KS_MUST_CHECK ks_rc hsm_store_tokens(struct hsm_store *store,
                                     const struct hsm_uri *uri,
                                     struct hsm_hit *hits, size_t *n,
                                     struct ks_err *err);

/*
 * The token that NAME (a key's name, or a pkcs11: URI in a store of such)
 * lies on, and how the key is called there. KS_E_NOT_FOUND lists the tokens
 * seen; KS_E_INVALID where several match. Caller puts hit->token and clears
 * *key.
 */
KS_MUST_CHECK ks_rc hsm_store_locate(struct hsm_store *store, const char *name,
                                     struct hsm_hit *hit, struct hsm_name *key,
                                     struct ks_err *err);

#endif
