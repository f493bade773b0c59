/*
 * Loading, unloading and what the provider says of itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "fixture.h"
#include "tmpdir.h"

#define ROUNDS 100
#define CONTEXTS 8
#define TEXT_MAX 1024

static void loading_reads_no_configuration(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    fixture_open(&f);
    test_write("caadm.conf", "this is no configuration", 24, 0600);
    fixture_close(&f);
    (void)setenv("CAADM_CONFIG", test_path("missing.conf"), 1);
    f.ctx = OSSL_LIB_CTX_new();
    CHECK(f.ctx != NULL);
    OSSL_LIB_CTX_free(f.ctx);
    fixture_open(&f);
    test_write("caadm.conf", "this is no configuration", 24, 0600);
    CHECK_INT(OSSL_PROVIDER_self_test(f.providers[1]), 1);
    CHECK(fixture_load(&f, "keystore://default/a", NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
    CHECK_CONTAINS(text, "caadm.conf");
    fixture_close(&f);
}

static void missing_configuration_is_named(void)
{
    struct fixture f;
    char text[TEXT_MAX];
    EVP_PKEY *pkey;

    fixture_open(&f);
    (void)rename(test_path("caadm.conf"), test_path("later.conf"));
    CHECK(fixture_load(&f, "keystore://default/a", NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK_CONTAINS(text, "caadm.conf");
    /* It is looked for again, once it is there. */
    (void)rename(test_path("later.conf"), test_path("caadm.conf"));
    pkey = fixture_make(&f, "P-256", "keystore://default/a", NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static void provider_describes_itself(void)
{
    struct fixture f;
    const char *name = NULL, *version = NULL, *build = NULL;
    int status = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_NAME, (char **)&name, 0),
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION,
                                      (char **)&version, 0),
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO,
                                      (char **)&build, 0),
        OSSL_PARAM_construct_int(OSSL_PROV_PARAM_STATUS, &status),
        OSSL_PARAM_construct_end()};

    fixture_open(&f);
    CHECK(OSSL_PROVIDER_gettable_params(f.providers[1]) != NULL);
    CHECK_INT(OSSL_PROVIDER_get_params(f.providers[1], params), 1);
    CHECK_STR(name, "caadm key store");
    CHECK(version != NULL && version[0] != '\0' && build != NULL);
    CHECK_INT(status, 1);
    fixture_close(&f);
}

/* digests and the like: whoever loads a key store does not want its own. */
static void nothing_but_keys_is_offered(void)
{
    static const int not_ours[] = {OSSL_OP_DIGEST, OSSL_OP_CIPHER, OSSL_OP_MAC,
                                   OSSL_OP_KDF, OSSL_OP_RAND};
    static const int ours[] = {OSSL_OP_STORE,       OSSL_OP_KEYMGMT,
                               OSSL_OP_SIGNATURE,   OSSL_OP_KEYEXCH,
                               OSSL_OP_ASYM_CIPHER, OSSL_OP_DECODER,
                               OSSL_OP_ENCODER};
    struct fixture f;
    size_t i;
    int no_cache;

    fixture_open(&f);
    for (i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
        CHECK(OSSL_PROVIDER_query_operation(f.providers[1], not_ours[i],
                                            &no_cache) == NULL);
    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        no_cache = -1;
        CHECK(OSSL_PROVIDER_query_operation(f.providers[1], ours[i],
                                            &no_cache) != NULL);
        CHECK_INT(no_cache, 0);
    }
    fixture_close(&f);
}

static void loaded_and_unloaded_a_hundred_times(void)
{
    struct fixture f;
    int i;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "ED25519", "keystore://plain/a", NULL));
    for (i = 0; i < ROUNDS; i++) {
        EVP_PKEY *pkey;

        CHECK_INT(OSSL_PROVIDER_unload(f.providers[1]), 1);
        f.providers[1] = OSSL_PROVIDER_load(f.ctx, "keystore");
        CHECK(f.providers[1] != NULL);
        if (i % 10 != 0)
            continue;
        pkey = fixture_load(&f, "keystore://plain/a", NULL, NULL);
        CHECK(pkey != NULL);
        EVP_PKEY_free(pkey);
    }
    fixture_close(&f);
}

static void many_contexts_load_at_once(void)
{
    struct fixture f[CONTEXTS];
    size_t i;

    for (i = 0; i < CONTEXTS; i++)
        fixture_open(&f[i]);
    EVP_PKEY_free(fixture_make(&f[0], "P-256", "keystore://default/a", NULL));
    for (i = 0; i < CONTEXTS; i++) {
        EVP_PKEY *pkey = fixture_load(&f[i], "keystore://stay/a", NULL, NULL);

        CHECK(pkey != NULL);
        if (pkey != NULL)
            CHECK(fixture_use(&f[i], pkey, pkey));
        EVP_PKEY_free(pkey);
    }
    for (i = 0; i < CONTEXTS; i++)
        fixture_close(&f[i]);
}

/* A key may be freed after its provider was unloaded: libcrypto holds that
 * until then. */
static void key_outlives_the_handle_of_its_provider(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    CHECK_INT(OSSL_PROVIDER_unload(f.providers[1]), 1);
    f.providers[1] = NULL;
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

/* The properties are those of the name under which it is loaded. */
static void another_name_is_another_property(void)
{
    static const char *const names[] = {"aaa", "it's", "7up"};
    struct fixture f;
    size_t i;
    char path[TEXT_MAX], propq[64];

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        EVP_KEYMGMT *keymgmt;

        fixture_open(&f);
        (void)snprintf(path, sizeof(path), "%s.so", names[i]);
        CHECK_INT(symlink(fixture_module, test_path(path)), 0);
        OSSL_PROVIDER_set_default_search_path(f.ctx, test_dir());
        f.providers[2] = OSSL_PROVIDER_load(f.ctx, names[i]);
        CHECK(f.providers[2] != NULL);
        (void)snprintf(propq, sizeof(propq), "provider=\"%s\"", names[i]);
        keymgmt = EVP_KEYMGMT_fetch(f.ctx, "RSA", propq);
        if (CHECK(keymgmt != NULL))
            CHECK_STR(
                OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keymgmt)),
                names[i]);
        EVP_KEYMGMT_free(keymgmt);
        fixture_close(&f);
    }
}

/* As in openssl.cnf: default and we, and where our configuration is. */
static void configuration_is_named_by_openssl_cnf(void)
{
    static const char format[] = "openssl_conf = init\n"
                                 "[init]\n"
                                 "providers = list\n"
                                 "[list]\n"
                                 "default = on\n"
                                 "keystore = store\n"
                                 "[on]\n"
                                 "activate = 1\n"
                                 "[store]\n"
                                 "module = %s\n"
                                 "activate = 1\n"
                                 "config = %s\n";
    struct fixture f;
    char text[TEXT_MAX];
    EVP_PKEY *pkey;
    int len;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    fixture_close(&f);
    (void)setenv("CAADM_CONFIG", test_path("missing.conf"), 1);
    len = snprintf(text, sizeof(text), format, fixture_module,
                   test_path("caadm.conf"));
    test_write("openssl.cnf", text, (size_t)len, 0600);
    f.ctx = OSSL_LIB_CTX_new();
    CHECK_INT(OSSL_LIB_CTX_load_config(f.ctx, test_path("openssl.cnf")), 1);
    pkey = fixture_load(&f, "keystore://default/a", NULL, NULL);
    CHECK_STR(fixture_provider_of(pkey), "default");
    EVP_PKEY_free(pkey);
    pkey = fixture_make(&f, "RSA", NULL, NULL);
    CHECK_STR(fixture_provider_of(pkey), "default");
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(loading_reads_no_configuration),
    TEST_CASE(missing_configuration_is_named),
    TEST_CASE(provider_describes_itself),
    TEST_CASE(nothing_but_keys_is_offered),
    TEST_CASE(loaded_and_unloaded_a_hundred_times),
    TEST_CASE(many_contexts_load_at_once),
    TEST_CASE(key_outlives_the_handle_of_its_provider),
    TEST_CASE(another_name_is_another_property),
    TEST_CASE(configuration_is_named_by_openssl_cnf),
};
TEST_MAIN("provider.init", cases)
