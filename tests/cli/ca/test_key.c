/*
 * Key types, and keys by URI. Making keys in a backend is in
 * test_key_make.c.
 */
#include "key.h"

#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "fixture.h"
#include "tmpdir.h"

static void types_are_made_and_named_alike(void)
{
    static const char *const types[] = {"rsa:2048", "rsa-pss:2048", "ec:P-256",
                                        "ec:P-384", "ec:P-521",     "ed25519",
                                        "ed448",    "x25519",       "x448"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct ca_env env = {0};
        struct ks_err err = {0};
        EVP_PKEY *pkey = NULL;
        char text[64];

        CHECK_OK(ca_key_throw_away(&env, types[i], &pkey, &err), &err);
        REQUIRE(pkey != NULL);
        ca_key_type_text(pkey, text, sizeof(text));
        CHECK_STR(text, types[i]);
        EVP_PKEY_free(pkey);
    }
}

static void bad_types_are_refused(void)
{
    static const char *const bad[] = {
        "",          "rsa:",      "rsa:1024", "rsa:2049", "rsa:99999",
        "rsa:2048x", "ec:",       "ec:P-224", "ec:none",  "ed25519:1",
        "dsa",       "rsa:-2048", "P-256",    "rsa2048",  "ec:P-256 "};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_err err = {0};

        CHECK_RC(ca_key_type_check(bad[i], &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
    }
}

static ks_rc load(struct fixture *f, const char *uri)
{
    EVP_PKEY *pkey = NULL;
    ks_rc rc;

    memset(&f->err, 0, sizeof(f->err));
    rc = ca_key_load(&f->env, uri, &pkey, &f->err);
    CHECK((rc == KS_OK) == (pkey != NULL));
    EVP_PKEY_free(pkey);
    return rc;
}

static void keys_are_loaded_by_uri_or_file_name(void)
{
    struct fixture f = {0};
    EVP_PKEY *public = NULL;

    CHECK_OK(load(&f, fixture_key(&f, "k", "ec:P-256")), &f.err);
    CHECK_OK(load(&f, test_path("k.pem")), &f.err);
    CHECK_OK(ca_key_load_public(&f.env, test_path("k.pem"), &public, &f.err),
             &f.err);
    EVP_PKEY_free(public);
}

static void what_is_no_key_says_so(void)
{
    struct fixture f = {0};

    CHECK_RC(load(&f, test_path("absent.pem")), KS_E_NOT_FOUND);
    CHECK_CONTAINS(f.err.text, "absent.pem");
    CHECK_RC(load(&f, ""), KS_E_INVALID);
    test_write("empty.pem", "", 0, 0600);
    CHECK(load(&f, test_path("empty.pem")) != KS_OK);
    test_write("text.pem", "hello\n", 6, 0600);
    CHECK(load(&f, test_path("text.pem")) != KS_OK);
    CHECK_CONTAINS(f.err.text, "text.pem");
}

/* Elsewhere "pkcs11:..." was once taken for a file's name, and the key
 * written there in the clear. */
static void an_unknown_scheme_is_never_a_file_name(void)
{
    struct fixture f = {0};

    CHECK_RC(load(&f, "foo:bar"), KS_E_INVALID);
    CHECK_CONTAINS(f.err.text, "unknown scheme");
    CHECK_RC(load(&f, "keystor://default/x?pin-value=SESAME"), KS_E_INVALID);
    CHECK(strstr(f.err.text, "SESAME") == NULL);
}

static void without_the_provider_new_keys_say_what_is_missing(void)
{
    struct fixture f = {0};
    struct ca_key_spec spec = {.uri = "keystore://default/x"};

    CHECK_RC(ca_key_generate(&f.env, &spec, NULL, &f.err), KS_E_CONFIG);
    CHECK_CONTAINS(f.err.hint, "caadm doctor");
    memset(&f.err, 0, sizeof(f.err));
    spec.uri = "file:/tmp/x";
    CHECK_RC(ca_key_generate(&f.env, &spec, NULL, &f.err), KS_E_INVALID);
    CHECK_CONTAINS(f.err.text, "keystore://");
}

static void uris_are_kept_without_their_secrets(void)
{
    struct ks_err err = {0};
    char *uri = NULL;

    CHECK_OK(ca_key_uri("keystore:///a%20b?pin-value=SESAME", &uri, &err),
             &err);
    CHECK_STR(uri, "keystore://default/a%20b");
    OPENSSL_free(uri);
}

/* An error of our provider, as its err.c writes one. */
static ks_rc raised(const char *text, struct ks_err *err)
{
    *err = (struct ks_err){0};
    ERR_raise_data(ERR_LIB_USER, -(int)KS_E_SECRET_MISSING, "%s", text);
    return ca_crypto_fail(KS_E_CRYPTO, "what", err);
}

static void a_hint_of_the_provider_is_a_hint_again(void)
{
    struct ks_err err;

    CHECK_RC(raised("k: none (of two) (hint: say (one))", &err),
             KS_E_SECRET_MISSING);
    CHECK_STR(err.text, "k: none (of two)");
    CHECK_STR(err.hint, "say (one)");
    CHECK_RC(raised("k: none (of two)", &err), KS_E_SECRET_MISSING);
    CHECK_STR(err.text, "k: none (of two)");
    CHECK_STR(err.hint, "");
    CHECK_RC(raised("k (hint: cut o", &err), KS_E_SECRET_MISSING);
    CHECK_STR(err.text, "k (hint: cut o");
    CHECK_RC(raised(" (hint: )", &err), KS_E_SECRET_MISSING);
    CHECK_STR(err.hint, "");
}

static const struct test_case cases[] = {
    TEST_CASE(types_are_made_and_named_alike),
    TEST_CASE(bad_types_are_refused),
    TEST_CASE(keys_are_loaded_by_uri_or_file_name),
    TEST_CASE(what_is_no_key_says_so),
    TEST_CASE(an_unknown_scheme_is_never_a_file_name),
    TEST_CASE(without_the_provider_new_keys_say_what_is_missing),
    TEST_CASE(uris_are_kept_without_their_secrets),
    TEST_CASE(a_hint_of_the_provider_is_a_hint_again),
};
TEST_MAIN("ca.key", cases)
