/*
 * What our encoders share: encoder.c (PEM and DER), encoder_text.c.
 */
#ifndef PROV_ENCODER_H
#define PROV_ENCODER_H

#include <openssl/core_dispatch.h>
#include <openssl/types.h>

#include "key.h"

struct prov_encoder {
    struct prov_ctx *ctx;
    const char *output;    /* static: "PEM", "DER", "TEXT" */
    const char *structure; /* static; NULL for text */
    char *cipher;          /* NULL: write plainly */
    int save_parameters;
};

void *prov_encoder_new(void *provctx, const char *output,
                       const char *structure);
OSSL_FUNC_encoder_freectx_fn prov_encoder_free;
OSSL_FUNC_encoder_settable_ctx_params_fn prov_encoder_settable;
OSSL_FUNC_encoder_set_ctx_params_fn prov_encoder_set_params;
OSSL_FUNC_encoder_does_selection_fn prov_encoder_does_selection;

/* Has libcrypto write the soft half of KEY, in the way that was asked of
 * ENCODER. */
int prov_encoder_delegate(struct prov_encoder *encoder, BIO *out,
                          const struct prov_key *key, int selection,
                          OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg);

#endif
