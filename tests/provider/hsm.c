/*
 * A fixture with a token of SoftHSM's.
 */
#include "hsm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "leaks.h"
#include "tmpdir.h"

const char *const hsm_kinds[] = {"RSA",
                                 "P-256",
                                 "P-384",
                                 "P-521",
                                 "secp256k1",
                                 "brainpoolP256r1",
                                 "brainpoolP384r1",
                                 "ED25519",
                                 "ED448",
                                 NULL};

const char *hsm_algorithm(const char *kind)
{
    if (strncmp(kind, "RSA", 3) == 0 || strncmp(kind, "ED", 2) == 0 ||
        kind[0] == 'X')
        return kind;
    return "EC";
}

const char *hsm_digest(const char *kind)
{
    if (strncmp(kind, "ED", 2) == 0)
        return NULL;
    if (strstr(kind, "384") != NULL)
        return "SHA384";
    return strstr(kind, "521") != NULL ? "SHA512" : "SHA256";
}

/* The sections of one token: they differ in where a PIN comes from. */
static const struct {
    const char *name;
    const char *pin;
} sections[] = {
    {"hsm", "user_pin = file:pin.txt"},
    {"asking", ""},
    {"wrong", "user_pin = pass:" HSM_WRONG_PIN},
    {"officer", "so_pin = pass:" HSM_SO_PIN},
};

static char config[4096];

static void make_config(void)
{
    size_t used = 0, i;

    for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        used +=
            (size_t)snprintf(config + used, sizeof(config) - used,
                             "[backend %s]\ntype = pkcs11\n"
                             "module = %s\ntoken = " HSM_LABEL "\n%s\n",
                             sections[i].name, test_softhsm(), sections[i].pin);
    fixture_more_config = config;
}

/*
 * SoftHSM 2.6.1 loses the name of the curve in each use of an Edwards key.
 * AddressSanitizer (if it is there) asks for these; to see whose leak it is it
 * needs stacks that reach the module (deeper ones take twice the time), and the
 * module in its place when the process ends.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0:malloc_context_size=12";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so\n";
}

static void keep_module(void)
{
    if (test_leaks_are_looked_for())
        CHECK(dlopen(test_softhsm(), RTLD_NOW | RTLD_NODELETE) != NULL);
}

static const char *const usual[] = {"default", "keystore", NULL};

void hsm_open_empty(struct fixture *fixture)
{
    test_softhsm_setup();
    keep_module();
    test_write("pin.txt", HSM_PIN "\n", sizeof(HSM_PIN "\n") - 1, 0600);
    make_config();
    fixture_open_with(fixture, usual);
}

void hsm_open_with(struct fixture *fixture, const char *const names[])
{
    test_softhsm_setup();
    keep_module();
    test_softhsm_token(HSM_LABEL);
    test_write("pin.txt", HSM_PIN "\n", sizeof(HSM_PIN "\n") - 1, 0600);
    make_config();
    fixture_open_with(fixture, names);
}

void hsm_open(struct fixture *fixture)
{
    hsm_open_with(fixture, usual);
}

static EVP_PKEY *generate(const struct fixture *fixture, const char *kind,
                          const char *propq, OSSL_PARAM *params, size_t n)
{
    const char *algorithm = hsm_algorithm(kind);
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(fixture->ctx, algorithm, propq);
    EVP_PKEY *pkey = NULL;
    size_t bits = 2048;

    if (strcmp(algorithm, "EC") == 0)
        params[n++] = OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_GROUP_NAME, (char *)kind, 0);
    if (strncmp(kind, "RSA", 3) == 0)
        params[n++] =
            OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
    params[n] = OSSL_PARAM_construct_end();
    if (pctx != NULL && EVP_PKEY_keygen_init(pctx) == 1 &&
        EVP_PKEY_CTX_set_params(pctx, params) == 1)
        (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

EVP_PKEY *hsm_make(const struct fixture *fixture, const char *kind,
                   const char *uri, const char *usage)
{
    OSSL_PARAM params[5];
    size_t n = 0;

    params[n++] =
        OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)uri, 0);
    if (usage != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string("keystore-usage",
                                                       (char *)usage, 0);
    return generate(fixture, kind, FIXTURE_OURS, params, n);
}

EVP_PKEY *hsm_make_soft(const struct fixture *fixture, const char *kind)
{
    OSSL_PARAM params[3];

    return generate(fixture, kind, "provider=default", params, 0);
}

EVP_PKEY *hsm_public(const struct fixture *fixture, const char *uri)
{
    OSSL_STORE_INFO *info =
        fixture_load_info(fixture, uri, NULL, OSSL_STORE_INFO_PUBKEY, NULL);
    EVP_PKEY *pkey = info != NULL ? OSSL_STORE_INFO_get1_PUBKEY(info) : NULL;

    OSSL_STORE_INFO_free(info);
    return pkey;
}

EVP_PKEY *hsm_import(const struct fixture *fixture, const EVP_PKEY *soft,
                     const char *uri)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(
        fixture->ctx, EVP_PKEY_get0_type_name(soft), FIXTURE_OURS);
    OSSL_PARAM more[] = {
        OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)uri, 0),
        OSSL_PARAM_construct_end()};
    OSSL_PARAM *parts = NULL, *all = NULL;
    EVP_PKEY *kept = NULL;

    if (pctx != NULL && EVP_PKEY_todata(soft, EVP_PKEY_KEYPAIR, &parts) == 1 &&
        (all = OSSL_PARAM_merge(parts, more)) != NULL &&
        EVP_PKEY_fromdata_init(pctx) == 1 &&
        EVP_PKEY_fromdata(pctx, &kept, EVP_PKEY_KEYPAIR, all) != 1) {
        EVP_PKEY_free(kept);
        kept = NULL;
    }
    OPENSSL_free(all);
    OSSL_PARAM_free(parts);
    EVP_PKEY_CTX_free(pctx);
    return kept;
}

int hsm_count(const struct fixture *fixture, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, fixture->ctx, NULL, NULL,
                                               NULL, NULL, NULL, NULL);
    int n = 0;

    if (store == NULL)
        return -1;
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO_free(OSSL_STORE_load(store));
        n++;
    }
    OSSL_STORE_close(store);
    return n;
}
