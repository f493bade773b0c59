/*
 * ENCODER: private keys of ours on their way out.
 *
 * A key with a URI is written as its URI-PEM, whichever private structure is
 * asked for: never the private half. A key without one is here by accident
 * (see keymgmt.c) and is written by libcrypto as any other key is. Public
 * halves need no encoder of ours: default's take what our keymgmt exports.
 */
#include "encoder.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/encoder.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include "algs.h"
#include "err.h"
#include "uripem.h"

static OSSL_FUNC_encoder_newctx_fn pem_pkcs8_new;
static OSSL_FUNC_encoder_newctx_fn pem_sealed_new;
static OSSL_FUNC_encoder_newctx_fn pem_typed_new;
static OSSL_FUNC_encoder_newctx_fn pem_pkcs1_new;
static OSSL_FUNC_encoder_newctx_fn der_pkcs8_new;
static OSSL_FUNC_encoder_newctx_fn der_sealed_new;
static OSSL_FUNC_encoder_newctx_fn der_typed_new;
static OSSL_FUNC_encoder_newctx_fn der_pkcs1_new;
static OSSL_FUNC_encoder_encode_fn pem_encode;
static OSSL_FUNC_encoder_encode_fn der_encode;

/* ---- life and parameters ---- */

void *prov_encoder_new(void *provctx, const char *output, const char *structure)
{
    struct prov_encoder *encoder = OPENSSL_zalloc(sizeof(*encoder));

    if (encoder == NULL)
        return NULL;
    encoder->ctx = provctx;
    encoder->output = output;
    encoder->structure = structure;
    encoder->save_parameters = 1;
    return encoder;
}

void prov_encoder_free(void *vencoder)
{
    struct prov_encoder *encoder = vencoder;

    if (encoder == NULL)
        return;
    OPENSSL_free(encoder->cipher);
    OPENSSL_free(encoder);
}

static void *pem_pkcs8_new(void *provctx)
{
    return prov_encoder_new(provctx, "PEM", "PrivateKeyInfo");
}

static void *pem_sealed_new(void *provctx)
{
    return prov_encoder_new(provctx, "PEM", "EncryptedPrivateKeyInfo");
}

static void *pem_typed_new(void *provctx)
{
    return prov_encoder_new(provctx, "PEM", "type-specific");
}

static void *pem_pkcs1_new(void *provctx)
{
    return prov_encoder_new(provctx, "PEM", "pkcs1");
}

static void *der_pkcs8_new(void *provctx)
{
    return prov_encoder_new(provctx, "DER", "PrivateKeyInfo");
}

static void *der_sealed_new(void *provctx)
{
    return prov_encoder_new(provctx, "DER", "EncryptedPrivateKeyInfo");
}

static void *der_typed_new(void *provctx)
{
    return prov_encoder_new(provctx, "DER", "type-specific");
}

static void *der_pkcs1_new(void *provctx)
{
    return prov_encoder_new(provctx, "DER", "pkcs1");
}

const OSSL_PARAM *prov_encoder_settable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_ENCODER_PARAM_CIPHER, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ENCODER_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_int(OSSL_ENCODER_PARAM_SAVE_PARAMETERS, NULL),
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

/* The properties are those of the caller's cipher, found in the caller's
 * library context; here it is fetched in the child, see ctx.h. */
int prov_encoder_set_params(void *vencoder, const OSSL_PARAM params[])
{
    struct prov_encoder *encoder = vencoder;
    const OSSL_PARAM *p;
    const char *cipher = NULL;

    p = OSSL_PARAM_locate_const(params, OSSL_ENCODER_PARAM_SAVE_PARAMETERS);
    if (p != NULL && !OSSL_PARAM_get_int(p, &encoder->save_parameters))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ENCODER_PARAM_CIPHER);
    if (p == NULL)
        return 1;
    if (!OSSL_PARAM_get_utf8_string_ptr(p, &cipher))
        return 0;
    OPENSSL_free(encoder->cipher);
    encoder->cipher = cipher == NULL ? NULL : OPENSSL_strdup(cipher);
    return cipher == NULL || encoder->cipher != NULL;
}

int prov_encoder_does_selection(void *provctx, int selection)
{
    (void)provctx;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

/* ---- encoding ---- */

int prov_encoder_delegate(struct prov_encoder *encoder, BIO *out,
                          const struct prov_key *key, int selection,
                          OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    const char *propq = encoder->ctx->propq;
    OSSL_ENCODER_CTX *ectx;
    OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_ENCODER_PARAM_SAVE_PARAMETERS,
                                          &encoder->save_parameters),
                           OSSL_PARAM_END};
    int ok;

    if (key->soft == NULL)
        return prov_raise(encoder->ctx, KS_E_INVALID, "no key to write");
    ectx = OSSL_ENCODER_CTX_new_for_pkey(key->soft, selection, encoder->output,
                                         encoder->structure, propq);
    if (ectx == NULL)
        return 0;
    /* Encoders to which this means nothing say so; that is no error. */
    (void)OSSL_ENCODER_CTX_set_params(ectx, params);
    ok = (encoder->cipher == NULL ||
          OSSL_ENCODER_CTX_set_cipher(ectx, encoder->cipher, propq) > 0) &&
         (pw_cb == NULL ||
          OSSL_ENCODER_CTX_set_passphrase_cb(ectx, pw_cb, pw_arg) > 0) &&
         OSSL_ENCODER_to_bio(ectx, out) > 0;
    OSSL_ENCODER_CTX_free(ectx);
    return ok;
}

/* The key's URI with the pin-source that it came by: whoever has the file has
 * no other way to tell. Caller frees with OPENSSL_free; NULL when out of
 * memory. */
static char *whole_uri(const struct prov_key *key)
{
    static const char any[] = "x"; /* only the query is wanted */
    const char *query;
    char *encoded = NULL, *text = NULL;
    size_t size;

    if (key->pin_source == NULL)
        return OPENSSL_strdup(key->uri);
    if (ks_uri_format_source(any, any, key->pin_source, &encoded) != KS_OK)
        return NULL;
    query = strchr(encoded, '?') + 1;
    size = strlen(key->uri) + strlen(query) + 2;
    text = OPENSSL_malloc(size);
    if (text != NULL)
        (void)snprintf(text, size, "%s%c%s", key->uri,
                       strchr(key->uri, '?') == NULL ? '?' : '&', query);
    OPENSSL_free(encoded);
    return text;
}

static int write_uri(struct prov_encoder *encoder, BIO *out,
                     const struct prov_key *key)
{
    struct ks_buf der = {0};
    struct ks_err err = {0};
    char *uri;
    ks_rc rc;
    int ok = 0;

    if (!key->has_private)
        return prov_raise(encoder->ctx, KS_E_INVALID,
                          "%s: only the public half was loaded", key->uri);
    uri = whole_uri(key);
    rc = uri == NULL ? ks_fail(&err, KS_E_NOMEM, "out of memory")
                     : prov_uripem_make(uri, &der, &err);
    if (rc != KS_OK)
        (void)prov_fail(encoder->ctx, rc, &err); /* ok is 0 already */
    else
        ok = PEM_write_bio(out, PROV_URIPEM_LABEL, "", der.data,
                           (long)der.len) > 0;
    ks_buf_clear(&der);
    OPENSSL_free(uri);
    return ok;
}

static int no_der(struct prov_encoder *encoder, BIO *out,
                  const struct prov_key *key)
{
    (void)out;
    return prov_raise(encoder->ctx, KS_E_NOT_EXPORTABLE,
                      "%s: stays in its backend; write PEM, which then names "
                      "it, instead of %s",
                      key->uri, encoder->output);
}

/* WRITE is for keys with a URI. */
static int encode(struct prov_encoder *encoder, OSSL_CORE_BIO *cout,
                  const struct prov_key *key, int selection,
                  OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg,
                  int (*write)(struct prov_encoder *encoder, BIO *out,
                               const struct prov_key *key))
{
    BIO *out;
    int ok;

    if (key == NULL)
        return prov_raise(encoder->ctx, KS_E_INVALID, "no key to write");
    out = BIO_new_from_core_bio(encoder->ctx->child, cout);
    if (out == NULL)
        return 0;
    ok = key->uri != NULL ? write(encoder, out, key)
                          : prov_encoder_delegate(encoder, out, key, selection,
                                                  pw_cb, pw_arg);
    BIO_free(out);
    return ok;
}

static int pem_encode(void *vencoder, OSSL_CORE_BIO *cout, const void *keydata,
                      const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    (void)abstract; /* only keys of our own keymgmt come here */
    return encode(vencoder, cout, keydata, selection, pw_cb, pw_arg, write_uri);
}

static int der_encode(void *vencoder, OSSL_CORE_BIO *cout, const void *keydata,
                      const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    (void)abstract; /* only keys of our own keymgmt come here */
    return encode(vencoder, cout, keydata, selection, pw_cb, pw_arg, no_der);
}

/* libcrypto takes encoders of other providers' keys only where they can
 * import; ours cannot, and so never meet one. */
#define ROW(id, function)                                                      \
    {                                                                          \
        (id), (void (*)(void))(function)                                       \
    }
#define TABLE(new, encode)                                                     \
    {                                                                          \
        ROW(OSSL_FUNC_ENCODER_NEWCTX, new),                                    \
            ROW(OSSL_FUNC_ENCODER_FREECTX, prov_encoder_free),                 \
            ROW(OSSL_FUNC_ENCODER_SET_CTX_PARAMS, prov_encoder_set_params),    \
            ROW(OSSL_FUNC_ENCODER_SETTABLE_CTX_PARAMS, prov_encoder_settable), \
            ROW(OSSL_FUNC_ENCODER_DOES_SELECTION,                              \
                prov_encoder_does_selection),                                  \
            ROW(OSSL_FUNC_ENCODER_ENCODE, encode),                             \
        {                                                                      \
            0, NULL                                                            \
        }                                                                      \
    }

const OSSL_DISPATCH prov_encoder_pem_pkcs8[] = TABLE(pem_pkcs8_new, pem_encode);
const OSSL_DISPATCH prov_encoder_pem_sealed[] =
    TABLE(pem_sealed_new, pem_encode);
const OSSL_DISPATCH prov_encoder_pem_typed[] = TABLE(pem_typed_new, pem_encode);
const OSSL_DISPATCH prov_encoder_pem_pkcs1[] = TABLE(pem_pkcs1_new, pem_encode);
const OSSL_DISPATCH prov_encoder_der_pkcs8[] = TABLE(der_pkcs8_new, der_encode);
const OSSL_DISPATCH prov_encoder_der_sealed[] =
    TABLE(der_sealed_new, der_encode);
const OSSL_DISPATCH prov_encoder_der_typed[] = TABLE(der_typed_new, der_encode);
const OSSL_DISPATCH prov_encoder_der_pkcs1[] = TABLE(der_pkcs1_new, der_encode);
#undef TABLE
#undef ROW
