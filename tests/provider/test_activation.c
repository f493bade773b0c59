/*
 * Activation changes nothing: keys that have nothing to do with us work as
 * without us, in whatever order providers come and whatever libcrypto's fetch
 * cache holds. And our keys work in all these places.
 */
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "fixture.h"
#include "ordinary.h"
#include "tmpdir.h"

static void check_stored_keys(const struct fixture *f)
{
    static const char *const kinds[] = {"RSA", "P-256", "ED25519"};
    size_t i;
    char uri[64];

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *pkey;

        (void)snprintf(uri, sizeof(uri), "keystore://stay/%s", kinds[i]);
        EVP_PKEY_free(fixture_make(f, kinds[i], uri, NULL));
        pkey = fixture_load(f, uri, NULL, NULL);
        CHECK_STR(fixture_provider_of(pkey), "keystore");
        if (pkey != NULL)
            ordinary_tls(f, pkey, uri);
        EVP_PKEY_free(pkey);
        (void)snprintf(uri, sizeof(uri), "keystore://default/%s", kinds[i]);
        pkey = fixture_load(f, uri, NULL, NULL);
        if (CHECK(pkey != NULL))
            ordinary_tls(f, pkey, uri);
        EVP_PKEY_free(pkey);
    }
}

static void listed_after_default(void)
{
    struct fixture f;

    fixture_open(&f);
    ordinary_keys(&f);
    check_stored_keys(&f);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

/* Then every implicit fetch of a key type ends at us. */
static void listed_before_default(void)
{
    static const char *const names[] = {"keystore", "default", NULL};
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open_with(&f, names);
    ordinary_keys(&f);
    check_stored_keys(&f);
    pkey = fixture_make(&f, "P-256", NULL, NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static void under_a_name_that_sorts_before_default(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open(&f);
    CHECK_INT(symlink(fixture_module, test_path("aaa.so")), 0);
    OSSL_PROVIDER_set_default_search_path(f.ctx, test_dir());
    f.providers[2] = OSSL_PROVIDER_load(f.ctx, "aaa");
    CHECK(f.providers[2] != NULL);
    f.providers[3] = OSSL_PROVIDER_load(f.ctx, "legacy");
    pkey = fixture_make(&f, "P-256", NULL, NULL);
    CHECK_STR(fixture_provider_of(pkey), "aaa");
    EVP_PKEY_free(pkey);
    ordinary_keys(&f);
    fixture_close(&f);
}

/* reference: OpenSSL issue 31018. A flush of the fetch cache, then any use of
 * one of our keys, and the next implicit fetch of its type ends at us. */
static void after_the_fetch_cache_was_poisoned(void)
{
    struct fixture f;
    EVP_PKEY *ec, *rsa, *hijacked;

    fixture_open(&f);
    ec = fixture_make(&f, "P-256", "keystore://stay/ec", NULL);
    rsa = fixture_make(&f, "RSA", "keystore://stay/rsa", NULL);
    f.providers[2] = OSSL_PROVIDER_load(f.ctx, "legacy");
    if (f.providers[2] == NULL)
        CHECK_INT(EVP_set_default_properties(f.ctx, "?provider=default"), 1);
    CHECK(fixture_use(&f, ec, ec));
    CHECK(fixture_use(&f, rsa, rsa));
    hijacked = EVP_PKEY_Q_keygen(f.ctx, NULL, "EC", "P-256");
    CHECK(hijacked != NULL);
#if OPENSSL_VERSION_NUMBER < 0x30100000L
    /* It is poisoned, then; and still nobody can tell. */
    CHECK_STR(fixture_provider_of(hijacked), "keystore");
#endif
    if (hijacked != NULL)
        CHECK(fixture_use(&f, hijacked, hijacked));
    EVP_PKEY_free(hijacked);
    hijacked = EVP_PKEY_Q_keygen(f.ctx, NULL, "RSA", (size_t)2048);
    CHECK(hijacked != NULL);
    EVP_PKEY_free(hijacked);
    ordinary_keys(&f);
    check_stored_keys(&f);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
    fixture_close(&f);
}

static int is_library(struct dl_phdr_info *info, size_t size, void *name)
{
    (void)size;
    return strstr(info->dlpi_name, name) != NULL;
}

static bool is_loaded(const char *name)
{
    return dl_iterate_phdr(is_library, (void *)(uintptr_t)name) != 0;
}

static void use_new_key(const struct fixture *f, const char *uri)
{
    EVP_PKEY *pkey = fixture_make(f, "P-256", uri, NULL);

    CHECK(pkey != NULL && fixture_use(f, pkey, pkey));
    EVP_PKEY_free(pkey);
}

/* They take as long to load as all the rest of activation. */
static void libraries_are_loaded_for_keys_that_need_them(void)
{
    struct fixture f;

    fixture_open(&f);
    use_new_key(&f, "keystore://default/a");
    CHECK(!is_loaded("libp11") && !is_loaded("libsqlite3"));
    use_new_key(&f, "keystore://db/a");
    CHECK(!is_loaded("libp11") && is_loaded("libsqlite3"));
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(libraries_are_loaded_for_keys_that_need_them),
    TEST_CASE(listed_after_default),
    TEST_CASE(listed_before_default),
    TEST_CASE(under_a_name_that_sorts_before_default),
    TEST_CASE(after_the_fetch_cache_was_poisoned),
};
TEST_MAIN("provider.activation", cases)
