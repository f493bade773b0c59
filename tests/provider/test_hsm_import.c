/*
 * Keys from outside, kept on a token from then on.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "hsm.h"

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

static void every_kind_is_kept_and_never_comes_out(void)
{
    struct fixture f;
    size_t i;
    char uri[128];

    open_guarded(&f);
    for (i = 0; hsm_kinds[i] != NULL; i++) {
        EVP_PKEY *soft = hsm_make_soft(&f, hsm_kinds[i]), *kept, *loaded;
        OSSL_PARAM *parts = NULL;

        (void)snprintf(uri, sizeof(uri), LISTING "%s", hsm_kinds[i]);
        kept = hsm_import(&f, soft, uri);
        loaded = fixture_load(&f, uri, NULL, NULL);
        if (CHECK(kept != NULL && loaded != NULL)) {
            CHECK_INT(EVP_PKEY_eq(kept, soft), 1);
            CHECK_INT(EVP_PKEY_eq(loaded, soft), 1);
            CHECK(fixture_use(&f, kept, soft));
            CHECK(fixture_use(&f, loaded, soft));
            CHECK_INT(ERR_peek_error(), 0);
            CHECK_STR(fixture_provider_of(kept), "keystore");
            CHECK_INT(EVP_PKEY_todata(kept, EVP_PKEY_KEYPAIR, &parts), 0);
            CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_EXPORTABLE);
        } else {
            (void)fprintf(stderr, "%s\n", hsm_kinds[i]);
            ERR_print_errors_fp(stderr);
        }
        EVP_PKEY_free(soft);
        EVP_PKEY_free(kept);
        EVP_PKEY_free(loaded);
    }
    CHECK_INT(hsm_count(&f, LISTING), (int)i);
    close_guarded(&f);
}

static void taken_name_is_refused(void)
{
    struct fixture f;
    EVP_PKEY *soft;

    open_guarded(&f);
    EVP_PKEY_free(hsm_make(&f, "P-256", LISTING "a", NULL));
    soft = hsm_make_soft(&f, "P-256");
    CHECK(hsm_import(&f, soft, LISTING "a") == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_EXISTS);
    CHECK_INT(hsm_count(&f, LISTING), 1);
    EVP_PKEY_free(soft);
    close_guarded(&f);
}

static void halves_that_do_not_belong_together_are_not_kept(void)
{
    struct fixture f;
    EVP_PKEY *a, *b, *kept = NULL;
    EVP_PKEY_CTX *pctx;
    unsigned char public[128];
    size_t len = 0;
    OSSL_PARAM *parts = NULL, *all;
    OSSL_PARAM more[] = {OSSL_PARAM_construct_utf8_string(
                             "keystore-uri", (char *)LISTING "a", 0),
                         OSSL_PARAM_construct_end(),
                         OSSL_PARAM_construct_end()};

    open_guarded(&f);
    a = hsm_make_soft(&f, "P-256");
    b = hsm_make_soft(&f, "P-256");
    CHECK_INT(EVP_PKEY_todata(a, EVP_PKEY_KEYPAIR, &parts), 1);
    CHECK_INT(EVP_PKEY_get_octet_string_param(b, OSSL_PKEY_PARAM_PUB_KEY,
                                              public, sizeof(public), &len),
              1);
    more[1] =
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public, len);
    all = OSSL_PARAM_merge(parts, more);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "EC", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_fromdata_init(pctx), 1);
    CHECK(EVP_PKEY_fromdata(pctx, &kept, EVP_PKEY_KEYPAIR, all) != 1);
    CHECK(fixture_raised(NULL, 0) != KS_OK);
    CHECK_INT(hsm_count(&f, LISTING), 0);
    OPENSSL_free(all);
    OSSL_PARAM_free(parts);
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    EVP_PKEY_free(kept);
    close_guarded(&f);
}

static void wrong_pin_leaves_nothing_behind(void)
{
    struct fixture f;
    EVP_PKEY *soft;

    open_guarded(&f);
    soft = hsm_make_soft(&f, "P-256");
    CHECK(hsm_import(&f, soft, "keystore://wrong/a") == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_SECRET_WRONG);
    CHECK_INT(hsm_count(&f, LISTING), 0);
    EVP_PKEY_free(soft);
    close_guarded(&f);
}

static void pkcs11_uri_is_a_target_too(void)
{
    struct fixture f;
    EVP_PKEY *soft, *kept;

    open_guarded(&f);
    soft = hsm_make_soft(&f, "P-256");
    kept = hsm_import(&f, soft, "pkcs11:token=provider%20test;object=a");
    if (CHECK(kept != NULL))
        CHECK(fixture_use(&f, kept, soft));
    else
        ERR_print_errors_fp(stderr);
    CHECK_INT(hsm_count(&f, LISTING), 1);
    EVP_PKEY_free(soft);
    EVP_PKEY_free(kept);
    close_guarded(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(every_kind_is_kept_and_never_comes_out),
    TEST_CASE(taken_name_is_refused),
    TEST_CASE(halves_that_do_not_belong_together_are_not_kept),
    TEST_CASE(wrong_pin_leaves_nothing_behind),
    TEST_CASE(pkcs11_uri_is_a_target_too),
};
TEST_MAIN("provider.hsm_import", cases)
