/*
 * Key types as people write them: "rsa:3072", "ec:P-384", "ed25519".
 */
#include "key.h"
#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384
#define RSA_BITS_DEFAULT 3072

#define KNOWN                                                                  \
    "rsa:BITS, rsa-pss:BITS, ec:P-256, ec:P-384, ec:P-521, ed25519, ed448, "   \
    "x25519, x448"

enum detail {
    DETAIL_NONE,
    DETAIL_BITS,
    DETAIL_GROUP
};

static const struct {
    const char *name;
    const char *algorithm;
    enum detail detail;
} types[] = {
    {"rsa", "RSA", DETAIL_BITS},     {"rsa-pss", "RSA-PSS", DETAIL_BITS},
    {"ec", "EC", DETAIL_GROUP},      {"ed25519", "ED25519", DETAIL_NONE},
    {"ed448", "ED448", DETAIL_NONE}, {"x25519", "X25519", DETAIL_NONE},
    {"x448", "X448", DETAIL_NONE},
};

/* The first of each pair is what we write. */
static const struct {
    const char *name;
    const char *openssl;
} groups[] = {
    {"P-256", "prime256v1"},
    {"P-384", "secp384r1"},
    {"P-521", "secp521r1"},
    {"P-256", "P-256"},
    {"P-384", "P-384"},
    {"P-521", "P-521"},
    {"P-256", "secp256r1"},
    {"brainpoolP256r1", "brainpoolP256r1"},
    {"brainpoolP384r1", "brainpoolP384r1"},
    {"brainpoolP512r1", "brainpoolP512r1"},
    {"secp256k1", "secp256k1"},
};

static const char *find_group(const char *name)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (OPENSSL_strcasecmp(groups[i].openssl, name) == 0)
            return groups[i].name;
    }
    return NULL;
}

static ks_rc parse_bits(const char *text, size_t *bits, struct ks_err *err)
{
    char *end = NULL;
    long value = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;

    if (end == NULL || *end != '\0' || value < RSA_BITS_MIN ||
        value > RSA_BITS_MAX || value % 8 != 0)
        return ks_fail(err, KS_E_INVALID,
                       "%.20s: RSA keys have %d to %d bits, a multiple of 8",
                       text, RSA_BITS_MIN, RSA_BITS_MAX);
    *bits = (size_t)value;
    return KS_OK;
}

static ks_rc parse_detail(enum detail detail, const char *colon,
                          struct ca_key_type *out, struct ks_err *err)
{
    switch (detail) {
    case DETAIL_BITS:
        out->bits = RSA_BITS_DEFAULT;
        return colon == NULL ? KS_OK : parse_bits(colon + 1, &out->bits, err);
    case DETAIL_GROUP:
        out->group = find_group(colon == NULL ? "P-256" : colon + 1);
        if (out->group != NULL)
            return KS_OK;
        return ks_fail(err, KS_E_INVALID,
                       "%.40s: unknown curve; P-256, P-384, P-521 are known",
                       colon + 1);
    default:
        if (colon == NULL)
            return KS_OK;
        return ks_fail(err, KS_E_INVALID, "%.40s: \"%s\" takes no size",
                       colon + 1, out->algorithm);
    }
}

ks_rc ca_key_type_parse(const char *type, struct ca_key_type *out,
                        struct ks_err *err)
{
    const char *text = type != NULL ? type : CA_KEY_TYPE_DEFAULT;
    const char *colon = strchr(text, ':');
    char name[12];

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
    *out = (struct ca_key_type){0};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (OPENSSL_strcasecmp(types[i].name, name) != 0)
            continue;
        out->algorithm = types[i].algorithm;
        return parse_detail(types[i].detail, colon, out, err);
    }
    ks_hint(err, "known: %s", KNOWN);
    return ks_fail(err, KS_E_INVALID, "%.40s: unknown key type", text);
}

ks_rc ca_key_type_check(const char *type, struct ks_err *err)
{
    struct ca_key_type parsed;

    return ca_key_type_parse(type, &parsed, err);
}

ks_rc ca_key_type_set(const struct ca_key_type *type, EVP_PKEY_CTX *ctx,
                      struct ks_err *err)
{
    OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
    size_t bits = type->bits;

    if (bits != 0)
        params[0] =
            OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
    else if (type->group != NULL)
        params[0] = OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)type->group, 0);
    if (params[0].key == NULL || EVP_PKEY_CTX_set_params(ctx, params) > 0)
        return KS_OK;
    return ca_crypto_fail(KS_E_CRYPTO, type->algorithm, err);
}

static int go_on(EVP_PKEY_CTX *ctx)
{
    const struct ca_env *env = EVP_PKEY_CTX_get_app_data(ctx);

    return !env->interrupted();
}

ks_rc ca_key_run(const struct ca_env *env, EVP_PKEY_CTX *ctx, const char *what,
                 EVP_PKEY **out, struct ks_err *err)
{
    if (env->interrupted != NULL) {
        EVP_PKEY_CTX_set_app_data(ctx, (void *)(uintptr_t)env);
        EVP_PKEY_CTX_set_cb(ctx, go_on);
    }
    if (EVP_PKEY_generate(ctx, out) > 0)
        return KS_OK;
    if (env->interrupted == NULL || !env->interrupted())
        return ca_crypto_fail(KS_E_CRYPTO, what, err);
    ERR_clear_error();
    return ks_fail(err, KS_E_INTERRUPTED, "%s: interrupted, no key was made",
                   what);
}

ks_rc ca_key_throw_away(const struct ca_env *env, const char *type,
                        EVP_PKEY **out, struct ks_err *err)
{
    struct ca_key_type parsed;
    EVP_PKEY_CTX *ctx = NULL;
    ks_rc rc = ca_key_type_parse(type, &parsed, err);

    if (rc != KS_OK)
        return rc;
    ctx = EVP_PKEY_CTX_new_from_name(env->libctx, parsed.algorithm, env->propq);
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0)
        rc = ca_crypto_fail(KS_E_CRYPTO, parsed.algorithm, err);
    if (rc == KS_OK)
        rc = ca_key_type_set(&parsed, ctx, err);
    if (rc == KS_OK)
        rc = ca_key_run(env, ctx, parsed.algorithm, out, err);
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

void ca_key_type_text(const EVP_PKEY *pkey, char *out, size_t size)
{
    const char *name = EVP_PKEY_get0_type_name(pkey);
    char group[80] = "";
    const char *ours;

    (void)snprintf(out, size, "%s", name != NULL ? name : "unknown");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!EVP_PKEY_is_a(pkey, types[i].algorithm))
            continue;
        (void)snprintf(out, size, "%s", types[i].name);
        if (types[i].detail == DETAIL_BITS) {
            (void)snprintf(out, size, "%s:%d", types[i].name,
                           EVP_PKEY_get_bits(pkey));
        } else if (types[i].detail == DETAIL_GROUP &&
                   EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ==
                       1) {
            ours = find_group(group);
            (void)snprintf(out, size, "ec:%s", ours != NULL ? ours : group);
        }
        return;
    }
}
