/*
 * Decryption by keys on a token: what libcrypto encrypted comes out, and of
 * what it did not, nothing is told.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "key.h"
#include "rig.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BLOCK 256 /* RSA-2048 */
#define TLS12 0x0303
#define PREMASTER 48

/* A token with one key, and what came out of it last. */
struct bench {
    struct rig rig;
    struct rig_key key;
    struct ks_secret out;
    struct ks_err err;
};

static bool bench_open(struct bench *b, const char *kind)
{
    *b = (struct bench){.out = {0}};
    rig_open(&b->rig);
    return rig_key(&b->rig, kind, "key", CKF_DECRYPT, &b->key);
}

static void bench_close(struct bench *b)
{
    rig_key_clear(&b->key);
    ks_secret_clear(&b->out);
    rig_close(&b->rig);
}

static ks_rc decrypt(struct bench *b, const struct ks_mech_params *params,
                     const void *in, size_t in_len)
{
    ks_rc rc;

    b->err = (struct ks_err){0};
    ks_secret_clear(&b->out);
    rc = hsm_key_ops.decrypt(b->key.key, params, in, in_len, &b->out, &b->err);
    CHECK((rc == KS_OK) == (b->err.text[0] == '\0'));
    CHECK(rc == KS_OK || b->out.data == NULL);
    return rc;
}

static size_t encrypt(const struct rig_key *key, int pad, const char *digest,
                      const void *in, size_t in_len, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->public, NULL);
    size_t len = BLOCK;

    CHECK(EVP_PKEY_encrypt_init(ctx) > 0 &&
          EVP_PKEY_CTX_set_rsa_padding(ctx, pad) > 0);
    if (digest != NULL)
        CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_get_digestbyname(digest)) >
              0);
    CHECK(EVP_PKEY_encrypt(ctx, out, &len, in, in_len) > 0);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static const uint8_t message[BLOCK] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void pkcs1_messages_of_any_length_come_out(void)
{
    static const size_t lengths[] = {0, 1, 48, 245};
    const struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_DECRYPT,
                                          .explicit_rejection = true};
    struct bench b;
    uint8_t in[BLOCK];
    size_t i, len;

    if (bench_open(&b, "RSA:2048")) {
        for (i = 0; i < N_OF(lengths); i++) {
            len = encrypt(&b.key, RSA_PKCS1_PADDING, NULL, message, lengths[i],
                          in);
            CHECK_OK(decrypt(&b, &params, in, len), &b.err);
            CHECK_BYTES(b.out.data, b.out.len, message, lengths[i]);
        }
    }
    bench_close(&b);
}

/* SoftHSM computes with OpenSSL, which since 3.2 answers bad PKCS#1 padding
 * with a random text. */
static const bool has_implicit_rejection =
    OPENSSL_VERSION_NUMBER >= 0x30200000L;

/* Bad in any way, the text is the same. */
static void bad_padding_is_one_error_with_one_text(void)
{
    static const uint8_t blocks[][12] = {
        {0, 1, 0xff}, {1, 2, 3}, {0, 2, 1, 2, 3, 0}, {0, 2, 0, 1}, {0, 0}};
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_DECRYPT};
    struct bench b;
    struct ks_err first = {0};
    uint8_t block[BLOCK], in[BLOCK];
    size_t i, len;
    ks_rc rc;

    if (bench_open(&b, "RSA:2048")) {
        for (i = 0; i < N_OF(blocks); i++) {
            memset(block, i == 3 ? 1 : 0, sizeof(block));
            memcpy(block, blocks[i], sizeof(blocks[i]));
            if (i == 3) /* no zero at all after the padding */
                memset(block + 2, 1, sizeof(block) - 2);
            len = encrypt(&b.key, RSA_NO_PADDING, NULL, block, BLOCK, in);
            rc = decrypt(&b, &params, in, len);
            if (rc == KS_OK && has_implicit_rejection)
                continue;
            CHECK_RC(rc, KS_E_CRYPTO);
            if (i == 0)
                first = b.err;
            CHECK_STR(b.err.text, first.text);
            params.explicit_rejection = !params.explicit_rejection;
        }
        params.mech = KS_MECH_RSA_OAEP;
        CHECK_RC(decrypt(&b, &params, in, len), KS_E_CRYPTO);
        CHECK_CONTAINS(b.err.text, "keystore://hsm/key");
        if (first.text[0] != '\0')
            CHECK_STR(b.err.text, first.text);
    }
    bench_close(&b);
}

/* ---- TLS ---- */

static void premaster_secret_comes_out_if_it_is_one(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_TLS,
                                    .tls_client_version = TLS12};
    uint8_t secret[PREMASTER] = {3, 3, 5, 6, 7};
    struct bench b;
    uint8_t in[BLOCK];
    size_t len;

    if (bench_open(&b, "RSA:2048")) {
        len = encrypt(&b.key, RSA_PKCS1_PADDING, NULL, secret, PREMASTER, in);
        CHECK_OK(decrypt(&b, &params, in, len), &b.err);
        CHECK_BYTES(b.out.data, b.out.len, secret, PREMASTER);
        /* A client that sends the version that was agreed upon. */
        params.tls_client_version = 0x0304;
        params.tls_alt_version = TLS12;
        CHECK_OK(decrypt(&b, &params, in, len), &b.err);
        CHECK_BYTES(b.out.data, b.out.len, secret, PREMASTER);
        params.tls_client_version = 0;
        CHECK_RC(decrypt(&b, &params, in, len), KS_E_INVALID);
    }
    bench_close(&b);
}

/* Random bytes, new ones each time, and no error. */
static void check_made_up(struct bench *b, const struct ks_mech_params *params,
                          const uint8_t *in, size_t len, const uint8_t *secret)
{
    uint8_t one[PREMASTER];

    CHECK_OK(decrypt(b, params, in, len), &b->err);
    if (!CHECK_INT(b->out.len, PREMASTER))
        return;
    memcpy(one, b->out.data, PREMASTER);
    CHECK_OK(decrypt(b, params, in, len), &b->err);
    if (CHECK_INT(b->out.len, PREMASTER)) {
        CHECK(memcmp(one, b->out.data, PREMASTER) != 0);
        CHECK(memcmp(one, secret, PREMASTER) != 0);
    }
}

static void bad_premaster_secret_is_replaced_without_a_word(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_TLS,
                                    .tls_client_version = TLS12};
    uint8_t secret[PREMASTER + 1] = {3, 3, 5, 6, 7}, block[BLOCK] = {0, 2};
    struct bench b;
    uint8_t in[BLOCK];
    size_t len;

    if (bench_open(&b, "RSA:2048")) {
        len =
            encrypt(&b.key, RSA_PKCS1_PADDING, NULL, secret, PREMASTER - 1, in);
        check_made_up(&b, &params, in, len, secret);
        len =
            encrypt(&b.key, RSA_PKCS1_PADDING, NULL, secret, PREMASTER + 1, in);
        check_made_up(&b, &params, in, len, secret);
        len = encrypt(&b.key, RSA_PKCS1_PADDING, NULL, secret, 0, in);
        check_made_up(&b, &params, in, len, secret);
        memset(block + 2, 5, sizeof(block) - 2);
        len = encrypt(&b.key, RSA_NO_PADDING, NULL, block, BLOCK, in);
        check_made_up(&b, &params, in, len, secret);
        secret[1] = 2; /* another version */
        len = encrypt(&b.key, RSA_PKCS1_PADDING, NULL, secret, PREMASTER, in);
        check_made_up(&b, &params, in, len, secret);
        params.tls_alt_version = 0x0301;
        check_made_up(&b, &params, in, len, secret);
    }
    bench_close(&b);
}

/* ---- OAEP and raw ---- */

static void oaep_with_sha1_comes_out(void)
{
    const struct ks_mech_params params = {
        .mech = KS_MECH_RSA_OAEP, .digest = "SHA1", .mgf1_digest = "SHA1"};
    struct bench b;
    uint8_t in[BLOCK];
    size_t len;

    if (bench_open(&b, "RSA:2048")) {
        len = encrypt(&b.key, RSA_PKCS1_OAEP_PADDING, "SHA1", "secret", 6, in);
        CHECK_OK(decrypt(&b, &params, in, len), &b.err);
        CHECK_BYTES(b.out.data, b.out.len, "secret", 6);
        in[100] ^= 1;
        CHECK_RC(decrypt(&b, &params, in, len), KS_E_CRYPTO);
    }
    bench_close(&b);
}

static void oaep_that_the_token_lacks_is_explained(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_RSA_OAEP,
                                    .digest = "SHA2-256",
                                    .mgf1_digest = "SHA2-256"};
    struct bench b;

    if (bench_open(&b, "RSA:2048")) {
        CHECK_RC(decrypt(&b, &params, message, BLOCK), KS_E_UNSUPPORTED);
        CHECK_CONTAINS(b.err.text, "token \"rig\"");
        CHECK_CONTAINS(b.err.text, "CKM_RSA_PKCS_OAEP");
        CHECK_CONTAINS(b.err.text, "SHA2-256");
        CHECK_CONTAINS(b.err.hint, "SHA-1");
        params.digest = "SM3";
        CHECK_RC(decrypt(&b, &params, message, BLOCK), KS_E_UNSUPPORTED);
    }
    bench_close(&b);
}

static void raw_block_keeps_its_leading_zeros(void)
{
    const struct ks_mech_params params = {.mech = KS_MECH_RSA_RAW};
    struct bench b;
    uint8_t block[BLOCK] = {0}, in[BLOCK];
    size_t zeros, len;

    if (bench_open(&b, "RSA:2048")) {
        for (zeros = 1; zeros < BLOCK; zeros += 84) {
            memset(block, 0, zeros);
            memset(block + zeros, 0x5a, BLOCK - zeros);
            len = encrypt(&b.key, RSA_NO_PADDING, NULL, block, BLOCK, in);
            CHECK_OK(decrypt(&b, &params, in, len), &b.err);
            CHECK_BYTES(b.out.data, b.out.len, block, BLOCK);
        }
    }
    bench_close(&b);
}

static void input_of_the_wrong_length_is_refused(void)
{
    static const enum ks_mech mechs[] = {KS_MECH_RSA_PKCS1_DECRYPT,
                                         KS_MECH_RSA_PKCS1_TLS,
                                         KS_MECH_RSA_OAEP, KS_MECH_RSA_RAW};
    struct ks_mech_params params = {.tls_client_version = TLS12};
    struct bench b;
    size_t i;

    if (bench_open(&b, "RSA:2048")) {
        for (i = 0; i < N_OF(mechs); i++) {
            params.mech = mechs[i];
            CHECK_RC(decrypt(&b, &params, message, 0), KS_E_INVALID);
            CHECK_RC(decrypt(&b, &params, NULL, BLOCK), KS_E_INVALID);
            CHECK_RC(decrypt(&b, &params, message, BLOCK + 1), KS_E_INVALID);
            CHECK_RC(decrypt(&b, &params, message, (size_t)-1), KS_E_INVALID);
        }
    }
    bench_close(&b);
}

/* A sender that writes the number without its leading zeros. */
static void short_message_is_filled_up(void)
{
    const struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_DECRYPT};
    struct bench b;
    uint8_t in[BLOCK];
    size_t i;

    if (bench_open(&b, "RSA:2048")) {
        for (i = 0; i < 20000; i++)
            if (encrypt(&b.key, RSA_PKCS1_PADDING, NULL, "x", 1, in) == BLOCK &&
                in[0] == 0)
                break;
        CHECK_INT(in[0], 0);
        CHECK_OK(decrypt(&b, &params, in + 1, BLOCK - 1), &b.err);
        CHECK_BYTES(b.out.data, b.out.len, "x", 1);
    }
    bench_close(&b);
}

static void keys_that_are_not_rsa_do_not_decrypt(void)
{
    struct ks_mech_params params = {.tls_client_version = TLS12};
    struct bench b;
    int mech;

    if (bench_open(&b, "P-256")) {
        for (mech = -1; mech <= KS_MECH_XDH + 1; mech++) {
            params.mech = (enum ks_mech)mech;
            CHECK_RC(decrypt(&b, &params, message, 32), KS_E_UNSUPPORTED);
        }
    }
    bench_close(&b);
}

static const struct test_case cases[] = {
    TEST_CASE(pkcs1_messages_of_any_length_come_out),
    TEST_CASE(bad_padding_is_one_error_with_one_text),
    TEST_CASE(premaster_secret_comes_out_if_it_is_one),
    TEST_CASE(bad_premaster_secret_is_replaced_without_a_word),
    TEST_CASE(oaep_with_sha1_comes_out),
    TEST_CASE(oaep_that_the_token_lacks_is_explained),
    TEST_CASE(raw_block_keeps_its_leading_zeros),
    TEST_CASE(input_of_the_wrong_length_is_refused),
    TEST_CASE(short_message_is_filled_up),
    TEST_CASE(keys_that_are_not_rsa_do_not_decrypt),
};
TEST_MAIN("hsm.decrypt", cases)
