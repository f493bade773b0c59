/*
 * Decryption by an RSA key that stays inside.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/prov_ssl.h>
#include <openssl/rsa.h>

#include "fixture.h"

#define SIZE_OF_KEY 256
#define TEXT_MAX 1024

static const uint8_t secret[] = "a secret of some length";

struct pair {
    struct fixture f;
    EVP_PKEY *inside;
    EVP_PKEY *plain;
};

static void pair_open(struct pair *pair, const char *kind)
{
    memset(pair, 0, sizeof(*pair));
    fixture_open(&pair->f);
    EVP_PKEY_free(fixture_make(&pair->f, kind, "keystore://default/k", NULL));
    pair->inside = fixture_load(&pair->f, "keystore://stay/k", NULL, NULL);
    pair->plain = fixture_load(&pair->f, "keystore://default/k", NULL, NULL);
    CHECK_STR(fixture_provider_of(pair->inside), "keystore");
}

static void pair_close(struct pair *pair)
{
    EVP_PKEY_free(pair->inside);
    EVP_PKEY_free(pair->plain);
    (void)fixture_delete(&pair->f, "keystore://default/k");
    fixture_close(&pair->f);
}

static size_t encrypt(const struct pair *pair, EVP_PKEY *key,
                      const OSSL_PARAM params[], const uint8_t *in,
                      size_t in_len, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(pair->f.ctx, key, NULL);
    size_t len = SIZE_OF_KEY;
    bool ok = EVP_PKEY_encrypt_init_ex(ctx, params) == 1 &&
              EVP_PKEY_encrypt(ctx, out, &len, in, in_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok ? len : 0;
}

/* 0 if it fails; else the length and 1, as a message may be empty. */
static size_t decrypt(const struct pair *pair, EVP_PKEY *key,
                      const OSSL_PARAM params[], const uint8_t *in,
                      size_t in_len, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(pair->f.ctx, key, NULL);
    size_t len = SIZE_OF_KEY;
    bool ok = EVP_PKEY_decrypt_init_ex(ctx, params) == 1 &&
              EVP_PKEY_decrypt(ctx, out, &len, in, in_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok ? len + 1 : 0;
}

static void both_ways(const struct pair *pair, const OSSL_PARAM params[])
{
    uint8_t sealed[SIZE_OF_KEY], out[SIZE_OF_KEY];
    EVP_PKEY *keys[] = {pair->plain, pair->inside};
    size_t i, len, out_len;

    for (i = 0; i < 2; i++) {
        len = encrypt(pair, keys[i], params, secret, sizeof(secret), sealed);
        CHECK_INT(len, SIZE_OF_KEY);
        out_len = decrypt(pair, pair->inside, params, sealed, len, out);
        CHECK(out_len > 0);
        if (out_len > 0)
            CHECK_BYTES(out, out_len - 1, secret, sizeof(secret));
        len = encrypt(pair, keys[i], params, NULL, 0, sealed);
        if (len > 0)
            CHECK_INT(decrypt(pair, pair->inside, params, sealed, len, out), 1);
    }
    ERR_clear_error();
}

#define WORD(name, value)                                                      \
    OSSL_PARAM_construct_utf8_string((name), (char *)(value), 0)

static void pkcs1_and_oaep_with_all_parameters_are_decrypted(void)
{
    OSSL_PARAM cases[][5] = {
        {OSSL_PARAM_END},
        {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "pkcs1"), OSSL_PARAM_END},
        {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"), OSSL_PARAM_END},
        {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"),
         WORD(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, "SHA256"), OSSL_PARAM_END},
        {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"),
         WORD(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, "SHA512"),
         WORD(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, "SHA1"), OSSL_PARAM_END},
        {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"),
         WORD(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, "SHA384"),
         WORD(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, "SHA256"),
         OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                                           (char *)"a label", 7),
         OSSL_PARAM_END},
    };
    struct pair pair;
    size_t i;

    pair_open(&pair, "RSA");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        both_ways(&pair, cases[i]);
    pair_close(&pair);
}

static void wrong_oaep_parameters_decrypt_nothing(void)
{
    OSSL_PARAM right[] = {
        WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"),
        OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                                          (char *)"right", 5),
        OSSL_PARAM_END};
    OSSL_PARAM wrong[] = {
        WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"),
        OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                                          (char *)"wrong", 5),
        OSSL_PARAM_END};
    struct pair pair;
    uint8_t sealed[SIZE_OF_KEY], out[SIZE_OF_KEY];
    char text[TEXT_MAX];
    size_t len;

    pair_open(&pair, "RSA");
    len = encrypt(&pair, pair.plain, right, secret, sizeof(secret), sealed);
    CHECK_INT(decrypt(&pair, pair.inside, wrong, sealed, len, out), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CRYPTO);
    sealed[0] ^= 1;
    CHECK_INT(decrypt(&pair, pair.inside, right, sealed, len, out), 0);
    ERR_clear_error();
    pair_close(&pair);
}

static void without_padding_it_is_the_plain_keys_block(void)
{
    OSSL_PARAM none[] = {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "none"),
                         OSSL_PARAM_END};
    struct pair pair;
    uint8_t block[SIZE_OF_KEY] = {0, 1, 2, 3}, a[SIZE_OF_KEY], b[SIZE_OF_KEY];

    pair_open(&pair, "RSA");
    CHECK_INT(decrypt(&pair, pair.inside, none, block, sizeof(block), a), 257);
    CHECK_INT(decrypt(&pair, pair.plain, none, block, sizeof(block), b), 257);
    CHECK_BYTES(a, sizeof(a), b, sizeof(b));
    memset(block, 0xff, sizeof(block)); /* more than the modulus */
    CHECK_INT(decrypt(&pair, pair.inside, none, block, sizeof(block), a), 0);
    ERR_clear_error();
    pair_close(&pair);
}

/* RFC 5246, 7.4.7.1: whatever is wrong, there are 48 bytes and no error. */
static void tls_premaster_secret_is_48_bytes_in_any_case(void)
{
    int pad = RSA_PKCS1_WITH_TLS_PADDING;
    unsigned version = 0x0303;
    OSSL_PARAM tls[] = {
        OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
        OSSL_PARAM_END};
    struct pair pair;
    uint8_t premaster[SSL_MAX_MASTER_KEY_LENGTH] = {3, 3, 'x'};
    uint8_t sealed[SIZE_OF_KEY], out[SIZE_OF_KEY];
    size_t len;

    pair_open(&pair, "RSA");
    len =
        encrypt(&pair, pair.plain, NULL, premaster, sizeof(premaster), sealed);
    CHECK_INT(decrypt(&pair, pair.inside, tls, sealed, len, out), 49);
    CHECK(memcmp(out, premaster, sizeof(premaster)) == 0);
    version = 0x0302;
    CHECK_INT(decrypt(&pair, pair.inside, tls, sealed, len, out), 49);
    CHECK(memcmp(out, premaster, sizeof(premaster)) != 0);
    len = encrypt(&pair, pair.plain, NULL, premaster, 47, sealed);
    CHECK_INT(decrypt(&pair, pair.inside, tls, sealed, len, out), 49);
    pair_close(&pair);
}

/* CMS asks for an error where libcrypto 3.2 would make a message up. */
static void bad_padding_is_an_error_where_that_is_asked_for(void)
{
    OSSL_PARAM none[] = {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "none"),
                         OSSL_PARAM_END};
    unsigned off = 0;
    OSSL_PARAM strict[] = {OSSL_PARAM_uint("implicit-rejection", &off),
                           OSSL_PARAM_END};
    struct pair pair;
    uint8_t block[SIZE_OF_KEY] = {0, 1, 2}, sealed[SIZE_OF_KEY],
            out[SIZE_OF_KEY];
    size_t len;

    pair_open(&pair, "RSA");
    len = encrypt(&pair, pair.plain, none, block, sizeof(block), sealed);
    CHECK_INT(decrypt(&pair, pair.inside, strict, sealed, len, out), 0);
    ERR_clear_error();
    pair_close(&pair);
}

static void length_can_be_asked_and_too_little_room_is_refused(void)
{
    struct pair pair;
    uint8_t sealed[SIZE_OF_KEY], out[SIZE_OF_KEY];
    char text[TEXT_MAX];
    EVP_PKEY_CTX *ctx;
    size_t len;

    pair_open(&pair, "RSA");
    CHECK(encrypt(&pair, pair.plain, NULL, secret, 5, sealed) > 0);
    ctx = EVP_PKEY_CTX_new_from_pkey(pair.f.ctx, pair.inside, NULL);
    CHECK(EVP_PKEY_decrypt_init(ctx) == 1);
    CHECK(EVP_PKEY_decrypt(ctx, NULL, &len, sealed, sizeof(sealed)) == 1);
    CHECK_INT(len, SIZE_OF_KEY);
    len = SIZE_OF_KEY - 1;
    CHECK(EVP_PKEY_decrypt(ctx, out, &len, sealed, sizeof(sealed)) != 1);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_CONTAINS(text, "keystore://stay/k");
    EVP_PKEY_CTX_free(ctx);
    pair_close(&pair);
}

static void copied_context_keeps_its_parameters(void)
{
    struct pair pair;
    OSSL_PARAM oaep[] = {WORD(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, "oaep"),
                         WORD(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, "SHA256"),
                         OSSL_PARAM_END};
    uint8_t sealed[SIZE_OF_KEY], out[SIZE_OF_KEY];
    EVP_PKEY_CTX *ctx, *dup;
    const EVP_MD *md = NULL;
    size_t len = sizeof(out);

    pair_open(&pair, "RSA");
    CHECK(encrypt(&pair, pair.plain, oaep, secret, 5, sealed) > 0);
    ctx = EVP_PKEY_CTX_new_from_pkey(pair.f.ctx, pair.inside, NULL);
    CHECK(EVP_PKEY_decrypt_init_ex(ctx, oaep) == 1);
    dup = EVP_PKEY_CTX_dup(ctx);
    EVP_PKEY_CTX_free(ctx);
    REQUIRE(dup != NULL);
    CHECK(EVP_PKEY_CTX_get_rsa_oaep_md(dup, &md) == 1);
    CHECK(md != NULL && EVP_MD_is_a(md, "SHA256"));
    CHECK(EVP_PKEY_decrypt(dup, out, &len, sealed, sizeof(sealed)) == 1);
    CHECK_BYTES(out, len, secret, 5);
    EVP_PKEY_CTX_free(dup);
    pair_close(&pair);
}

static void other_key_types_do_not_decrypt(void)
{
    static const char *const kinds[] = {"RSA-PSS", "P-256", "ED25519"};
    struct pair pair;
    uint8_t block[SIZE_OF_KEY] = {1}, out[SIZE_OF_KEY];
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        pair_open(&pair, kinds[i]);
        CHECK_INT(decrypt(&pair, pair.inside, NULL, block, sizeof(block), out),
                  0);
        CHECK(ERR_peek_error() != 0);
        ERR_clear_error();
        pair_close(&pair);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(pkcs1_and_oaep_with_all_parameters_are_decrypted),
    TEST_CASE(wrong_oaep_parameters_decrypt_nothing),
    TEST_CASE(without_padding_it_is_the_plain_keys_block),
    TEST_CASE(tls_premaster_secret_is_48_bytes_in_any_case),
    TEST_CASE(bad_padding_is_an_error_where_that_is_asked_for),
    TEST_CASE(length_can_be_asked_and_too_little_room_is_refused),
    TEST_CASE(copied_context_keeps_its_parameters),
    TEST_CASE(other_key_types_do_not_decrypt),
};
TEST_MAIN("provider.asymcipher", cases)
