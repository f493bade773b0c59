/*
 * Keys of a backend that makes them itself: created, used, listed, deleted
 * through EVP as all others, and never seen.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "fixture.h"
#include "tls.h"

#define TEXT_MAX 1024

static void open_inside(struct fixture *f)
{
    fixture_modules_dir = INSIDE_DIR;
    fixture_open(f);
}

static void every_kind_is_made_and_used_inside(void)
{
    struct fixture f;
    size_t i;
    char uri[128], text[TEXT_MAX] = "";

    open_inside(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *made, *loaded, *public;
        OSSL_STORE_INFO *info;
        OSSL_PARAM *params = NULL;

        (void)snprintf(uri, sizeof(uri), "keystore://inside/%s",
                       fixture_kinds[i]);
        made = fixture_make(&f, fixture_kinds[i], uri, NULL);
        loaded = fixture_load(&f, uri, NULL, NULL);
        info = fixture_load_info(&f, uri, NULL, OSSL_STORE_INFO_PUBKEY, NULL);
        public = info != NULL ? OSSL_STORE_INFO_get0_PUBKEY(info) : NULL;
        CHECK_STR(fixture_provider_of(made), "keystore");
        CHECK_STR(fixture_provider_of(loaded), "keystore");
        CHECK_STR(fixture_provider_of(public), "default");
        if (made != NULL && loaded != NULL && public != NULL) {
            CHECK_INT(EVP_PKEY_eq(made, public), 1);
            CHECK_INT(EVP_PKEY_eq(public, loaded), 1);
            CHECK(fixture_use(&f, made, public));
            CHECK(fixture_use(&f, loaded, public));
            CHECK_INT(ERR_peek_error(), 0);
            CHECK_INT(EVP_PKEY_todata(loaded, EVP_PKEY_KEYPAIR, &params), 0);
            CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_EXPORTABLE);
        }
        OSSL_STORE_INFO_free(info);
        EVP_PKEY_free(made);
        EVP_PKEY_free(loaded);
    }
    fixture_close(&f);
}

static void tls_is_served_by_a_key_inside(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    X509 *cert;

    open_inside(&f);
    pkey = fixture_make(&f, "P-256", "keystore://inside/a", NULL);
    REQUIRE(pkey != NULL);
    cert = tls_certificate(f.ctx, pkey);
    CHECK(cert != NULL &&
          tls_handshake(f.ctx, pkey, cert, TLS1_2_VERSION, NULL) &&
          tls_handshake(f.ctx, pkey, cert, TLS1_3_VERSION, NULL));
    X509_free(cert);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static unsigned count_listed(const struct fixture *f)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(
        "keystore://inside/", f->ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    unsigned n = 0;

    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO_free(OSSL_STORE_load(store));
        n++;
    }
    OSSL_STORE_close(store);
    return n;
}

static void key_that_cannot_be_opened_is_not_left_behind(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_inside(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://inside/a", NULL));
    CHECK_INT(count_listed(&f), 1);
    CHECK(fixture_make(&f, "P-256", "keystore://inside/shut", NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_DENIED);
    CHECK_INT(count_listed(&f), 1);
    CHECK(fixture_make(&f, "P-256", "keystore://inside/a", NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_EXISTS);
    CHECK_INT(fixture_delete(&f, "keystore://inside/a"), 1);
    CHECK_INT(count_listed(&f), 0);
    CHECK(fixture_load(&f, "keystore://inside/a", NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    fixture_close(&f);
}

static void nothing_is_imported_or_sealed_there(void)
{
    struct fixture f;
    EVP_PKEY *source, *imported = NULL, *inside;
    EVP_PKEY_CTX *pctx;
    OSSL_PARAM *key = NULL, *all;
    OSSL_PARAM more[] = {OSSL_PARAM_construct_utf8_string(
                             "keystore-uri", (char *)"keystore://inside/b", 0),
                         OSSL_PARAM_construct_end()};
    char text[TEXT_MAX];

    open_inside(&f);
    source = fixture_make(&f, "ED25519", NULL, NULL);
    CHECK_INT(EVP_PKEY_todata(source, EVP_PKEY_KEYPAIR, &key), 1);
    all = OSSL_PARAM_merge(key, more);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "ED25519", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_fromdata_init(pctx), 1);
    CHECK(EVP_PKEY_fromdata(pctx, &imported, EVP_PKEY_KEYPAIR, all) != 1);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_UNSUPPORTED);
    inside = fixture_make(&f, "ED25519", "keystore://inside/a", NULL);
    CHECK_INT(
        EVP_PKEY_set_utf8_string_param(inside, "keystore-reseal", "pass:x"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_UNSUPPORTED);
    OPENSSL_free(all);
    OSSL_PARAM_free(key);
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(source);
    EVP_PKEY_free(imported);
    EVP_PKEY_free(inside);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(every_kind_is_made_and_used_inside),
    TEST_CASE(tls_is_served_by_a_key_inside),
    TEST_CASE(key_that_cannot_be_opened_is_not_left_behind),
    TEST_CASE(nothing_is_imported_or_sealed_there),
};
TEST_MAIN("provider.inside", cases)
