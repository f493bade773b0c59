/*
 * Keys made on a token through EVP, listed, deleted; and what is refused
 * before anything is made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "hsm.h"
#include "tmpdir.h"

#define TEXT_MAX 1024
#define GUARD_SECONDS 110
#define LISTING "keystore://hsm/"

static void open_guarded(struct fixture *f)
{
    (void)alarm(GUARD_SECONDS);
    hsm_open(f);
}

static void close_guarded(struct fixture *f)
{
    fixture_close(f);
    (void)alarm(0);
}

static void check_uri(EVP_PKEY *pkey, const char *want)
{
    char uri[512] = "";
    size_t len = 0;

    CHECK_INT(EVP_PKEY_get_utf8_string_param(pkey, "keystore-uri", uri,
                                             sizeof(uri), &len),
              1);
    CHECK_STR(uri, want);
}

static void every_kind_is_made_loaded_listed_and_deleted(void)
{
    struct fixture f;
    size_t i;
    char uri[128];

    open_guarded(&f);
    for (i = 0; hsm_kinds[i] != NULL; i++) {
        EVP_PKEY *made, *loaded, *public;

        (void)snprintf(uri, sizeof(uri), LISTING "%s", hsm_kinds[i]);
        made = hsm_make(&f, hsm_kinds[i], uri, NULL);
        loaded = fixture_load(&f, uri, NULL, NULL);
        public = hsm_public(&f, uri);
        if (CHECK(made != NULL && loaded != NULL && public != NULL)) {
            check_uri(made, uri);
            check_uri(loaded, uri);
            CHECK_INT(EVP_PKEY_eq(made, loaded), 1);
            CHECK(fixture_use(&f, loaded, public));
            CHECK_INT(hsm_count(&f, LISTING), (int)i + 1);
        } else {
            ERR_print_errors_fp(stderr);
        }
        EVP_PKEY_free(made);
        EVP_PKEY_free(loaded);
        EVP_PKEY_free(public);
    }
    CHECK_INT(ERR_peek_error(), 0);
    while (i-- > 0) {
        (void)snprintf(uri, sizeof(uri), LISTING "%s", hsm_kinds[i]);
        CHECK_INT(fixture_delete(&f, uri), 1);
        CHECK_INT(hsm_count(&f, LISTING), (int)i);
        CHECK(fixture_load(&f, uri, NULL, NULL) == NULL);
        CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_FOUND);
    }
    close_guarded(&f);
}

static void taken_name_is_refused_and_the_key_stays(void)
{
    struct fixture f;
    EVP_PKEY *first, *again;
    char text[TEXT_MAX];

    open_guarded(&f);
    first = hsm_make(&f, "P-256", LISTING "a", NULL);
    CHECK(hsm_make(&f, "P-384", LISTING "a", NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_EXISTS);
    CHECK_CONTAINS(text, LISTING "a");
    again = fixture_load(&f, LISTING "a", NULL, NULL);
    CHECK_INT(EVP_PKEY_eq(first, again), 1);
    CHECK_INT(hsm_count(&f, LISTING), 1);
    EVP_PKEY_free(first);
    EVP_PKEY_free(again);
    close_guarded(&f);
}

static void pkcs11_uri_makes_and_loads_a_key(void)
{
    static const char uri[] =
        "pkcs11:token=provider%20test;object=by-uri;id=%01%02";
    struct fixture f;
    EVP_PKEY *made, *loaded, *same;
    char got[512] = "";
    size_t len = 0;

    open_guarded(&f);
    made = hsm_make(&f, "P-256", uri, NULL);
    if (!CHECK(made != NULL))
        ERR_print_errors_fp(stderr);
    loaded = fixture_load(&f, uri, NULL, NULL);
    same = fixture_load(&f, LISTING "by-uri", NULL, NULL);
    if (CHECK(made != NULL && loaded != NULL && same != NULL)) {
        CHECK_INT(EVP_PKEY_eq(made, same), 1);
        CHECK_INT(EVP_PKEY_get_utf8_string_param(made, "keystore-uri", got,
                                                 sizeof(got), &len),
                  1);
        CHECK_CONTAINS(got, "pkcs11:");
        CHECK_CONTAINS(got, "object=by-uri");
        CHECK(fixture_use(&f, loaded, made));
    }
    EVP_PKEY_free(made);
    EVP_PKEY_free(loaded);
    EVP_PKEY_free(same);
    CHECK(hsm_make(&f, "P-256", uri, NULL) == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_EXISTS);
    CHECK_INT(fixture_delete(&f, uri), 1);
    CHECK_INT(hsm_count(&f, LISTING), 0);
    close_guarded(&f);
}

static EVP_PKEY *make_with(const struct fixture *f, const char *algorithm,
                           const OSSL_PARAM params[])
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(f->ctx, algorithm, FIXTURE_OURS);
    EVP_PKEY *pkey = NULL;

    if (EVP_PKEY_keygen_init(pctx) == 1 &&
        EVP_PKEY_CTX_set_params(pctx, params) == 1)
        (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

static void check_refused(const struct fixture *f, const char *algorithm,
                          const char *name, const char *value, ks_rc want,
                          const char *part)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("keystore-uri",
                                         (char *)LISTING "never", 0),
        OSSL_PARAM_construct_utf8_string(name, (char *)value, 0),
        strcmp(algorithm, "EC") == 0
            ? OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                               (char *)"P-256", 0)
            : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end()};
    char text[TEXT_MAX];

    CHECK(make_with(f, algorithm, params) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), want);
    CHECK_CONTAINS(text, part);
}

static void what_the_token_cannot_be_told_is_refused(void)
{
    struct fixture f;

    open_guarded(&f);
    check_refused(&f, "EC", "keystore-usage", "decrypt", KS_E_INVALID,
                  "EC cannot decrypt");
    check_refused(&f, "ED25519", "keystore-usage", "sign,derive", KS_E_INVALID,
                  "ED25519 cannot derive");
    check_refused(&f, "RSA", "keystore-usage", "sign,", KS_E_INVALID,
                  "keystore-usage");
    check_refused(&f, "RSA", "keystore-usage", "", KS_E_INVALID,
                  "keystore-usage");
    check_refused(&f, "RSA", "keystore-usage", "wrap", KS_E_INVALID, "wrap");
    check_refused(&f, "RSA", "keystore-passout", "pass:x", KS_E_INVALID,
                  "no passphrase of their own");
    check_refused(&f, "EC", OSSL_PKEY_PARAM_EC_ENCODING, "explicit",
                  KS_E_UNSUPPORTED, "encoding");
    CHECK_INT(hsm_count(&f, LISTING), 0);
    close_guarded(&f);
}

static void other_exponent_is_refused_and_the_usual_one_is_not(void)
{
    struct fixture f;
    size_t e = RSA_F4, bits = 2048;
    EVP_PKEY *pkey;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)LISTING "a",
                                         0),
        OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_E, &e),
        OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits),
        OSSL_PARAM_construct_end()};

    open_guarded(&f);
    pkey = make_with(&f, "RSA", params);
    CHECK(pkey != NULL);
    CHECK_INT(EVP_PKEY_get_bits(pkey), 2048);
    EVP_PKEY_free(pkey);
    e = 3;
    params[0] = OSSL_PARAM_construct_utf8_string("keystore-uri",
                                                 (char *)LISTING "b", 0);
    CHECK(make_with(&f, "RSA", params) == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_UNSUPPORTED);
    CHECK_INT(hsm_count(&f, LISTING), 1);
    close_guarded(&f);
}

static void curve_is_taken_from_a_template(void)
{
    struct fixture f;
    EVP_PKEY *first, *second = NULL;
    EVP_PKEY_CTX *pctx;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(
                               "keystore-uri", (char *)LISTING "b", 0),
                           OSSL_PARAM_construct_end()};
    char group[64] = "";
    size_t len = 0;

    open_guarded(&f);
    first = hsm_make(&f, "P-384", LISTING "a", NULL);
    pctx = EVP_PKEY_CTX_new_from_pkey(f.ctx, first, FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK_INT(EVP_PKEY_CTX_set_params(pctx, params), 1);
    CHECK_INT(EVP_PKEY_generate(pctx, &second), 1);
    if (CHECK(second != NULL)) {
        CHECK_INT(EVP_PKEY_get_group_name(second, group, sizeof(group), &len),
                  1);
        CHECK_STR(group, "secp384r1");
    }
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
    close_guarded(&f);
}

static void pin_has_to_be_changed_on_the_token(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    char text[TEXT_MAX];

    open_guarded(&f);
    pkey = hsm_make(&f, "ED25519", LISTING "a", NULL);
    CHECK_INT(EVP_PKEY_set_utf8_string_param(pkey, "keystore-reseal", "pass:x"),
              0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(text, "no passphrase of their own");
    CHECK_CONTAINS(text, "--change-pin");
    EVP_PKEY_free(pkey);
    close_guarded(&f);
}

static void uri_pem_and_text_name_the_key(void)
{
    static const char *const uris[] = {LISTING "a",
                                       "pkcs11:token=provider%20test;object=b"};
    struct fixture f;
    size_t i;

    open_guarded(&f);
    for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        EVP_PKEY *pkey = hsm_make(&f, "P-256", uris[i], NULL), *again;
        BIO *bio = BIO_new(BIO_s_mem());
        char text[8192] = "";

        CHECK(pkey != NULL && EVP_PKEY_print_private(bio, pkey, 0, NULL) == 1);
        (void)BIO_read(bio, text, sizeof(text) - 1);
        CHECK_CONTAINS(text, "URI: ");
        CHECK_CONTAINS(text, strchr(uris[i], ':') + 1);
        CHECK_CONTAINS(text, "stays in its backend");
        CHECK_INT(
            PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
        again = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f.ctx, NULL);
        if (!CHECK(again != NULL))
            ERR_print_errors_fp(stderr);
        CHECK_STR(fixture_provider_of(again), "keystore");
        CHECK(again != NULL && EVP_PKEY_eq(again, pkey) == 1 &&
              fixture_use(&f, again, pkey));
        BIO_free(bio);
        EVP_PKEY_free(pkey);
        EVP_PKEY_free(again);
    }
    close_guarded(&f);
}

/* Without it the file would be of no use by itself; a PIN, or what only this
 * process can read, is not written. */
static void uri_pem_keeps_the_source_of_the_pin(void)
{
    static const struct {
        const char *query;
        bool kept;
    } queries[] = {
        {"?pin-source=env:TEST_PIN_HERE", true},
        {"?pin-source=pass:" HSM_PIN, false},
        {"?pin-value=" HSM_PIN, false},
    };
    static const char *const places[] = {
        "keystore://asking/a", "pkcs11:token=provider%20test;object=a"};
    struct fixture f;
    size_t i, k;

    open_guarded(&f);
    CHECK_INT(setenv("TEST_PIN_HERE", HSM_PIN, 1), 0);
    EVP_PKEY_free(hsm_make(&f, "P-256", LISTING "a", NULL));
    for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        for (k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            BIO *bio = BIO_new(BIO_s_mem());
            char uri[256], *name = NULL, *header = NULL;
            unsigned char *der = NULL;
            long len = 0;
            EVP_PKEY *pkey;

            (void)snprintf(uri, sizeof(uri), "%s%s", places[k],
                           queries[i].query);
            pkey = fixture_load(&f, uri, NULL, NULL);
            CHECK(pkey != NULL);
            CHECK_INT(
                PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL),
                1);
            CHECK_INT(PEM_read_bio(bio, &name, &header, &der, &len), 1);
            CHECK_INT(memmem(der, (size_t)len, "pin-source=env:TEST_PIN_HERE",
                             28) != NULL,
                      queries[i].kept);
            CHECK(memmem(der, (size_t)len, HSM_PIN, strlen(HSM_PIN)) == NULL);
            OPENSSL_free(name);
            OPENSSL_free(header);
            OPENSSL_free(der);
            EVP_PKEY_free(pkey);
            BIO_free(bio);
        }
    close_guarded(&f);
}

static void key_keeps_its_uri_store_open(void)
{
    struct fixture f;
    EVP_PKEY *loaded, *public, *dup;
    const char *uri = "pkcs11:token=provider%20test;object=a";

    open_guarded(&f);
    EVP_PKEY_free(hsm_make(&f, "P-256", uri, NULL));
    loaded = fixture_load(&f, uri, NULL, NULL);
    public = hsm_public(&f, uri);
    CHECK(loaded != NULL && public != NULL);
    dup = EVP_PKEY_dup(loaded);
    EVP_PKEY_free(loaded);
    CHECK(dup != NULL && fixture_use(&f, dup, public));
    EVP_PKEY_free(dup);
    EVP_PKEY_free(public);
    close_guarded(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(every_kind_is_made_loaded_listed_and_deleted),
    TEST_CASE(taken_name_is_refused_and_the_key_stays),
    TEST_CASE(pkcs11_uri_makes_and_loads_a_key),
    TEST_CASE(what_the_token_cannot_be_told_is_refused),
    TEST_CASE(other_exponent_is_refused_and_the_usual_one_is_not),
    TEST_CASE(curve_is_taken_from_a_template),
    TEST_CASE(pin_has_to_be_changed_on_the_token),
    TEST_CASE(uri_pem_and_text_name_the_key),
    TEST_CASE(uri_pem_keeps_the_source_of_the_pin),
    TEST_CASE(key_keeps_its_uri_store_open),
};
TEST_MAIN("provider.hsm_create", cases)
