/*
 * The module's one entry: makes a context and hands out the provider's own
 * functions. Touches no file, device or socket, so that activating the
 * provider costs nothing and cannot fail for want of a backend.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "algs.h"
#include "capabilities.h"
#include "ctx.h"
#include "err.h"
#include "stores.h"

/* The one symbol that the module exports. */
__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

static OSSL_FUNC_provider_teardown_fn teardown;
static OSSL_FUNC_provider_gettable_params_fn gettable_params;
static OSSL_FUNC_provider_get_params_fn get_params;

static void teardown(void *provctx)
{
    struct prov_ctx *ctx = provctx;

    if (ctx == NULL)
        return;
    prov_stores_free(ctx->stores);
    prov_algs_free(ctx->algs);
    OSSL_LIB_CTX_free(ctx->child);
    OPENSSL_free(ctx->name);
    OPENSSL_free(ctx->propq);
    OPENSSL_free(ctx->properties);
    OPENSSL_free(ctx);
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
        OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL), OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
    static const struct {
        const char *key;
        const char *value;
    } texts[] = {
        {OSSL_PROV_PARAM_NAME, "caadm key store"},
        {OSSL_PROV_PARAM_VERSION, CAADM_VERSION},
        {OSSL_PROV_PARAM_BUILDINFO, CAADM_VERSION},
    };
    OSSL_PARAM *p;
    size_t i;

    (void)provctx;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        p = OSSL_PARAM_locate(params, texts[i].key);
        if (p != NULL && !OSSL_PARAM_set_utf8_ptr(p, texts[i].value))
            return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    return p == NULL || OSSL_PARAM_set_int(p, 1);
}

/* The name under which libcrypto knows this instance. */
static char *loaded_name(const struct prov_ctx *ctx)
{
    char *name = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_CORE_PROV_NAME, &name, 0),
        OSSL_PARAM_END};

    if (!ctx->core.get_params(ctx->handle, params) || name == NULL)
        name = (char *)"keystore";
    return OPENSSL_strdup(name);
}

/*
 * PREFIX and the name as a property's value. A name may be a path ("-provider
 * ./keystore"), which property(7) wants in quotes; a plain name is better
 * without, as then "provider=KeyStore" matches it in any case.
 */
static char *property(const char *prefix, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *quote = strchr(name, '\'') == NULL ? "'" : "\"";
    size_t size = strlen(prefix) + strlen(name) + sizeof("''");
    char *text = OPENSSL_malloc(size);

    if (isalpha((unsigned char)name[0]) && name[strspn(name, plain)] == '\0')
        quote = "";
    if (text != NULL)
        (void)snprintf(text, size, "%s%s%s%s", prefix, quote, name, quote);
    return text;
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
    {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params},
    {OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))prov_query_operation},
    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
     (void (*)(void))prov_get_capabilities},
    {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS,
     (void (*)(void))prov_reason_strings},
    {0, NULL}};

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **provctx)
{
    struct prov_ctx *ctx = OPENSSL_zalloc(sizeof(*ctx));

    if (ctx == NULL)
        return 0;
    ctx->handle = handle;
    if (!prov_core_init(&ctx->core, in))
        goto fail;
    ctx->name = loaded_name(ctx);
    if (ctx->name == NULL)
        goto fail;
    ctx->propq = property("provider!=", ctx->name);
    ctx->properties = property("provider=", ctx->name);
    ctx->stores = prov_stores_new(ctx);
    ctx->child = OSSL_LIB_CTX_new_child(handle, in);
    if (ctx->propq == NULL || ctx->properties == NULL || ctx->stores == NULL ||
        ctx->child == NULL)
        goto fail;
    ctx->algs = prov_algs_new(ctx->properties);
    if (ctx->algs == NULL)
        goto fail;
    *out = functions;
    *provctx = ctx;
    return 1;

fail:
    teardown(ctx);
    return 0;
}
