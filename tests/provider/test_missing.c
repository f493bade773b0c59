/*
 * A machine that has not the libraries for tokens and for SQLite:
 * CMakeLists.txt puts files in their places that are none. Everything else
 * works, and what is missing is said.
 */
#include <openssl/err.h>

#include "hsm.h"

#define TEXT_MAX 1024

static void check_missing(const char *soname)
{
    char text[TEXT_MAX];

    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
    CHECK_CONTAINS(text, soname);
    CHECK_CONTAINS(text, "libp11-kit0");
}

static void pkcs11_uri_says_which_library_is_missing(void)
{
    struct fixture f;

    hsm_open(&f);
    CHECK(fixture_load(&f, "pkcs11:token=a;object=k", NULL, NULL) == NULL);
    check_missing("libp11-kit.so");
    CHECK(hsm_make(&f, "P-256", "pkcs11:token=a;object=k", NULL) == NULL);
    check_missing("libp11-kit.so");
    fixture_close(&f);
}

/* They serve for URIs and new tokens alone. */
static void keys_of_a_configured_token_miss_nothing(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    hsm_open(&f);
    pkey = hsm_make(&f, "P-256", "keystore://hsm/k", NULL);
    CHECK(pkey != NULL && fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(pkey);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

static void a_key_in_sqlite_says_which_library_is_missing(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    fixture_open(&f);
    CHECK(fixture_make(&f, "P-256", "keystore://db/a", NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
    CHECK_CONTAINS(text, "libsqlite3.so");
    CHECK_CONTAINS(text, "libsqlite3-0");
    fixture_close(&f);
}

static void keys_in_files_miss_nothing(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    hsm_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://default/a", NULL);
    CHECK(pkey != NULL && fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(pkey);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(pkcs11_uri_says_which_library_is_missing),
    TEST_CASE(a_key_in_sqlite_says_which_library_is_missing),
    TEST_CASE(keys_of_a_configured_token_miss_nothing),
    TEST_CASE(keys_in_files_miss_nothing),
};
TEST_MAIN("provider.missing", cases)
