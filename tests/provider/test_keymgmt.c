/*
 * Our keymgmts without a URI act as default's do; with one they keep the
 * private half where it belongs.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "fixture.h"

#define TEXT_MAX 1024
#define POINT_MAX 256

/* A key in our keymgmt, with no URI. */
static EVP_PKEY *make_foreign(const struct fixture *f, const char *kind)
{
    const bool ec = strncmp(kind, "P-", 2) == 0;
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(f->ctx, ec ? "EC" : kind, FIXTURE_OURS);
    EVP_PKEY *pkey = NULL;

    if (pctx != NULL && EVP_PKEY_keygen_init(pctx) == 1 &&
        (!ec || EVP_PKEY_CTX_set_group_name(pctx, kind) == 1))
        (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

/* What PKEY gives out, taken in by PROPQ's keymgmt. */
static EVP_PKEY *move(const struct fixture *f, const EVP_PKEY *pkey,
                      int selection, const char *propq)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(
        f->ctx, EVP_PKEY_get0_type_name(pkey), propq);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *moved = NULL;

    if (pctx != NULL && EVP_PKEY_todata(pkey, selection, &params) == 1 &&
        EVP_PKEY_fromdata_init(pctx) == 1)
        (void)EVP_PKEY_fromdata(pctx, &moved, selection, params);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(pctx);
    return moved;
}

static void check_same_numbers(const EVP_PKEY *ours, const EVP_PKEY *theirs)
{
    char a[TEXT_MAX] = "", b[TEXT_MAX] = "";
    const char *const texts[] = {OSSL_PKEY_PARAM_DEFAULT_DIGEST,
                                 OSSL_PKEY_PARAM_MANDATORY_DIGEST,
                                 OSSL_PKEY_PARAM_GROUP_NAME};
    size_t i;

    CHECK_INT(EVP_PKEY_get_bits(ours), EVP_PKEY_get_bits(theirs));
    CHECK_INT(EVP_PKEY_get_security_bits(ours),
              EVP_PKEY_get_security_bits(theirs));
    CHECK_INT(EVP_PKEY_get_size(ours), EVP_PKEY_get_size(theirs));
    CHECK_INT(EVP_PKEY_get_id(ours), EVP_PKEY_get_id(theirs));
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int has = EVP_PKEY_get_utf8_string_param(theirs, texts[i], b, sizeof(b),
                                                 NULL);

        CHECK_INT(
            EVP_PKEY_get_utf8_string_param(ours, texts[i], a, sizeof(a), NULL),
            has);
        if (has)
            CHECK_STR(a, b);
    }
}

/* What each operation's beginning returns, "not supported" among it. */
static void check_same_beginnings(const struct fixture *f, EVP_PKEY *ours,
                                  EVP_PKEY *theirs)
{
    static int (*const inits[])(EVP_PKEY_CTX * pctx) = {
        EVP_PKEY_sign_init, EVP_PKEY_verify_init, EVP_PKEY_verify_recover_init,
        EVP_PKEY_derive_init};
    size_t i;

    for (i = 0; i < sizeof(inits) / sizeof(inits[0]); i++) {
        EVP_PKEY_CTX *a = EVP_PKEY_CTX_new_from_pkey(f->ctx, ours, NULL);
        EVP_PKEY_CTX *b = EVP_PKEY_CTX_new_from_pkey(f->ctx, theirs, NULL);

        CHECK_INT(inits[i](a), inits[i](b));
        EVP_PKEY_CTX_free(a);
        EVP_PKEY_CTX_free(b);
    }
    ERR_clear_error();
}

static void foreign_key_does_all_that_a_default_key_does(void)
{
    struct fixture f;
    size_t i;

    fixture_open(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *ours = make_foreign(&f, fixture_kinds[i]);
        EVP_PKEY *theirs, *back, *dup;
        EVP_PKEY_CTX *check;

        CHECK_STR(fixture_provider_of(ours), "keystore");
        if (ours == NULL)
            continue;
        theirs = move(&f, ours, EVP_PKEY_KEYPAIR, "provider=default");
        CHECK_STR(fixture_provider_of(theirs), "default");
        if (theirs == NULL)
            continue;
        back = move(&f, theirs, EVP_PKEY_KEYPAIR, FIXTURE_OURS);
        dup = EVP_PKEY_dup(ours);
        CHECK_STR(fixture_provider_of(back), "keystore");
        CHECK_STR(fixture_provider_of(dup), "keystore");
        CHECK_INT(EVP_PKEY_eq(ours, theirs), 1);
        CHECK_INT(EVP_PKEY_eq(theirs, ours), 1);
        CHECK_INT(EVP_PKEY_eq(ours, back), 1);
        CHECK_INT(EVP_PKEY_eq(ours, dup), 1);
        check_same_numbers(ours, theirs);
        check_same_numbers(dup, theirs);
        check_same_beginnings(&f, ours, theirs);
        CHECK(fixture_use(&f, ours, theirs));
        CHECK(fixture_use(&f, theirs, ours));
        CHECK(fixture_use(&f, back, dup));
        CHECK(fixture_use(&f, dup, back));
        check = EVP_PKEY_CTX_new_from_pkey(f.ctx, ours, NULL);
        CHECK_INT(EVP_PKEY_check(check), 1);
        CHECK_INT(EVP_PKEY_public_check(check), 1);
        CHECK_INT(EVP_PKEY_public_check_quick(check), 1);
        CHECK_INT(EVP_PKEY_private_check(check), 1);
        EVP_PKEY_CTX_free(check);
        CHECK_INT(ERR_peek_error(), 0);
        EVP_PKEY_free(ours);
        EVP_PKEY_free(theirs);
        EVP_PKEY_free(back);
        EVP_PKEY_free(dup);
    }
    fixture_close(&f);
}

static void foreign_key_has_no_uri_and_cannot_be_sealed(void)
{
    struct fixture f;
    EVP_PKEY *ours;
    char text[TEXT_MAX] = "";
    size_t len = 0;

    fixture_open(&f);
    ours = make_foreign(&f, "ED25519");
    CHECK_INT(EVP_PKEY_get_utf8_string_param(ours, "keystore-uri", text,
                                             sizeof(text), &len),
              0);
    ERR_clear_error();
    CHECK_INT(EVP_PKEY_set_utf8_string_param(ours, "keystore-reseal", "pass:x"),
              0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    EVP_PKEY_free(ours);
    fixture_close(&f);
}

/* What libssl does with a peer's key share. */
static void peer_key_is_made_from_parameters_and_a_point(void)
{
    static const char *const kinds[] = {"P-256", "P-521", "X25519", "X448"};
    struct fixture f;
    size_t i, len;

    fixture_open(&f);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *ours = make_foreign(&f, kinds[i]);
        EVP_PKEY *other = make_foreign(&f, kinds[i]);
        EVP_PKEY *peer = EVP_PKEY_new();
        unsigned char *point = NULL;

        len = EVP_PKEY_get1_encoded_public_key(other, &point);
        CHECK(len > 0);
        CHECK_INT(EVP_PKEY_copy_parameters(peer, ours), 1);
        CHECK(EVP_PKEY_eq(peer, other) != 1);
        ERR_clear_error();
        CHECK_INT(EVP_PKEY_set1_encoded_public_key(peer, point, len), 1);
        CHECK_INT(EVP_PKEY_eq(peer, other), 1);
        CHECK_INT(EVP_PKEY_get_bits(peer), EVP_PKEY_get_bits(other));
        if (kinds[i][0] == 'X')
            CHECK(fixture_use(&f, ours, peer));
        /* A point that is none is refused, and the key stays as it was. */
        CHECK_INT(EVP_PKEY_set1_encoded_public_key(peer, point, len - 1), 0);
        CHECK_INT(EVP_PKEY_eq(peer, other), 1);
        OPENSSL_free(point);
        EVP_PKEY_free(ours);
        EVP_PKEY_free(other);
        EVP_PKEY_free(peer);
    }
    ERR_clear_error();
    fixture_close(&f);
}

static void key_is_generated_from_parameters(void)
{
    struct fixture f;
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *params = NULL, *pkey = NULL;

    fixture_open(&f);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "EC", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_paramgen_init(pctx), 1);
    CHECK_INT(EVP_PKEY_CTX_set_group_name(pctx, "P-384"), 1);
    CHECK_INT(EVP_PKEY_generate(pctx, &params), 1);
    EVP_PKEY_CTX_free(pctx);
    CHECK_STR(fixture_provider_of(params), "keystore");
    pctx = EVP_PKEY_CTX_new_from_pkey(f.ctx, params, NULL);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK_INT(EVP_PKEY_generate(pctx, &pkey), 1);
    EVP_PKEY_CTX_free(pctx);
    CHECK_INT(EVP_PKEY_get_bits(pkey), 384);
    CHECK_INT(EVP_PKEY_parameters_eq(params, pkey), 1);
    CHECK(EVP_PKEY_eq(params, pkey) != 1);
    CHECK(fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(params);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    fixture_close(&f);
}

static int stop_after_three(EVP_PKEY_CTX *pctx)
{
    unsigned *calls = EVP_PKEY_CTX_get_app_data(pctx);

    return ++*calls < 3;
}

static unsigned calls_until_stopped(const struct fixture *f, const char *propq)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(f->ctx, "RSA", propq);
    EVP_PKEY *pkey = NULL;
    unsigned calls = 0;

    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    EVP_PKEY_CTX_set_app_data(pctx, &calls);
    EVP_PKEY_CTX_set_cb(pctx, stop_after_three);
    CHECK_INT(EVP_PKEY_CTX_set_rsa_keygen_bits(pctx, 2048), 1);
    CHECK(EVP_PKEY_generate(pctx, &pkey) != 1);
    CHECK(pkey == NULL);
    EVP_PKEY_CTX_free(pctx);
    ERR_clear_error();
    return calls;
}

static void generation_can_be_watched_and_stopped(void)
{
    struct fixture f;

    fixture_open(&f);
    CHECK(calls_until_stopped(&f, FIXTURE_OURS) >= 3);
    fixture_close(&f);
}

static void bad_generation_parameters_are_refused(void)
{
    struct fixture f;
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *pkey = NULL;

    fixture_open(&f);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "EC", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK(EVP_PKEY_generate(pctx, &pkey) != 1); /* no group */
    EVP_PKEY_CTX_free(pctx);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "RSA", FIXTURE_OURS);
    CHECK(EVP_PKEY_paramgen_init(pctx) != 1);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK(EVP_PKEY_CTX_set_rsa_keygen_bits(pctx, 100) != 1 ||
          EVP_PKEY_generate(pctx, &pkey) != 1);
    EVP_PKEY_CTX_free(pctx);
    CHECK(pkey == NULL);
    ERR_clear_error();
    fixture_close(&f);
}

static void rsa_pss_restrictions_survive(void)
{
    struct fixture f;
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *pkey = NULL, *loaded;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    OSSL_PARAM params[4];

    fixture_open(&f);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "RSA-PSS", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST,
                                                 (char *)"SHA384", 0);
    params[1] = OSSL_PARAM_construct_utf8_string(
        OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, (char *)"SHA384", 0);
    params[2] = OSSL_PARAM_construct_utf8_string(
        "keystore-uri", (char *)"keystore://default/pss", 0);
    params[3] = OSSL_PARAM_construct_end();
    CHECK_INT(EVP_PKEY_CTX_set_params(pctx, params), 1);
    CHECK_INT(EVP_PKEY_generate(pctx, &pkey), 1);
    EVP_PKEY_CTX_free(pctx);
    loaded = fixture_load(&f, "keystore://stay/pss", NULL, NULL);
    REQUIRE(loaded != NULL);
    CHECK(EVP_DigestSignInit_ex(md, NULL, "SHA256", f.ctx, NULL, loaded,
                                NULL) != 1);
    EVP_MD_CTX_reset(md);
    CHECK_INT(
        EVP_DigestSignInit_ex(md, NULL, "SHA384", f.ctx, NULL, loaded, NULL),
        1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(loaded);
    ERR_clear_error();
    fixture_close(&f);
}

static void private_half_that_stays_is_refused(void)
{
    struct fixture f;
    size_t i;
    char uri[128], text[TEXT_MAX];

    fixture_open(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++) {
        OSSL_PARAM *params = NULL;
        EVP_PKEY *stays, *public, *dup;
        EVP_PKEY_CTX *check;
        BIGNUM *secret = NULL;

        (void)snprintf(uri, sizeof(uri), "keystore://stay/%s",
                       fixture_kinds[i]);
        stays = fixture_make(&f, fixture_kinds[i], uri, NULL);
        if (!CHECK(stays != NULL))
            continue;
        CHECK_INT(EVP_PKEY_todata(stays, EVP_PKEY_KEYPAIR, &params), 0);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_EXPORTABLE);
        CHECK_CONTAINS(text, uri);
        CHECK_INT(EVP_PKEY_get_bn_param(stays, "d", &secret), 0);
        CHECK_INT(EVP_PKEY_get_bn_param(stays, "priv", &secret), 0);
        ERR_clear_error();
        public = move(&f, stays, EVP_PKEY_PUBLIC_KEY, "provider=default");
        dup = EVP_PKEY_dup(stays);
        CHECK_INT(EVP_PKEY_eq(stays, public), 1);
        CHECK_INT(EVP_PKEY_eq(public, stays), 1);
        CHECK_INT(EVP_PKEY_eq(stays, dup), 1);
        check = EVP_PKEY_CTX_new_from_pkey(f.ctx, stays, NULL);
        CHECK_INT(EVP_PKEY_check(check), 1);
        EVP_PKEY_CTX_free(check);
        /* The duplicate holds on to what it needs. */
        EVP_PKEY_free(stays);
        if (dup != NULL && public != NULL)
            CHECK(fixture_use(&f, dup, public));
        CHECK_INT(ERR_peek_error(), 0);
        EVP_PKEY_free(public);
        EVP_PKEY_free(dup);
    }
    fixture_close(&f);
}

/* A new public half would be another key under the old one's name. */
static void a_stored_key_keeps_its_public_half(void)
{
    static const char *const uris[] = {"keystore://default/k",
                                       "keystore://stay/k"};
    struct fixture f;
    char text[TEXT_MAX];
    size_t i;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", uris[0], NULL));
    for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        EVP_PKEY *key = fixture_load(&f, uris[i], FIXTURE_OURS, NULL);
        EVP_PKEY *before = EVP_PKEY_dup(key);
        EVP_PKEY *other = make_foreign(&f, "P-256");
        unsigned char *point = NULL;
        size_t len = EVP_PKEY_get1_encoded_public_key(other, &point);

        CHECK_INT(EVP_PKEY_set1_encoded_public_key(key, point, len), 0);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
        CHECK_CONTAINS(text, uris[i]);
        CHECK_INT(EVP_PKEY_eq(key, before), 1);
        OPENSSL_free(point);
        EVP_PKEY_free(other);
        EVP_PKEY_free(before);
        EVP_PKEY_free(key);
    }
    fixture_close(&f);
}

static void other_key_is_not_equal(void)
{
    struct fixture f;
    EVP_PKEY *a, *b, *c;

    fixture_open(&f);
    a = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    b = fixture_make(&f, "P-256", NULL, NULL);
    c = fixture_make(&f, "P-384", NULL, NULL);
    CHECK(EVP_PKEY_eq(a, b) != 1);
    CHECK(EVP_PKEY_eq(b, a) != 1);
    CHECK(EVP_PKEY_eq(a, c) != 1);
    CHECK(EVP_PKEY_eq(c, a) != 1);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    EVP_PKEY_free(c);
    ERR_clear_error();
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(foreign_key_does_all_that_a_default_key_does),
    TEST_CASE(foreign_key_has_no_uri_and_cannot_be_sealed),
    TEST_CASE(peer_key_is_made_from_parameters_and_a_point),
    TEST_CASE(key_is_generated_from_parameters),
    TEST_CASE(generation_can_be_watched_and_stopped),
    TEST_CASE(bad_generation_parameters_are_refused),
    TEST_CASE(rsa_pss_restrictions_survive),
    TEST_CASE(private_half_that_stays_is_refused),
    TEST_CASE(a_stored_key_keeps_its_public_half),
    TEST_CASE(other_key_is_not_equal),
};
TEST_MAIN("provider.keymgmt", cases)
