/*
 * Decryption by keys on a token.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/prov_ssl.h>
#include <openssl/rsa.h>

#include "hsm.h"
#include "tls.h"

#define KEY_SIZE 256
#define TEXT_MAX 1024
#define GUARD_SECONDS 110
#define URI "keystore://hsm/kek"

static const uint8_t secret[] = "a secret of some length";

struct pair {
    struct fixture f;
    EVP_PKEY *inside;
    EVP_PKEY *public;
};

static bool pair_open(struct pair *pair, const char *usage)
{
    (void)alarm(GUARD_SECONDS);
    memset(pair, 0, sizeof(*pair));
    hsm_open(&pair->f);
    pair->inside = hsm_make(&pair->f, "RSA", URI, usage);
    pair->public = hsm_public(&pair->f, URI);
    if (!CHECK(pair->inside != NULL && pair->public != NULL))
        ERR_print_errors_fp(stderr);
    return pair->inside != NULL && pair->public != NULL;
}

static void pair_close(struct pair *pair)
{
    EVP_PKEY_free(pair->inside);
    EVP_PKEY_free(pair->public);
    fixture_close(&pair->f);
    (void)alarm(0);
}

static bool encrypt(const struct pair *p, const OSSL_PARAM params[],
                    const uint8_t *in, size_t in_len, uint8_t out[KEY_SIZE])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(p->f.ctx, p->public, NULL);
    size_t len = KEY_SIZE;
    bool ok = EVP_PKEY_encrypt_init_ex(ctx, params) == 1 &&
              EVP_PKEY_encrypt(ctx, out, &len, in, in_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok && len == KEY_SIZE;
}

static bool decrypt(const struct pair *p, const OSSL_PARAM params[],
                    const uint8_t in[KEY_SIZE], uint8_t out[KEY_SIZE],
                    size_t *out_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(p->f.ctx, p->inside, NULL);
    bool ok;

    *out_len = KEY_SIZE;
    ok = EVP_PKEY_decrypt_init_ex(ctx, params) == 1 &&
         EVP_PKEY_decrypt(ctx, out, out_len, in, KEY_SIZE) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool round_trip(const struct pair *p, const OSSL_PARAM params[],
                       size_t len)
{
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    size_t opened_len = 0;

    return encrypt(p, params, secret, len, sealed) &&
           decrypt(p, params, sealed, opened, &opened_len) &&
           opened_len == len && memcmp(opened, secret, len) == 0;
}

static const OSSL_PARAM *padding(OSSL_PARAM params[4], const char *pad,
                                 const char *digest, const char *label)
{
    size_t n = 0;

    params[n++] = OSSL_PARAM_construct_utf8_string(
        OSSL_ASYM_CIPHER_PARAM_PAD_MODE, (char *)pad, 0);
    if (digest != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(
            OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, (char *)digest, 0);
    if (label != NULL)
        params[n++] = OSSL_PARAM_construct_octet_string(
            OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, (void *)label, strlen(label));
    params[n] = OSSL_PARAM_construct_end();
    return params;
}

static void pkcs1_and_oaep_open_what_software_sealed(void)
{
    OSSL_PARAM params[4];
    struct pair p;
    size_t len;

    if (pair_open(&p, "decrypt")) {
        for (len = 1; len <= sizeof(secret); len += 11) {
            CHECK(round_trip(&p, NULL, len));
            CHECK(round_trip(&p, padding(params, "pkcs1", NULL, NULL), len));
            CHECK(round_trip(&p, padding(params, "oaep", NULL, NULL), len));
            CHECK(round_trip(&p, padding(params, "oaep", "SHA1", NULL), len));
        }
        CHECK_INT(ERR_peek_error(), 0);
    }
    pair_close(&p);
}

/* SoftHSM knows OAEP with SHA-1 and no label only. What a token does not know
 * is an error that says so, never another result. */
static void oaep_of_other_digests_and_labels_is_right_or_refused(void)
{
    static const struct {
        const char *digest;
        const char *label;
    } cases[] = {{"SHA256", NULL}, {"SHA512", NULL}, {"SHA1", "label"}};
    OSSL_PARAM params[4];
    char text[TEXT_MAX];
    struct pair p;
    size_t i;

    if (pair_open(&p, "decrypt"))
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
            if (!round_trip(
                    &p,
                    padding(params, "oaep", cases[i].digest, cases[i].label),
                    sizeof(secret))) {
                CHECK(fixture_raised(text, sizeof(text)) != KS_OK);
                CHECK_CONTAINS(text, URI);
            }
    pair_close(&p);
}

static void raw_decryption_gives_the_whole_block(void)
{
    OSSL_PARAM params[4];
    uint8_t block[KEY_SIZE] = {0}, sealed[KEY_SIZE], opened[KEY_SIZE];
    size_t len = 0;
    struct pair p;

    memcpy(block + 10, secret, sizeof(secret));
    if (pair_open(&p, "decrypt")) {
        const OSSL_PARAM *none = padding(params, "none", NULL, NULL);

        CHECK(encrypt(&p, none, block, sizeof(block), sealed));
        if (CHECK(decrypt(&p, none, sealed, opened, &len)))
            CHECK_BYTES(opened, len, block, sizeof(block));
    }
    pair_close(&p);
}

static void tls_premaster_secret_is_checked_for_its_version(void)
{
    unsigned version = 0x0303;
    int pad = RSA_PKCS1_WITH_TLS_PADDING;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION,
                                  &version),
        OSSL_PARAM_construct_end()};
    uint8_t premaster[SSL_MAX_MASTER_KEY_LENGTH] = {3, 3, 7, 7, 7};
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    size_t len = 0;
    struct pair p;

    if (pair_open(&p, "decrypt")) {
        CHECK(encrypt(&p, NULL, premaster, sizeof(premaster), sealed));
        if (CHECK(decrypt(&p, params, sealed, opened, &len)))
            CHECK_BYTES(opened, len, premaster, sizeof(premaster));
        version = 0x0302; /* a made-up secret, and nothing that tells so */
        if (CHECK(decrypt(&p, params, sealed, opened, &len))) {
            CHECK_INT(len, sizeof(premaster));
            CHECK(memcmp(opened, premaster, sizeof(premaster)) != 0);
        }
    }
    pair_close(&p);
}

static void damaged_message_is_not_opened(void)
{
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    OSSL_PARAM params[4];
    const OSSL_PARAM *oaep = padding(params, "oaep", NULL, NULL);
    size_t len = 0;
    struct pair p;

    if (pair_open(&p, "decrypt")) {
        CHECK(encrypt(&p, oaep, secret, sizeof(secret), sealed));
        sealed[KEY_SIZE / 2] ^= 1;
        CHECK(!decrypt(&p, oaep, sealed, opened, &len));
        CHECK(fixture_raised(NULL, 0) != KS_OK);
        memset(sealed, 0xff, sizeof(sealed)); /* more than the modulus */
        CHECK(!decrypt(&p, oaep, sealed, opened, &len));
        CHECK(fixture_raised(NULL, 0) != KS_OK);
        CHECK(round_trip(&p, oaep, sizeof(secret)));
    }
    pair_close(&p);
}

static void context_is_duplicated_at_every_stage(void)
{
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    OSSL_PARAM params[4];
    const OSSL_PARAM *oaep = padding(params, "oaep", NULL, NULL);
    EVP_PKEY_CTX *ctx, *dup;
    size_t len = sizeof(opened);
    struct pair p;

    if (pair_open(&p, "decrypt")) {
        CHECK(encrypt(&p, oaep, secret, sizeof(secret), sealed));
        ctx = EVP_PKEY_CTX_new_from_pkey(p.f.ctx, p.inside, NULL);
        CHECK_INT(EVP_PKEY_decrypt_init_ex(ctx, oaep), 1);
        dup = EVP_PKEY_CTX_dup(ctx);
        EVP_PKEY_CTX_free(ctx);
        CHECK_INT(EVP_PKEY_decrypt(dup, opened, &len, sealed, KEY_SIZE), 1);
        CHECK_BYTES(opened, len, secret, sizeof(secret));
        ctx = EVP_PKEY_CTX_dup(dup);
        EVP_PKEY_CTX_free(dup);
        len = sizeof(opened);
        CHECK_INT(EVP_PKEY_decrypt(ctx, opened, &len, sealed, KEY_SIZE), 1);
        CHECK_BYTES(opened, len, secret, sizeof(secret));
        EVP_PKEY_CTX_free(ctx);
    }
    pair_close(&p);
}

static void key_for_signing_does_not_decrypt_nor_the_other_way_round(void)
{
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    char text[TEXT_MAX];
    size_t len = 0;
    EVP_PKEY *signer;
    struct pair p;

    if (pair_open(&p, "decrypt")) {
        CHECK(!fixture_use(&p.f, p.inside, p.public));
        CHECK(fixture_raised(text, sizeof(text)) != KS_OK);
        CHECK_CONTAINS(text, "kek");
        signer = hsm_make(&p.f, "RSA", "keystore://hsm/signer", NULL);
        CHECK(encrypt(&p, NULL, secret, sizeof(secret), sealed));
        EVP_PKEY_free(p.inside);
        p.inside = signer;
        CHECK(!decrypt(&p, NULL, sealed, opened, &len));
        CHECK(fixture_raised(text, sizeof(text)) != KS_OK);
        CHECK_CONTAINS(text, "signer");
    }
    pair_close(&p);
}

static void key_for_both_uses_does_both(void)
{
    struct pair p;

    if (pair_open(&p, "sign,decrypt")) {
        CHECK(fixture_use(&p.f, p.inside, p.public));
        CHECK(round_trip(&p, NULL, sizeof(secret)));
    }
    pair_close(&p);
}

static void cms_enveloped_data_is_opened(void)
{
    struct pair p;
    X509 *cert;
    BIO *in, *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms;
    char opened[64] = "";

    if (pair_open(&p, "sign,decrypt")) {
        cert = tls_certificate(p.f.ctx, p.inside);
        in = BIO_new_mem_buf(secret, sizeof(secret));
        cms = CMS_EnvelopedData_create_ex(EVP_aes_256_cbc(), p.f.ctx, NULL);
        CHECK(cms != NULL && CMS_add1_recipient_cert(cms, cert, 0) != NULL);
        CHECK_INT(CMS_set_detached(cms, 0), 1);
        CHECK_INT(CMS_final(cms, in, NULL, CMS_BINARY), 1);
        if (!CHECK(CMS_decrypt(cms, p.inside, cert, NULL, out, 0) == 1))
            ERR_print_errors_fp(stderr);
        CHECK_INT(BIO_read(out, opened, sizeof(opened)), sizeof(secret));
        CHECK_STR(opened, (const char *)secret);
        CMS_ContentInfo_free(cms);
        BIO_free(in);
        X509_free(cert);
    }
    BIO_free(out);
    pair_close(&p);
}

static const struct test_case cases[] = {
    TEST_CASE(pkcs1_and_oaep_open_what_software_sealed),
    TEST_CASE(oaep_of_other_digests_and_labels_is_right_or_refused),
    TEST_CASE(raw_decryption_gives_the_whole_block),
    TEST_CASE(tls_premaster_secret_is_checked_for_its_version),
    TEST_CASE(damaged_message_is_not_opened),
    TEST_CASE(context_is_duplicated_at_every_stage),
    TEST_CASE(key_for_signing_does_not_decrypt_nor_the_other_way_round),
    TEST_CASE(key_for_both_uses_does_both),
    TEST_CASE(cms_enveloped_data_is_opened),
};
TEST_MAIN("provider.hsm_decrypt", cases)
