/*
 * Signing and verifying of what is digested already: EVP_PKEY_sign(3),
 * EVP_PKEY_verify(3), EVP_PKEY_verify_recover(3).
 */
#include <openssl/core_dispatch.h>

#include "signature.h"

typedef int init_ex_fn(EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]);

/* Also -2, as INIT says it: EVP_PKEY_sign_init(3), "not supported". */
static int begin(struct prov_signature *sig, void *keydata,
                 const OSSL_PARAM params[], bool signs, init_ex_fn *init)
{
    if (!prov_signature_take_key(sig, keydata))
        return 0;
    prov_signature_reset(sig);
    sig->signs = signs;
    sig->soft = EVP_PKEY_CTX_new_from_pkey(sig->ctx->child, sig->key->soft,
                                           sig->ctx->propq);
    if (sig->soft == NULL || !prov_signature_check_params(sig, params))
        return 0;
    return init(sig->soft, params);
}

int prov_signature_sign_init(void *vsig, void *keydata,
                             const OSSL_PARAM params[])
{
    return begin(vsig, keydata, params, true, EVP_PKEY_sign_init_ex);
}

int prov_signature_sign(void *vsig, unsigned char *out, size_t *out_len,
                        size_t out_size, const unsigned char *in, size_t in_len)
{
    struct prov_signature *sig = vsig;

    if (sig->soft == NULL)
        return 0;
    if (prov_signature_is_private(sig))
        return prov_signature_private(sig, in, in_len, out, out_len, out_size);
    *out_len = out_size;
    return EVP_PKEY_sign(sig->soft, out, out_len, in, in_len) > 0;
}

int prov_signature_verify_init(void *vsig, void *keydata,
                               const OSSL_PARAM params[])
{
    return begin(vsig, keydata, params, false, EVP_PKEY_verify_init_ex);
}

int prov_signature_verify(void *vsig, const unsigned char *signature,
                          size_t signature_len, const unsigned char *in,
                          size_t in_len)
{
    struct prov_signature *sig = vsig;

    return sig->soft != NULL &&
           EVP_PKEY_verify(sig->soft, signature, signature_len, in, in_len) > 0;
}

int prov_signature_recover_init(void *vsig, void *keydata,
                                const OSSL_PARAM params[])
{
    return begin(vsig, keydata, params, false, EVP_PKEY_verify_recover_init_ex);
}

int prov_signature_recover(void *vsig, unsigned char *out, size_t *out_len,
                           size_t out_size, const unsigned char *signature,
                           size_t signature_len)
{
    struct prov_signature *sig = vsig;

    *out_len = out_size;
    return sig->soft != NULL &&
           EVP_PKEY_verify_recover(sig->soft, out, out_len, signature,
                                   signature_len) > 0;
}
