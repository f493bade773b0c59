/*
 * Keys by URI: which provider they end in, what a secret is asked for, where
 * a listing ends, and what a person reads when it fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "fixture.h"
#include "tls.h"
#include "tmpdir.h"

#define TEXT_MAX 1024

static void key_by_uri_is_a_default_key(void)
{
    struct fixture f;
    size_t i;
    char uri[128];

    fixture_open(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *made, *loaded;

        (void)snprintf(uri, sizeof(uri), "keystore://default/%s",
                       fixture_kinds[i]);
        made = fixture_make(&f, fixture_kinds[i], uri, NULL);
        loaded = fixture_load(&f, uri, NULL, NULL);
        CHECK(made != NULL && loaded != NULL);
        CHECK_STR(fixture_provider_of(made), "keystore");
        CHECK_STR(fixture_provider_of(loaded), "default");
        if (made != NULL && loaded != NULL) {
            CHECK_INT(EVP_PKEY_eq(made, loaded), 1);
            CHECK_INT(EVP_PKEY_eq(loaded, made), 1);
            CHECK(fixture_use(&f, loaded, made));
            CHECK(fixture_use(&f, made, loaded));
        }
        CHECK_INT(ERR_peek_error(), 0);
        EVP_PKEY_free(made);
        EVP_PKEY_free(loaded);
    }
    fixture_close(&f);
}

static void key_by_uri_is_ours_where_that_is_asked(void)
{
    struct fixture f;
    size_t i;
    char uri[128];

    fixture_open(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *made, *ours;
        char text[TEXT_MAX] = "";

        (void)snprintf(uri, sizeof(uri), "keystore://default/%s",
                       fixture_kinds[i]);
        made = fixture_make(&f, fixture_kinds[i], uri, NULL);
        ours = fixture_load(&f, uri, FIXTURE_OURS, NULL);
        CHECK_STR(fixture_provider_of(ours), "keystore");
        if (made != NULL && ours != NULL) {
            CHECK_INT(EVP_PKEY_eq(made, ours), 1);
            CHECK(fixture_use(&f, ours, made));
            CHECK(EVP_PKEY_get_utf8_string_param(ours, "keystore-uri", text,
                                                 sizeof(text), NULL));
            CHECK_STR(text, uri);
        }
        EVP_PKEY_free(made);
        EVP_PKEY_free(ours);
    }
    fixture_close(&f);
}

static void key_that_stays_is_ours(void)
{
    struct fixture f;
    size_t i;
    char uri[128], text[TEXT_MAX];

    fixture_open(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *made, *stays;
        OSSL_STORE_INFO *info;

        (void)snprintf(uri, sizeof(uri), "keystore://default/%s",
                       fixture_kinds[i]);
        made = fixture_make(&f, fixture_kinds[i], uri, NULL);
        (void)snprintf(uri, sizeof(uri), "keystore://stay/%s",
                       fixture_kinds[i]);
        stays = fixture_load(&f, uri, NULL, NULL);
        CHECK_STR(fixture_provider_of(stays), "keystore");
        CHECK_INT(ERR_peek_error(), 0);
        if (made != NULL && stays != NULL) {
            CHECK_INT(EVP_PKEY_eq(made, stays), 1);
            CHECK(fixture_use(&f, stays, made));
        }
        info = fixture_load_info(&f, uri, NULL, OSSL_STORE_INFO_PUBKEY, NULL);
        CHECK(info != NULL &&
              OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
        if (info != NULL)
            CHECK_STR(fixture_provider_of(OSSL_STORE_INFO_get0_PUBKEY(info)),
                      "default");
        OSSL_STORE_INFO_free(info);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_OK);
        EVP_PKEY_free(made);
        EVP_PKEY_free(stays);
    }
    fixture_close(&f);
}

static void public_half_needs_no_secret(void)
{
    struct fixture f;
    OSSL_STORE_INFO *info;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    info = fixture_load_info(&f, "keystore://ask/a", NULL,
                             OSSL_STORE_INFO_PUBKEY, NULL);
    CHECK(info != NULL);
    OSSL_STORE_INFO_free(info);
    info = fixture_load_info(&f, "keystore://ask/a?type=public", NULL, 0, NULL);
    CHECK(info != NULL &&
          OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
    OSSL_STORE_INFO_free(info);
    fixture_close(&f);
}

static void expecting_what_is_not_there_is_silent(void)
{
    static const int nothing[] = {OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_CRL,
                                  OSSL_STORE_INFO_PARAMS};
    struct fixture f;
    size_t i;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    ERR_clear_error();
    for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        CHECK(fixture_load_info(&f, "keystore://ask/a", NULL, nothing[i],
                                NULL) == NULL);
        CHECK_INT(ERR_peek_error(), 0);
    }
    CHECK(fixture_load(&f, "keystore://ask/a?type=public", NULL, NULL) == NULL);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

/* One row per fault: what is loaded, with which passphrase, what is said. */
struct fault {
    const char *uri;
    const char *passphrase;
    ks_rc rc;
    const char *part;
};

static const struct fault faults[] = {
    {"keystore://ask/a", NULL, KS_E_SECRET_MISSING, "keystore://ask/a"},
    {"keystore://ask/a", "", KS_E_SECRET_MISSING, "no passphrase"},
    {"keystore://ask/a", "wrong", KS_E_SECRET_WRONG, "keystore://ask/a"},
    {"keystore://ask/a?pin-value=wrong", FIXTURE_PASSPHRASE, KS_E_SECRET_WRONG,
     "keystore://ask/a"},
    {"keystore://default/a?pin-value=wrong", NULL, KS_E_SECRET_WRONG, ""},
    {"keystore://default/a?pin-source=file:/nowhere", NULL, KS_E_SECRET_MISSING,
     "/nowhere"},
    {"keystore://default/a?pin-source=nonsense", NULL, KS_E_INVALID, ""},
    {"keystore://default/missing", NULL, KS_E_NOT_FOUND,
     "keystore://default/missing: no such key"},
    {"keystore://nowhere/a", NULL, KS_E_NOT_FOUND, "configured: default"},
    {"keystore://absent/a", NULL, KS_E_CONFIG, "/no/backend.so"},
    {"keystore:a", NULL, KS_E_INVALID, "keystore://BACKEND/KEY"},
    {"keystore://default/a?what=ever", NULL, KS_E_INVALID, "what"},
    {"keystore://default/%zz", NULL, KS_E_INVALID, ""},
    {"keystore://default/a%00b", NULL, KS_E_INVALID, ""},
    {"keystore://default/a#b", NULL, KS_E_INVALID, ""},
    {"keystore://user@default/a", NULL, KS_E_INVALID, ""},
    {"keystore://default/../../etc/passwd", NULL, KS_E_NOT_FOUND, ""},
};

static void each_fault_has_its_own_reason(void)
{
    struct fixture f;
    size_t i;
    char text[TEXT_MAX];

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        EVP_PKEY *pkey =
            fixture_load(&f, faults[i].uri, NULL, faults[i].passphrase);
        ks_rc raised = fixture_raised(text, sizeof(text));

        CHECK(pkey == NULL);
        if (!CHECK_RC(raised, faults[i].rc) ||
            !CHECK_CONTAINS(text, faults[i].part))
            fprintf(stderr, "    %s\n", faults[i].uri);
        CHECK(strstr(text, "wrong") == NULL ||
              strstr(text, "pin-value=wrong") == NULL);
        EVP_PKEY_free(pkey);
    }
    fixture_close(&f);
}

static void the_right_secret_works_from_every_source(void)
{
    static const struct fault good[] = {
        {"keystore://ask/a", FIXTURE_PASSPHRASE, KS_OK, ""},
        {"keystore://ask/a?pin-value=correct%20horse", NULL, KS_OK, ""},
        {"keystore://default/a", "wrong", KS_OK, ""},
        {"KEYSTORE://default/a", NULL, KS_OK, ""},
        {"keystore:///a", NULL, KS_OK, ""},
        {"keystore://default/%61", NULL, KS_OK, ""},
        {"keystore://default/a?type=private", NULL, KS_OK, ""},
    };
    struct fixture f;
    char uri[512];
    size_t i;
    EVP_PKEY *pkey;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        pkey = fixture_load(&f, good[i].uri, NULL, good[i].passphrase);
        if (!CHECK(pkey != NULL))
            fprintf(stderr, "    %s\n", good[i].uri);
        EVP_PKEY_free(pkey);
    }
    (void)snprintf(uri, sizeof(uri), "keystore://ask/a?pin-source=file:%s",
                   test_path("pw.txt"));
    pkey = fixture_load(&f, uri, NULL, NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    /* Where the configured passphrase cannot be read, the caller's serves. */
    test_write("pw.txt", "", 0, 0600);
    pkey = fixture_load(&f, "keystore://default/a", NULL, FIXTURE_PASSPHRASE);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static void damaged_key_is_said_to_be_damaged(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    test_write("keys/a.pem", "nothing", 7, 0600);
    CHECK(fixture_load(&f, "keystore://default/a", NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_DAMAGED);
    fixture_close(&f);
}

static void eof_follows_an_error(void)
{
    struct fixture f;
    OSSL_STORE_CTX *store;
    unsigned loads = 0;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    store = OSSL_STORE_open_ex("keystore://ask/a?pin-value=wrong", f.ctx, NULL,
                               NULL, NULL, NULL, NULL, NULL);
    REQUIRE(store != NULL);
    for (; !OSSL_STORE_eof(store) && loads < 10; loads++)
        CHECK(OSSL_STORE_load(store) == NULL);
    CHECK_INT(loads, 1);
    CHECK(OSSL_STORE_error(store));
    OSSL_STORE_close(store);
    fixture_close(&f);
}

static void eof_is_true_right_after_the_last_one(void)
{
    static const char *const names[] = {"keystore://default/%20space",
                                        "keystore://default/a",
                                        "keystore://default/b"};
    struct fixture f;
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info;
    size_t i;

    fixture_open(&f);
    store = OSSL_STORE_open_ex("keystore://default/", f.ctx, NULL, NULL, NULL,
                               NULL, NULL, NULL);
    CHECK(store != NULL && OSSL_STORE_eof(store));
    OSSL_STORE_close(store);
    for (i = 0; i < 3; i++)
        EVP_PKEY_free(fixture_make(&f, "ED25519", names[i], NULL));
    store = OSSL_STORE_open_ex("keystore://default/", f.ctx, NULL, NULL, NULL,
                               NULL, NULL, NULL);
    REQUIRE(store != NULL);
    for (i = 0; i < 3; i++) {
        CHECK(!OSSL_STORE_eof(store));
        info = OSSL_STORE_load(store);
        REQUIRE(info != NULL);
        CHECK_INT(OSSL_STORE_INFO_get_type(info), OSSL_STORE_INFO_NAME);
        CHECK_STR(OSSL_STORE_INFO_get0_NAME(info), names[i]);
        OSSL_STORE_INFO_free(info);
    }
    CHECK(OSSL_STORE_eof(store));
    CHECK_INT(ERR_peek_error(), 0);
    OSSL_STORE_close(store);
    fixture_close(&f);
}

/* A certificate for the key of URI, put beside it. */
static X509 *keep_certificate(const struct fixture *f, const char *uri)
{
    EVP_PKEY *pkey = fixture_make(f, "P-256", uri, NULL);
    X509 *cert = pkey != NULL ? tls_certificate(f->ctx, pkey) : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    char *file, *all;
    size_t len = 0;

    file = test_read("keys/a.pem", &len);
    if (file != NULL)
        (void)BIO_write(bio, file, (int)len);
    (void)PEM_write_bio_X509(bio, cert);
    len = (size_t)BIO_get_mem_data(bio, &all);
    test_write("keys/a.pem", all, len, 0600);
    free(file);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return cert;
}

static void certificate_comes_after_its_key(void)
{
    struct fixture f;
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info;
    X509 *cert;
    static const int types[] = {OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_CERT};
    size_t i;

    fixture_open(&f);
    cert = keep_certificate(&f, "keystore://default/a");
    store = OSSL_STORE_open_ex("keystore://default/a", f.ctx, NULL, NULL, NULL,
                               NULL, NULL, NULL);
    REQUIRE(store != NULL && cert != NULL);
    for (i = 0; i < 2; i++) {
        CHECK(!OSSL_STORE_eof(store));
        info = OSSL_STORE_load(store);
        if (CHECK(info != NULL))
            CHECK_INT(OSSL_STORE_INFO_get_type(info), types[i]);
        OSSL_STORE_INFO_free(info);
    }
    CHECK(OSSL_STORE_eof(store));
    OSSL_STORE_close(store);
    /* Alone, it asks for nothing. */
    info = fixture_load_info(&f, "keystore://ask/a", NULL, OSSL_STORE_INFO_CERT,
                             NULL);
    if (CHECK(info != NULL))
        CHECK_INT(X509_cmp(OSSL_STORE_INFO_get0_CERT(info), cert), 0);
    OSSL_STORE_INFO_free(info);
    info = fixture_load_info(&f, "keystore://ask/a?type=cert", NULL, 0, NULL);
    CHECK(info != NULL &&
          OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT);
    OSSL_STORE_INFO_free(info);
    CHECK_INT(ERR_peek_error(), 0);
    X509_free(cert);
    fixture_close(&f);
}

static void unsealed_key_asks_nobody(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://plain/a", NULL));
    pkey = fixture_load(&f, "keystore://plain/a", NULL, NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(key_by_uri_is_a_default_key),
    TEST_CASE(key_by_uri_is_ours_where_that_is_asked),
    TEST_CASE(key_that_stays_is_ours),
    TEST_CASE(public_half_needs_no_secret),
    TEST_CASE(expecting_what_is_not_there_is_silent),
    TEST_CASE(each_fault_has_its_own_reason),
    TEST_CASE(the_right_secret_works_from_every_source),
    TEST_CASE(damaged_key_is_said_to_be_damaged),
    TEST_CASE(eof_follows_an_error),
    TEST_CASE(eof_is_true_right_after_the_last_one),
    TEST_CASE(certificate_comes_after_its_key),
    TEST_CASE(unsealed_key_asks_nobody),
};
TEST_MAIN("provider.storeload", cases)
