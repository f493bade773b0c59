/*
 * ENCODER: "openssl pkey -text" for keys of ours. default's own text encoder
 * fails without a word on a private key that it cannot see.
 */
#include "encoder.h"

#include <openssl/bio.h>

#include "algs.h"
#include "err.h"

static OSSL_FUNC_encoder_newctx_fn text_new;
static OSSL_FUNC_encoder_encode_fn text_encode;

static void *text_new(void *provctx)
{
    return prov_encoder_new(provctx, "TEXT", NULL);
}

static int write_text(struct prov_encoder *encoder, BIO *out,
                      const struct prov_key *key, int selection)
{
    const bool inside = prov_key_is_operation(key);

    if (inside)
        selection =
            OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
    if (!prov_encoder_delegate(encoder, out, key, selection, NULL, NULL))
        return 0;
    if (key->uri != NULL && BIO_printf(out, "URI: %s\n", key->uri) < 0)
        return 0;
    return !inside ||
           BIO_printf(out, "private key: stays in its backend\n") > 0;
}

static int text_encode(void *vencoder, OSSL_CORE_BIO *cout, const void *keydata,
                       const OSSL_PARAM abstract[], int selection,
                       OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    struct prov_encoder *encoder = vencoder;
    BIO *out;
    int ok;

    (void)abstract; /* only keys of our own keymgmt come here */
    (void)pw_cb;
    (void)pw_arg;
    if (keydata == NULL)
        return prov_raise(encoder->ctx, KS_E_INVALID, "no key to write");
    out = BIO_new_from_core_bio(encoder->ctx->child, cout);
    if (out == NULL)
        return 0;
    ok = write_text(encoder, out, keydata, selection);
    BIO_free(out);
    return ok;
}

const OSSL_DISPATCH prov_encoder_text_functions[] = {
    {OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))text_new},
    {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))prov_encoder_free},
    {OSSL_FUNC_ENCODER_DOES_SELECTION,
     (void (*)(void))prov_encoder_does_selection},
    {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))text_encode},
    {0, NULL}};
