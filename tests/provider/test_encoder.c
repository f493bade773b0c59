/*
 * What is written of a key of ours: its URI, never its private half, unless
 * it has no URI; and nothing about default's keys changes.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fixture.h"

#define TEXT_MAX 8192
#define LABEL "-----BEGIN PKCS#11 PROVIDER URI-----\n"

/* What BIO holds, as text. */
static void text_of(BIO *bio, char *text)
{
    int len = BIO_read(bio, text, TEXT_MAX - 1);

    text[len > 0 ? len : 0] = '\0';
}

static int write_pem(EVP_PKEY *pkey, const EVP_CIPHER *cipher, char *text)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int ok = PEM_write_bio_PrivateKey(bio, pkey, cipher, NULL, 0, NULL,
                                      (void *)"pass");

    text_of(bio, text);
    BIO_free(bio);
    return ok;
}

static void key_with_a_uri_is_written_as_its_uri(void)
{
    static const char *const uris[] = {"keystore://default/k",
                                       "keystore://stay/k"};
    struct fixture f;
    char text[TEXT_MAX];
    size_t i, kind;

    fixture_open(&f);
    for (kind = 0; fixture_kinds[kind] != NULL; kind++) {
        EVP_PKEY_free(fixture_make(&f, fixture_kinds[kind], uris[0], NULL));
        for (i = 0; i < 2; i++) {
            EVP_PKEY *key = fixture_load(&f, uris[i], FIXTURE_OURS, NULL);

            CHECK_STR(fixture_provider_of(key), "keystore");
            CHECK_INT(write_pem(key, NULL, text), 1);
            CHECK(strncmp(text, LABEL, strlen(LABEL)) == 0);
            CHECK(strstr(text, "PRIVATE KEY") == NULL);
            /* A cipher makes no difference: there is no secret in it. */
            CHECK_INT(write_pem(key, EVP_aes_256_cbc(), text), 1);
            CHECK(strncmp(text, LABEL, strlen(LABEL)) == 0);
            CHECK_INT(ERR_peek_error(), 0);
            EVP_PKEY_free(key);
        }
        CHECK_INT(fixture_delete(&f, uris[0]), 1);
    }
    fixture_close(&f);
}

static void der_of_a_key_with_a_uri_is_refused(void)
{
    struct fixture f;
    size_t kind;
    char text[TEXT_MAX];

    fixture_open(&f);
    for (kind = 0; fixture_kinds[kind] != NULL; kind++) {
        unsigned char *der = NULL;
        EVP_PKEY *key;

        EVP_PKEY_free(fixture_make(&f, fixture_kinds[kind],
                                   "keystore://default/k", NULL));
        key = fixture_load(&f, "keystore://stay/k", NULL, NULL);
        CHECK(i2d_PrivateKey(key, &der) <= 0);
        CHECK(der == NULL);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_EXPORTABLE);
        CHECK_CONTAINS(text, "keystore://stay/k");
        CHECK(EVP_PKEY2PKCS8(key) == NULL);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_EXPORTABLE);
        EVP_PKEY_free(key);
        CHECK_INT(fixture_delete(&f, "keystore://default/k"), 1);
    }
    fixture_close(&f);
}

/* With STRUCTURE by an encoder of the caller's own. */
static int encode(EVP_PKEY *key, const char *output, const char *structure,
                  int selection, char *text)
{
    OSSL_ENCODER_CTX *ctx =
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, output, structure, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    int ok = ctx != NULL && OSSL_ENCODER_to_bio(ctx, bio);

    text_of(bio, text);
    BIO_free(bio);
    OSSL_ENCODER_CTX_free(ctx);
    return ok;
}

static void every_private_structure_is_the_uri(void)
{
    static const struct {
        const char *kind;
        const char *structure;
    } cases[] = {
        {"RSA", "PrivateKeyInfo"},
        {"RSA", "EncryptedPrivateKeyInfo"},
        {"RSA", "type-specific"},
        {"RSA", "pkcs1"},
        {"RSA-PSS", "PrivateKeyInfo"},
        {"P-256", "type-specific"},
        {"P-256", "PrivateKeyInfo"},
        {"ED25519", "PrivateKeyInfo"},
        {"X448", "EncryptedPrivateKeyInfo"},
    };
    struct fixture f;
    char text[TEXT_MAX];
    size_t i;

    fixture_open(&f);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *key;

        EVP_PKEY_free(
            fixture_make(&f, cases[i].kind, "keystore://default/k", NULL));
        key = fixture_load(&f, "keystore://stay/k", NULL, NULL);
        CHECK_INT(
            encode(key, "PEM", cases[i].structure, EVP_PKEY_KEYPAIR, text), 1);
        CHECK(strncmp(text, LABEL, strlen(LABEL)) == 0);
        CHECK_INT(
            encode(key, "DER", cases[i].structure, EVP_PKEY_KEYPAIR, text), 0);
        CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_EXPORTABLE);
        EVP_PKEY_free(key);
        CHECK_INT(fixture_delete(&f, "keystore://default/k"), 1);
    }
    fixture_close(&f);
}

static void public_half_is_written_as_ever(void)
{
    struct fixture f;
    size_t kind;

    fixture_open(&f);
    for (kind = 0; fixture_kinds[kind] != NULL; kind++) {
        EVP_PKEY *inside, *plain;
        unsigned char *a = NULL, *b = NULL;
        int a_len, b_len;

        EVP_PKEY_free(fixture_make(&f, fixture_kinds[kind],
                                   "keystore://default/k", NULL));
        inside = fixture_load(&f, "keystore://stay/k", NULL, NULL);
        plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
        a_len = i2d_PUBKEY(inside, &a);
        b_len = i2d_PUBKEY(plain, &b);
        CHECK(a_len > 0 && b_len > 0);
        CHECK_BYTES(a, (size_t)a_len, b, (size_t)b_len);
        OPENSSL_free(a);
        OPENSSL_free(b);
        EVP_PKEY_free(inside);
        EVP_PKEY_free(plain);
        CHECK_INT(fixture_delete(&f, "keystore://default/k"), 1);
    }
    fixture_close(&f);
}

static void text_shows_the_public_half_and_where_the_other_is(void)
{
    struct fixture f;
    size_t kind;
    char text[TEXT_MAX];

    fixture_open(&f);
    for (kind = 0; fixture_kinds[kind] != NULL; kind++) {
        BIO *bio = BIO_new(BIO_s_mem());
        EVP_PKEY *key;

        EVP_PKEY_free(fixture_make(&f, fixture_kinds[kind],
                                   "keystore://default/k", NULL));
        key = fixture_load(&f, "keystore://stay/k", NULL, NULL);
        CHECK_INT(EVP_PKEY_print_private(bio, key, 0, NULL), 1);
        text_of(bio, text);
        CHECK_CONTAINS(text, "URI: keystore://stay/k\n");
        CHECK_CONTAINS(text, "private key: stays in its backend");
        CHECK_CONTAINS(text, "Public-Key");
        CHECK(strstr(text, "priv:") == NULL);
        CHECK(strstr(text, "privateExponent") == NULL);
        BIO_free(bio);
        EVP_PKEY_free(key);
        CHECK_INT(fixture_delete(&f, "keystore://default/k"), 1);
    }
    fixture_close(&f);
}

static void key_without_a_uri_is_written_as_any_other(void)
{
    static const char *const types[] = {"RSA", "EC", "ED25519", "X448"};
    struct fixture f;
    char text[TEXT_MAX];
    size_t i;

    fixture_open(&f);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        EVP_PKEY *key =
            i == 0 ? EVP_PKEY_Q_keygen(f.ctx, FIXTURE_OURS, "RSA", (size_t)2048)
                   : EVP_PKEY_Q_keygen(f.ctx, FIXTURE_OURS, types[i], "P-256");
        EVP_PKEY *read;
        BIO *bio;
        unsigned char *der = NULL;
        int len;

        CHECK_STR(fixture_provider_of(key), "keystore");
        CHECK_INT(write_pem(key, NULL, text), 1);
        CHECK_CONTAINS(text, "-----BEGIN PRIVATE KEY-----\n");
        bio = BIO_new_mem_buf(text, -1);
        read = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f.ctx, NULL);
        CHECK_INT(EVP_PKEY_eq(read, key), 1);
        EVP_PKEY_free(read);
        BIO_free(bio);

        CHECK_INT(write_pem(key, EVP_aes_256_cbc(), text), 1);
        CHECK_CONTAINS(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
        bio = BIO_new_mem_buf(text, -1);
        read = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, (void *)"pass",
                                          f.ctx, NULL);
        CHECK_INT(EVP_PKEY_eq(read, key), 1);
        EVP_PKEY_free(read);
        BIO_free(bio);

        len = i2d_PrivateKey(key, &der);
        CHECK(len > 0);
        OPENSSL_clear_free(der, (size_t)(len > 0 ? len : 0));
        bio = BIO_new(BIO_s_mem());
        CHECK_INT(EVP_PKEY_print_private(bio, key, 0, NULL), 1);
        text_of(bio, text);
        CHECK(strstr(text, "Private-Key") != NULL);
        CHECK(strstr(text, "URI:") == NULL);
        BIO_free(bio);
        EVP_PKEY_free(key);
    }
    fixture_close(&f);
}

static void keys_of_default_are_written_by_default(void)
{
    struct fixture with, without;
    static const char *const alone[] = {"default", NULL};
    char a[TEXT_MAX], b[TEXT_MAX];
    EVP_PKEY *key, *same;
    BIO *bio;

    fixture_open(&with);
    key = EVP_PKEY_Q_keygen(with.ctx, NULL, "EC", "P-256");
    CHECK_STR(fixture_provider_of(key), "default");
    CHECK_INT(write_pem(key, NULL, a), 1);
    fixture_open_with(&without, alone);
    bio = BIO_new_mem_buf(a, -1);
    same = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, without.ctx, NULL);
    CHECK_INT(write_pem(same, NULL, b), 1);
    CHECK_STR(a, b);
    CHECK_INT(encode(key, "TEXT", NULL, EVP_PKEY_KEYPAIR, a), 1);
    CHECK_INT(encode(same, "TEXT", NULL, EVP_PKEY_KEYPAIR, b), 1);
    CHECK_STR(a, b);
    BIO_free(bio);
    EVP_PKEY_free(key);
    EVP_PKEY_free(same);
    fixture_close(&without);
    fixture_close(&with);
}

static const struct test_case cases[] = {
    TEST_CASE(key_with_a_uri_is_written_as_its_uri),
    TEST_CASE(der_of_a_key_with_a_uri_is_refused),
    TEST_CASE(every_private_structure_is_the_uri),
    TEST_CASE(public_half_is_written_as_ever),
    TEST_CASE(text_shows_the_public_half_and_where_the_other_is),
    TEST_CASE(key_without_a_uri_is_written_as_any_other),
    TEST_CASE(keys_of_default_are_written_by_default),
};
TEST_MAIN("provider.encoder", cases)
