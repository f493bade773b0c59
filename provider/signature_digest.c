/*
 * Signing and verifying of messages: EVP_DigestSign(3), EVP_DigestVerify(3),
 * streamed or in one go.
 */
#include <openssl/core_dispatch.h>

#include "err.h"
#include "signature_kept.h"

typedef int digest_init_ex_fn(EVP_MD_CTX *ctx, EVP_PKEY_CTX **soft,
                              const char *digest, OSSL_LIB_CTX *libctx,
                              const char *propq, EVP_PKEY *pkey,
                              const OSSL_PARAM params[]);

/* The digest so far, for an initialisation that names none. Copied, as the
 * context that holds it is about to be freed. */
static void last_digest(const struct prov_signature *sig, char *name,
                        size_t size)
{
    const EVP_MD *md =
        sig->stream == NULL ? NULL : EVP_MD_CTX_get0_md(sig->stream);

    name[0] = '\0';
    if (md != NULL)
        (void)OPENSSL_strlcpy(name, EVP_MD_get0_name(md), size);
}

static int begin(struct prov_signature *sig, const char *digest, void *keydata,
                 const OSSL_PARAM params[], bool signs, digest_init_ex_fn *init)
{
    char last[64];
    bool plain;

    if (keydata == NULL && (digest == NULL || digest[0] == '\0')) {
        last_digest(sig, last, sizeof(last));
        digest = last;
    }
    if (digest != NULL && digest[0] == '\0')
        digest = NULL;
    if (!prov_signature_take_key(sig, keydata))
        return 0;
    prov_signature_reset(sig);
    sig->signs = signs;
    if (!prov_signature_check_params(sig, params))
        return 0;
    plain = prov_signature_is_private(sig) &&
            (params == NULL || params[0].key == NULL);
    if (plain && prov_kept_copy(sig, digest))
        return 1;
    sig->stream = EVP_MD_CTX_new();
    if (sig->stream == NULL)
        return prov_raise(sig->ctx, KS_E_NOMEM, "out of memory");
    if (init(sig->stream, &sig->soft, digest, sig->ctx->child, sig->ctx->propq,
             sig->key->soft, params) <= 0)
        return 0;
    if (plain && !prov_kept_save(sig, digest))
        return prov_raise(sig->ctx, KS_E_NOMEM, "out of memory");
    return 1;
}

/* Starts what an operation key will sign; EdDSA has no digest (RFC 8032). */
static int begin_hash(struct prov_signature *sig)
{
    const EVP_MD *md = EVP_MD_CTX_get0_md(sig->stream);

    if (md == NULL)
        return 1;
    sig->hash = EVP_MD_CTX_new();
    return sig->hash != NULL && EVP_DigestInit_ex2(sig->hash, md, NULL) > 0;
}

static int no_stream(const struct prov_signature *sig)
{
    return prov_raise(sig->ctx, KS_E_INVALID,
                      "%s key: nothing begun that takes a message in parts",
                      sig->key == NULL ? "no" : sig->key->type);
}

int prov_signature_digest_sign_init(void *vsig, const char *digest,
                                    void *keydata, const OSSL_PARAM params[])
{
    struct prov_signature *sig = vsig;

    return begin(sig, digest, keydata, params, true, EVP_DigestSignInit_ex) &&
           (!prov_signature_is_private(sig) || begin_hash(sig));
}

int prov_signature_digest_sign_update(void *vsig, const unsigned char *data,
                                      size_t len)
{
    struct prov_signature *sig = vsig;

    if (sig->stream == NULL ||
        (prov_signature_is_private(sig) && sig->hash == NULL))
        return no_stream(sig);
    if (prov_signature_is_private(sig))
        return EVP_DigestUpdate(sig->hash, data, len) > 0;
    return EVP_DigestSignUpdate(sig->stream, data, len) > 0;
}

/* An operation key's signature of what was digested. */
static int sign_hash(struct prov_signature *sig, unsigned char *out,
                     size_t *out_len, size_t out_size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int ok;

    if (out == NULL)
        return prov_signature_private(sig, NULL, 0, NULL, out_len, 0);
    if (sig->hash == NULL)
        return no_stream(sig);
    ok = EVP_DigestFinal_ex(sig->hash, digest, &len) > 0 &&
         prov_signature_private(sig, digest, len, out, out_len, out_size);
    /* A digest that is finished can neither go on nor be finished again. */
    EVP_MD_CTX_free(sig->hash);
    sig->hash = NULL;
    return ok;
}

int prov_signature_digest_sign_final(void *vsig, unsigned char *out,
                                     size_t *out_len, size_t out_size)
{
    struct prov_signature *sig = vsig;

    if (sig->stream == NULL)
        return no_stream(sig);
    if (prov_signature_is_private(sig))
        return sign_hash(sig, out, out_len, out_size);
    *out_len = out_size;
    return EVP_DigestSignFinal(sig->stream, out, out_len) > 0;
}

int prov_signature_digest_sign(void *vsig, unsigned char *out, size_t *out_len,
                               size_t out_size, const unsigned char *in,
                               size_t in_len)
{
    struct prov_signature *sig = vsig;

    if (sig->stream == NULL)
        return no_stream(sig);
    if (!prov_signature_is_private(sig)) {
        *out_len = out_size;
        return EVP_DigestSign(sig->stream, out, out_len, in, in_len) > 0;
    }
    if (EVP_MD_CTX_get0_md(sig->stream) == NULL)
        return prov_signature_private(sig, in, in_len, out, out_len, out_size);
    return (out == NULL ||
            prov_signature_digest_sign_update(sig, in, in_len)) &&
           sign_hash(sig, out, out_len, out_size);
}

int prov_signature_digest_verify_init(void *vsig, const char *digest,
                                      void *keydata, const OSSL_PARAM params[])
{
    return begin(vsig, digest, keydata, params, false, EVP_DigestVerifyInit_ex);
}

int prov_signature_digest_verify_update(void *vsig, const unsigned char *data,
                                        size_t len)
{
    struct prov_signature *sig = vsig;

    if (sig->stream == NULL)
        return no_stream(sig);
    return EVP_DigestVerifyUpdate(sig->stream, data, len) > 0;
}

int prov_signature_digest_verify_final(void *vsig,
                                       const unsigned char *signature,
                                       size_t len)
{
    struct prov_signature *sig = vsig;

    if (sig->stream == NULL)
        return no_stream(sig);
    return EVP_DigestVerifyFinal(sig->stream, signature, len) > 0;
}

int prov_signature_digest_verify(void *vsig, const unsigned char *signature,
                                 size_t signature_len, const unsigned char *in,
                                 size_t in_len)
{
    struct prov_signature *sig = vsig;

    if (sig->stream == NULL)
        return no_stream(sig);
    return EVP_DigestVerify(sig->stream, signature, signature_len, in, in_len) >
           0;
}
