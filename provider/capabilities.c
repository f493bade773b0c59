/*
 * TLS groups. On OpenSSL 3.0 libssl keeps a provider's group only while the
 * key type's implicit fetch ends at that same provider, and the order of
 * fetches is an accident. So we offer the very groups that default offers
 * for our key types: one of the two lists then always survives.
 */
#include "capabilities.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "ctx.h"

#define TLS_GROUP "TLS-GROUP"

struct filter {
    const char *algorithm; /* the groups of this key type pass */
    OSSL_CALLBACK *cb;
    void *arg;
};

static int pass_own(const OSSL_PARAM params[], void *arg)
{
    const struct filter *filter = arg;
    const OSSL_PARAM *p =
        OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);
    const char *algorithm = NULL;

    if (p == NULL || !OSSL_PARAM_get_utf8_string_ptr(p, &algorithm) ||
        OPENSSL_strcasecmp(algorithm, filter->algorithm) != 0)
        return 1;
    return filter->cb(params, filter->arg);
}

int prov_get_capabilities(void *provctx, const char *capability,
                          OSSL_CALLBACK *cb, void *arg)
{
    static const char *const types[] = {"EC", "X25519", "X448"};
    const struct prov_ctx *ctx = provctx;
    size_t i;
    int ok = 1;

    if (OPENSSL_strcasecmp(capability, TLS_GROUP) != 0)
        return 0;
    ERR_set_mark();
    for (i = 0; i < sizeof(types) / sizeof(types[0]) && ok; i++) {
        struct filter filter = {types[i], cb, arg};
        EVP_KEYMGMT *keymgmt =
            EVP_KEYMGMT_fetch(ctx->child, types[i], ctx->propq);

        if (keymgmt == NULL)
            continue; /* then nobody can use such a group anyhow */
        ok = OSSL_PROVIDER_get_capabilities(EVP_KEYMGMT_get0_provider(keymgmt),
                                            TLS_GROUP, pass_own, &filter);
        EVP_KEYMGMT_free(keymgmt);
    }
    ERR_pop_to_mark();
    return ok;
}
