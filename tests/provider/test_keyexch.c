/*
 * Key agreement by keys that stay inside: both sides get the same secret.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "fixture.h"

#define SECRET_MAX 256
#define TEXT_MAX 1024

static const char *const kinds[] = {"P-256", "P-384", "P-521", "X25519",
                                    "X448"};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* A key inside, the same key plain, and somebody else's. */
struct trio {
    struct fixture f;
    EVP_PKEY *inside;
    EVP_PKEY *plain;
    EVP_PKEY *other;
};

static void trio_open(struct trio *trio, const char *kind)
{
    memset(trio, 0, sizeof(*trio));
    fixture_open(&trio->f);
    EVP_PKEY_free(fixture_make(&trio->f, kind, "keystore://default/k", NULL));
    trio->inside = fixture_load(&trio->f, "keystore://stay/k", NULL, NULL);
    trio->plain = fixture_load(&trio->f, "keystore://default/k", NULL, NULL);
    trio->other = fixture_make(&trio->f, kind, NULL, NULL);
    CHECK_STR(fixture_provider_of(trio->inside), "keystore");
    CHECK(trio->other != NULL);
}

static void trio_close(struct trio *trio)
{
    EVP_PKEY_free(trio->inside);
    EVP_PKEY_free(trio->plain);
    EVP_PKEY_free(trio->other);
    (void)fixture_delete(&trio->f, "keystore://default/k");
    fixture_close(&trio->f);
}

static size_t derive(const struct trio *trio, EVP_PKEY *ours, EVP_PKEY *peer,
                     const OSSL_PARAM params[], uint8_t *secret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(trio->f.ctx, ours, NULL);
    size_t len = SECRET_MAX;
    bool ok = EVP_PKEY_derive_init_ex(ctx, params) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, secret, &len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok ? len : 0;
}

static void agree(const struct trio *trio, const OSSL_PARAM params[])
{
    uint8_t a[SECRET_MAX], b[SECRET_MAX];
    size_t a_len = derive(trio, trio->inside, trio->other, params, a);
    size_t b_len = derive(trio, trio->other, trio->plain, params, b);

    CHECK(a_len > 0);
    CHECK_BYTES(a, a_len, b, b_len);
    /* The peer may be a key of ours as well, here itself. */
    a_len = derive(trio, trio->inside, trio->inside, params, a);
    b_len = derive(trio, trio->plain, trio->plain, params, b);
    CHECK_BYTES(a, a_len, b, b_len);
}

static void both_sides_get_one_secret(void)
{
    struct trio trio;
    size_t i;

    for (i = 0; i < N_KINDS; i++) {
        trio_open(&trio, kinds[i]);
        agree(&trio, NULL);
        trio_close(&trio);
    }
}

/* As CMS asks (RFC 5753, 7.1). */
static void x963_kdf_is_that_of_libcrypto(void)
{
    static const char *const digests[] = {"SHA1", "SHA256", "SHA512"};
    static const size_t lengths[] = {16, 32, 200};
    struct trio trio;
    size_t i, outlen;

    trio_open(&trio, "P-256");
    for (i = 0; i < 3; i++) {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE,
                                             (char *)"X963KDF", 0),
            OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST,
                                             (char *)digests[i], 0),
            OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN,
                                        &outlen),
            OSSL_PARAM_construct_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM,
                                              (char *)"shared info", 11),
            OSSL_PARAM_END};

        outlen = lengths[i];
        agree(&trio, params);
        params[3] = OSSL_PARAM_construct_end(); /* none */
        agree(&trio, params);
    }
    trio_close(&trio);
}

static void cofactor_mode_is_taken(void)
{
    struct trio trio;
    int mode = 1;
    OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &mode),
        OSSL_PARAM_END};

    trio_open(&trio, "P-256");
    agree(&trio, params);
    mode = 0;
    agree(&trio, params);
    trio_close(&trio);
}

static void length_can_be_asked_and_too_little_room_is_refused(void)
{
    struct trio trio;
    uint8_t secret[SECRET_MAX], want[SECRET_MAX];
    char text[TEXT_MAX];
    size_t i, len, want_len;

    for (i = 0; i < N_KINDS; i++) {
        EVP_PKEY_CTX *ctx;

        trio_open(&trio, kinds[i]);
        want_len = derive(&trio, trio.plain, trio.other, NULL, want);
        ctx = EVP_PKEY_CTX_new_from_pkey(trio.f.ctx, trio.inside, NULL);
        CHECK(EVP_PKEY_derive_init(ctx) == 1);
        CHECK(EVP_PKEY_derive_set_peer(ctx, trio.other) == 1);
        CHECK(EVP_PKEY_derive(ctx, NULL, &len) == 1);
        CHECK_INT(len, want_len);
        len--;
        CHECK(EVP_PKEY_derive(ctx, secret, &len) != 1);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
        CHECK_CONTAINS(text, "keystore://stay/k");
        EVP_PKEY_CTX_free(ctx);
        trio_close(&trio);
    }
}

static void copied_context_keeps_peer_and_parameters(void)
{
    struct trio trio;
    uint8_t secret[SECRET_MAX], want[SECRET_MAX];
    size_t len = SECRET_MAX, want_len, outlen = 40;
    EVP_PKEY_CTX *ctx, *dup;
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, (char *)"X963KDF",
                               7),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, (char *)"SHA384",
                               6),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &outlen),
        OSSL_PARAM_END};

    trio_open(&trio, "P-384");
    want_len = derive(&trio, trio.plain, trio.other, params, want);
    ctx = EVP_PKEY_CTX_new_from_pkey(trio.f.ctx, trio.inside, NULL);
    CHECK(EVP_PKEY_derive_init_ex(ctx, params) == 1);
    CHECK(EVP_PKEY_derive_set_peer(ctx, trio.other) == 1);
    dup = EVP_PKEY_CTX_dup(ctx);
    EVP_PKEY_CTX_free(ctx);
    REQUIRE(dup != NULL);
    CHECK(EVP_PKEY_derive(dup, secret, &len) == 1);
    CHECK_BYTES(secret, len, want, want_len);
    EVP_PKEY_CTX_free(dup);
    trio_close(&trio);
}

static void peer_that_does_not_fit_is_refused(void)
{
    struct trio trio;
    EVP_PKEY *p384, *x448;
    EVP_PKEY_CTX *ctx;
    uint8_t secret[SECRET_MAX];
    size_t len = sizeof(secret);

    trio_open(&trio, "P-256");
    p384 = fixture_make(&trio.f, "P-384", NULL, NULL);
    x448 = fixture_make(&trio.f, "X448", NULL, NULL);
    CHECK_INT(derive(&trio, trio.inside, p384, NULL, secret), 0);
    CHECK_INT(derive(&trio, trio.inside, x448, NULL, secret), 0);
    ctx = EVP_PKEY_CTX_new_from_pkey(trio.f.ctx, trio.inside, NULL);
    CHECK(EVP_PKEY_derive_init(ctx) == 1);
    CHECK(EVP_PKEY_derive(ctx, secret, &len) != 1); /* nobody there */
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    EVP_PKEY_free(p384);
    EVP_PKEY_free(x448);
    trio_close(&trio);
}

static void signing_key_does_not_agree(void)
{
    struct trio trio;
    EVP_PKEY_CTX *ctx;

    trio_open(&trio, "ED25519");
    ctx = EVP_PKEY_CTX_new_from_pkey(trio.f.ctx, trio.inside, NULL);
    CHECK(EVP_PKEY_derive_init(ctx) != 1);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    trio_close(&trio);
}

/* Libcrypto's accidents: keys with no URI that our keymgmt holds. */
static void key_without_a_uri_agrees_as_default_does(void)
{
    struct trio trio;
    uint8_t a[SECRET_MAX], b[SECRET_MAX];
    size_t i, a_len, b_len;

    for (i = 0; i < N_KINDS; i++) {
        EVP_PKEY *key;

        trio_open(&trio, kinds[i]);
        key = kinds[i][0] == 'X'
                  ? EVP_PKEY_Q_keygen(trio.f.ctx, FIXTURE_OURS, kinds[i])
                  : EVP_PKEY_Q_keygen(trio.f.ctx, FIXTURE_OURS, "EC", kinds[i]);
        CHECK_STR(fixture_provider_of(key), "keystore");
        a_len = derive(&trio, key, trio.plain, NULL, a);
        b_len = derive(&trio, trio.inside, key, NULL, b);
        CHECK(a_len > 0);
        CHECK_BYTES(a, a_len, b, b_len);
        EVP_PKEY_free(key);
        trio_close(&trio);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(both_sides_get_one_secret),
    TEST_CASE(x963_kdf_is_that_of_libcrypto),
    TEST_CASE(cofactor_mode_is_taken),
    TEST_CASE(length_can_be_asked_and_too_little_room_is_refused),
    TEST_CASE(copied_context_keeps_peer_and_parameters),
    TEST_CASE(peer_that_does_not_fit_is_refused),
    TEST_CASE(signing_key_does_not_agree),
    TEST_CASE(key_without_a_uri_agrees_as_default_does),
};
TEST_MAIN("provider.keyexch", cases)
