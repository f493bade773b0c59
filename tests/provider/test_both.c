/*
 * A backend that has keys of both kinds: it makes some inside, and keeps
 * records of the others.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "fixture.h"

#define TEXT_MAX 1024

static const char section[] = "[backend both]\n"
                              "type = /test/both\n"
                              "passphrase = file:pw.txt\n"
                              "kdf = scrypt:1024:8:1\n";

static void open_both(struct fixture *f)
{
    fixture_modules_dir = INSIDE_DIR;
    fixture_more_config = section;
    fixture_open(f);
}

static void each_key_is_made_where_it_belongs(void)
{
    static const struct {
        const char *uri, *provider;
    } rows[] = {{"keystore://both/inside-a", "keystore"},
                {"keystore://both/a", "default"}};
    struct fixture f;

    open_both(&f);
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *made = fixture_make(&f, "P-256", rows[i].uri, NULL);
        EVP_PKEY *loaded = fixture_load(&f, rows[i].uri, NULL, NULL);

        CHECK(made != NULL);
        CHECK_STR(fixture_provider_of(loaded), rows[i].provider);
        if (made != NULL && loaded != NULL) {
            CHECK_INT(EVP_PKEY_eq(made, loaded), 1);
            CHECK(fixture_use(&f, loaded, made));
        }
        CHECK_INT(ERR_peek_error(), 0);
        EVP_PKEY_free(made);
        EVP_PKEY_free(loaded);
        CHECK_INT(fixture_delete(&f, rows[i].uri), 1);
    }
    fixture_close(&f);
}

static void what_cannot_be_made_inside_is_not_made_outside(void)
{
    struct fixture f;
    EVP_PKEY *first;
    char text[TEXT_MAX];

    open_both(&f);
    first = fixture_make(&f, "ED25519", "keystore://both/inside-a", NULL);
    CHECK(first != NULL);
    CHECK(fixture_make(&f, "ED25519", "keystore://both/inside-a", NULL) ==
          NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_EXISTS);
    EVP_PKEY_free(first);
    fixture_close(&f);
}

static void only_a_key_with_a_seal_is_sealed_anew(void)
{
    struct fixture f;
    EVP_PKEY *inside, *outside;

    open_both(&f);
    inside = fixture_make(&f, "ED25519", "keystore://both/inside-a", NULL);
    outside = fixture_load(&f, "keystore://both/none", FIXTURE_OURS, NULL);
    CHECK(outside == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_FOUND);
    outside = fixture_make(&f, "ED25519", "keystore://both/a", "pass:x");
    REQUIRE(inside != NULL && outside != NULL);
    CHECK_INT(
        EVP_PKEY_set_utf8_string_param(inside, "keystore-reseal", "pass:x"), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_UNSUPPORTED);
    EVP_PKEY_free(inside);
    EVP_PKEY_free(outside);
    CHECK(fixture_load(&f, "keystore://both/a", NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_SECRET_WRONG);
    outside = fixture_load(&f, "keystore://both/a?pin-value=x", NULL, NULL);
    CHECK(outside != NULL);
    EVP_PKEY_free(outside);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(each_key_is_made_where_it_belongs),
    TEST_CASE(what_cannot_be_made_inside_is_not_made_outside),
    TEST_CASE(only_a_key_with_a_seal_is_sealed_anew),
};
TEST_MAIN("provider.both", cases)
