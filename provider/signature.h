/*
 * One signature operation of one of our keys, shared by the signature*.c
 * files.
 *
 * Libcrypto's own context for the soft half of the key does all that needs
 * no private key: it checks and keeps the parameters, names the algorithm,
 * verifies. So every rule and default is exactly that of libcrypto. For keys
 * that are wholly soft it signs as well; for operation keys it holds the
 * public half only, the message is digested beside it, and the parameters
 * are read back from it to tell the key's backend what to do.
 */
#ifndef PROV_SIGNATURE_H
#define PROV_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#include "key.h"

/* A mechanism and the names that its parameters borrow. */
struct prov_mech {
    struct ks_mech_params params;
    char digest[64];
    char mgf1_digest[64];
    int pad;
    int digest_len;
};

/* Longer than the AlgorithmIdentifier of any EC or Edwards key (DER). */
#define PROV_ALGORITHM_MAX 32

struct prov_signature {
    struct prov_ctx *ctx;
    struct prov_key *key; /* counted */
    bool signs;
    EVP_MD_CTX *stream; /* of digest_sign and digest_verify; else NULL */
    EVP_PKEY_CTX *soft; /* within STREAM, or owned if there is none */
    EVP_MD_CTX *hash;   /* what an operation key will sign */
    /* What SOFT's parameters ask of a backend: read from there once, as many
     * signatures may follow, until they are changed. */
    struct prov_mech mech;
    bool mech_known;
    /* Of a copied context: what the one it was copied from had, see
     * prov_signature_copy_algorithm. 0 bytes: SOFT knows. */
    unsigned char algorithm[PROV_ALGORITHM_MAX];
    size_t algorithm_len;
};

/* True if signing goes to the backend and not to libcrypto. */
static inline bool prov_signature_is_private(const struct prov_signature *sig)
{
    return sig->signs && prov_key_is_operation(sig->key);
}

/* Ends whatever was begun, keeps the key. */
void prov_signature_reset(struct prov_signature *sig);

/* Takes a reference on KEYDATA in place of the key so far; NULL keeps that
 * one. Raises and returns 0 if there is none. */
int prov_signature_take_key(struct prov_signature *sig, void *keydata);

/* Signs the digest (or block, or message) IN with an operation key, in the
 * way that SIG's parameters say. OUT NULL asks for the greatest length. */
int prov_signature_private(struct prov_signature *sig, const uint8_t *in,
                           size_t in_len, uint8_t *out, size_t *out_len,
                           size_t out_size);

/* Refuses parameters that would change what an operation key signs and that
 * no backend is told of. */
int prov_signature_check_params(const struct prov_signature *sig,
                                const OSSL_PARAM params[]);

/*
 * Gives COPY the AlgorithmIdentifier of SIG. In OpenSSL 3.0 default's contexts
 * of EC and Edwards keys hold a pointer to it, and a copy points to where the
 * original has, or had, it.
 */
void prov_signature_copy_algorithm(struct prov_signature *copy,
                                   const struct prov_signature *sig);

/* signature_plain.c, signature_digest.c, signature_params.c */
extern OSSL_FUNC_signature_sign_init_fn prov_signature_sign_init;
extern OSSL_FUNC_signature_sign_fn prov_signature_sign;
extern OSSL_FUNC_signature_verify_init_fn prov_signature_verify_init;
extern OSSL_FUNC_signature_verify_fn prov_signature_verify;
extern OSSL_FUNC_signature_verify_recover_init_fn prov_signature_recover_init;
extern OSSL_FUNC_signature_verify_recover_fn prov_signature_recover;

extern OSSL_FUNC_signature_digest_sign_init_fn prov_signature_digest_sign_init;
extern OSSL_FUNC_signature_digest_sign_update_fn
    prov_signature_digest_sign_update;
extern OSSL_FUNC_signature_digest_sign_final_fn
    prov_signature_digest_sign_final;
extern OSSL_FUNC_signature_digest_sign_fn prov_signature_digest_sign;
extern OSSL_FUNC_signature_digest_verify_init_fn
    prov_signature_digest_verify_init;
extern OSSL_FUNC_signature_digest_verify_update_fn
    prov_signature_digest_verify_update;
extern OSSL_FUNC_signature_digest_verify_final_fn
    prov_signature_digest_verify_final;
extern OSSL_FUNC_signature_digest_verify_fn prov_signature_digest_verify;

extern OSSL_FUNC_signature_get_ctx_params_fn prov_signature_get_params;
extern OSSL_FUNC_signature_gettable_ctx_params_fn prov_signature_gettable;
extern OSSL_FUNC_signature_set_ctx_params_fn prov_signature_set_params;
extern OSSL_FUNC_signature_settable_ctx_params_fn prov_signature_settable;
extern OSSL_FUNC_signature_get_ctx_md_params_fn prov_signature_get_md_params;
extern OSSL_FUNC_signature_gettable_ctx_md_params_fn prov_signature_gettable_md;
extern OSSL_FUNC_signature_set_ctx_md_params_fn prov_signature_set_md_params;
extern OSSL_FUNC_signature_settable_ctx_md_params_fn prov_signature_settable_md;

#endif
