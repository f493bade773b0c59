/*
 * SIGNATURE: one table for all our key types; the life of a context.
 */
#include "signature.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include "algs.h"
#include "err.h"

static OSSL_FUNC_signature_newctx_fn newctx;
static OSSL_FUNC_signature_freectx_fn freectx;
static OSSL_FUNC_signature_dupctx_fn dupctx;

/* PROPQ is about our own algorithms, and finds no digest: see ctx.h. */
static void *newctx(void *provctx, const char *propq)
{
    struct prov_signature *sig = OPENSSL_zalloc(sizeof(*sig));

    (void)propq;
    if (sig != NULL)
        sig->ctx = provctx;
    return sig;
}

void prov_signature_reset(struct prov_signature *sig)
{
    if (sig->stream == NULL)
        EVP_PKEY_CTX_free(sig->soft);
    EVP_MD_CTX_free(sig->stream); /* and the context within */
    EVP_MD_CTX_free(sig->hash);
    sig->stream = NULL;
    sig->soft = NULL;
    sig->hash = NULL;
    sig->mech_known = false;
    sig->algorithm_len = 0;
}

static void freectx(void *vsig)
{
    struct prov_signature *sig = vsig;

    if (sig == NULL)
        return;
    prov_signature_reset(sig);
    prov_key_unref(sig->key);
    OPENSSL_free(sig);
}

/* A copy of SRC in *dst; SRC NULL is nothing to copy. */
static int dup_md_ctx(EVP_MD_CTX **dst, const EVP_MD_CTX *src)
{
    if (src == NULL)
        return 1;
    *dst = EVP_MD_CTX_new();
    return *dst != NULL && EVP_MD_CTX_copy_ex(*dst, src) > 0;
}

static void *dupctx(void *vsig)
{
    const struct prov_signature *sig = vsig;
    struct prov_signature *dup = OPENSSL_zalloc(sizeof(*dup));

    if (dup == NULL)
        return NULL;
    dup->ctx = sig->ctx;
    dup->signs = sig->signs;
    if (sig->key != NULL) {
        prov_key_ref(sig->key);
        dup->key = sig->key;
    }
    if (!dup_md_ctx(&dup->stream, sig->stream) ||
        !dup_md_ctx(&dup->hash, sig->hash))
        goto fail;
    if (sig->stream != NULL)
        dup->soft = EVP_MD_CTX_get_pkey_ctx(dup->stream);
    else if (sig->soft != NULL)
        dup->soft = EVP_PKEY_CTX_dup(sig->soft);
    if (sig->soft != NULL && dup->soft == NULL)
        goto fail;
    prov_signature_copy_algorithm(dup, sig);
    return dup;

fail:
    freectx(dup);
    return NULL;
}

int prov_signature_take_key(struct prov_signature *sig, void *keydata)
{
    struct prov_key *key = keydata;

    if (key == NULL)
        key = sig->key;
    if (key == NULL || key->soft == NULL)
        return prov_raise(sig->ctx, KS_E_INVALID, "no key to work with");
    if (key != sig->key) {
        prov_key_ref(key);
        prov_key_unref(sig->key);
        sig->key = key;
    }
    return 1;
}

#define ROW(id, function)                                                      \
    {                                                                          \
        (id), (void (*)(void))(function)                                       \
    }
const OSSL_DISPATCH prov_signature_functions[] = {
    ROW(OSSL_FUNC_SIGNATURE_NEWCTX, newctx),
    ROW(OSSL_FUNC_SIGNATURE_FREECTX, freectx),
    ROW(OSSL_FUNC_SIGNATURE_DUPCTX, dupctx),
    ROW(OSSL_FUNC_SIGNATURE_SIGN_INIT, prov_signature_sign_init),
    ROW(OSSL_FUNC_SIGNATURE_SIGN, prov_signature_sign),
    ROW(OSSL_FUNC_SIGNATURE_VERIFY_INIT, prov_signature_verify_init),
    ROW(OSSL_FUNC_SIGNATURE_VERIFY, prov_signature_verify),
    ROW(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, prov_signature_recover_init),
    ROW(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, prov_signature_recover),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, prov_signature_digest_sign_init),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE,
        prov_signature_digest_sign_update),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL,
        prov_signature_digest_sign_final),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, prov_signature_digest_sign),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT,
        prov_signature_digest_verify_init),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE,
        prov_signature_digest_verify_update),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL,
        prov_signature_digest_verify_final),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, prov_signature_digest_verify),
    ROW(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, prov_signature_get_params),
    ROW(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, prov_signature_gettable),
    ROW(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, prov_signature_set_params),
    ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, prov_signature_settable),
    ROW(OSSL_FUNC_SIGNATURE_GET_CTX_MD_PARAMS, prov_signature_get_md_params),
    ROW(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_MD_PARAMS, prov_signature_gettable_md),
    ROW(OSSL_FUNC_SIGNATURE_SET_CTX_MD_PARAMS, prov_signature_set_md_params),
    ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_MD_PARAMS, prov_signature_settable_md),
    {0, NULL}};
#undef ROW
