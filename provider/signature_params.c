/*
 * Parameters of a signature: libcrypto's context for the soft half keeps
 * them, so names, forms (number or word), checks and ALGORITHM_ID are its.
 */
#include <string.h>
#include <strings.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "err.h"
#include "signature.h"

/* Newer than the headers of 3.0. */
#define PARAM_INSTANCE "instance"             /* 3.2 */
#define PARAM_CONTEXT_STRING "context-string" /* 3.2 */
#define PARAM_NONCE_TYPE "nonce-type"         /* 3.2 */

/* What is known of a context before it has a key: enough for a program that
 * asks which parameters there are at all. */
static const OSSL_PARAM any_gettable[] = {
    OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
    OSSL_PARAM_END};

static const OSSL_PARAM any_settable[] = {
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
    OSSL_PARAM_END};

static bool is_plain_instance(const struct prov_signature *sig,
                              const OSSL_PARAM *param)
{
    const char *name;

    return OSSL_PARAM_get_utf8_string_ptr(param, &name) && name != NULL &&
           strcasecmp(name, sig->key->type) == 0;
}

static bool is_empty(const struct prov_signature *sig, const OSSL_PARAM *param)
{
    (void)sig;
    return param->data_size == 0;
}

static bool is_zero(const struct prov_signature *sig, const OSSL_PARAM *param)
{
    unsigned value;

    (void)sig;
    return OSSL_PARAM_get_uint(param, &value) && value == 0;
}

int prov_signature_check_params(const struct prov_signature *sig,
                                const OSSL_PARAM params[])
{
    static const struct {
        const char *name;
        bool (*is_default)(const struct prov_signature *sig,
                           const OSSL_PARAM *param);
    } refused[] = {
        {PARAM_INSTANCE, is_plain_instance},
        {PARAM_CONTEXT_STRING, is_empty},
        {PARAM_NONCE_TYPE, is_zero},
    };
    const OSSL_PARAM *param;
    size_t i;

    if (params == NULL || !prov_signature_is_private(sig))
        return 1;
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        param = OSSL_PARAM_locate_const(params, refused[i].name);
        if (param != NULL && !refused[i].is_default(sig, param))
            return prov_raise(sig->ctx, KS_E_UNSUPPORTED,
                              "%s: key stays in its backend, which does not "
                              "know the parameter %s",
                              sig->key->uri, refused[i].name);
    }
    return 1;
}

void prov_signature_copy_algorithm(struct prov_signature *copy,
                                   const struct prov_signature *sig)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
                                copy->algorithm, sizeof(copy->algorithm)),
        OSSL_PARAM_END};

    if (sig->algorithm_len > 0) { /* a copy itself */
        memcpy(copy->algorithm, sig->algorithm, sig->algorithm_len);
        copy->algorithm_len = sig->algorithm_len;
        return;
    }
    if (sig->soft == NULL || strncmp(sig->key->type, "RSA", 3) == 0)
        return; /* RSA's is made when it is asked for */
    ERR_set_mark();
    if (EVP_PKEY_CTX_get_params(sig->soft, params) > 0 &&
        OSSL_PARAM_modified(params) &&
        params[0].return_size <= sizeof(copy->algorithm))
        copy->algorithm_len = params[0].return_size;
    ERR_pop_to_mark();
}

/* As default's, but that the AlgorithmIdentifier of a copy is our own. */
static int get_of_copy(struct prov_signature *sig, OSSL_PARAM params[])
{
    OSSL_PARAM *p = params;

    for (; p->key != NULL; p++) {
        OSSL_PARAM one[] = {*p, OSSL_PARAM_END};
        const bool is_algorithm =
            strcmp(p->key, OSSL_SIGNATURE_PARAM_ALGORITHM_ID) == 0;
        const int ok = is_algorithm
                           ? OSSL_PARAM_set_octet_string(one, sig->algorithm,
                                                         sig->algorithm_len)
                           : EVP_PKEY_CTX_get_params(sig->soft, one) > 0;

        p->return_size = one[0].return_size;
        if (!ok)
            return 0;
    }
    return 1;
}

int prov_signature_get_params(void *vsig, OSSL_PARAM params[])
{
    struct prov_signature *sig = vsig;

    if (sig->soft == NULL)
        return 0;
    if (sig->algorithm_len > 0 && params != NULL)
        return get_of_copy(sig, params);
    return EVP_PKEY_CTX_get_params(sig->soft, params) > 0;
}

const OSSL_PARAM *prov_signature_gettable(void *vsig, void *provctx)
{
    struct prov_signature *sig = vsig;

    (void)provctx;
    if (sig == NULL || sig->soft == NULL)
        return any_gettable;
    return EVP_PKEY_CTX_gettable_params(sig->soft);
}

int prov_signature_set_params(void *vsig, const OSSL_PARAM params[])
{
    struct prov_signature *sig = vsig;

    sig->mech_known = false;
    /* A digest that can still be set is that of a context without a message,
     * where default's makes an identifier anew. */
    if (sig->stream == NULL && params != NULL &&
        OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST) != NULL)
        sig->algorithm_len = 0;
    return sig->soft != NULL && prov_signature_check_params(sig, params) &&
           EVP_PKEY_CTX_set_params(sig->soft, params) > 0;
}

const OSSL_PARAM *prov_signature_settable(void *vsig, void *provctx)
{
    struct prov_signature *sig = vsig;

    (void)provctx;
    if (sig == NULL || sig->soft == NULL)
        return any_settable;
    return EVP_PKEY_CTX_settable_params(sig->soft);
}

/* Whichever context digests the message. */
static EVP_MD_CTX *digesting(struct prov_signature *sig)
{
    return sig->hash != NULL ? sig->hash : sig->stream;
}

int prov_signature_get_md_params(void *vsig, OSSL_PARAM params[])
{
    EVP_MD_CTX *ctx = digesting(vsig);

    return ctx != NULL && EVP_MD_CTX_get_params(ctx, params) > 0;
}

const OSSL_PARAM *prov_signature_gettable_md(void *vsig)
{
    EVP_MD_CTX *ctx = digesting(vsig);

    return ctx == NULL ? NULL : EVP_MD_CTX_gettable_params(ctx);
}

int prov_signature_set_md_params(void *vsig, const OSSL_PARAM params[])
{
    EVP_MD_CTX *ctx = digesting(vsig);

    return ctx != NULL && EVP_MD_CTX_set_params(ctx, params) > 0;
}

const OSSL_PARAM *prov_signature_settable_md(void *vsig)
{
    EVP_MD_CTX *ctx = digesting(vsig);

    return ctx == NULL ? NULL : EVP_MD_CTX_settable_params(ctx);
}
