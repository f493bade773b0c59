/*
 * EMSA-PSS blocks: raised to a private exponent by libcrypto they are
 * signatures that libcrypto accepts.
 */
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "pss.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BLOCK_MAX 1024

static const uint8_t hash[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static size_t raw_sign(EVP_PKEY *pkey, const uint8_t *block, size_t len,
                       uint8_t *sig)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    size_t sig_len = BLOCK_MAX;

    CHECK(EVP_PKEY_sign_init(ctx) > 0 &&
          EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
          EVP_PKEY_sign(ctx, sig, &sig_len, block, len) > 0);
    EVP_PKEY_CTX_free(ctx);
    return sig_len;
}

static bool verifies(EVP_PKEY *pkey, const struct hsm_pss *pss, size_t hash_len,
                     const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = EVP_PKEY_verify_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
              EVP_PKEY_CTX_set_signature_md(
                  ctx, EVP_get_digestbyname(pss->digest)) > 0 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(
                  ctx, EVP_get_digestbyname(pss->mgf1_digest)) > 0 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)pss->salt_len) > 0 &&
              EVP_PKEY_verify(ctx, sig, sig_len, hash, hash_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Moduli of 1025 and 1031 bits: the block is a byte shorter, or not. */
static void block_is_a_signature_for_any_modulus_and_digests(void)
{
    static const size_t bits[] = {1024, 1025, 1026, 1031, 2048};
    static const struct {
        const char *digest, *mgf1;
        size_t len, salt;
    } ways[] = {
        {"SHA1", "SHA1", 20, 20},          {"SHA256", "SHA256", 32, 32},
        {"SHA256", "SHA1", 32, 0},         {"SHA384", "SHA512", 48, 13},
        {"SHA3-256", "SHA224", 32, 1},     {"SHA512", "SHA512", 64, 62},
        {"RIPEMD160", "SHA3-512", 20, 32},
    };
    uint8_t block[BLOCK_MAX], sig[BLOCK_MAX];
    size_t i, j;

    for (i = 0; i < N_OF(bits); i++) {
        EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits[i]);

        REQUIRE(pkey != NULL);
        for (j = 0; j < N_OF(ways); j++) {
            const struct hsm_pss pss = {ways[j].digest, ways[j].mgf1,
                                        ways[j].salt, NULL, NULL};
            struct ks_err err = {0};
            size_t len = (bits[i] + 7) / 8;

            if (!CHECK_OK(hsm_pss_encode(&pss, bits[i], hash, ways[j].len,
                                         block, &err),
                          &err))
                continue;
            len = raw_sign(pkey, block, len, sig);
            CHECK(verifies(pkey, &pss, ways[j].len, sig, len));
        }
        EVP_PKEY_free(pkey);
    }
}

static void salt_is_new_every_time(void)
{
    const struct hsm_pss pss = {"SHA256", "SHA256", 32, NULL, NULL};
    uint8_t one[BLOCK_MAX], two[BLOCK_MAX];

    CHECK_RC(hsm_pss_encode(&pss, 1024, hash, 32, one, NULL), KS_OK);
    CHECK_RC(hsm_pss_encode(&pss, 1024, hash, 32, two, NULL), KS_OK);
    CHECK(memcmp(one, two, 128) != 0);
}

static void longest_salt_fits_and_one_more_does_not(void)
{
    struct hsm_pss pss = {"SHA256", "SHA256", 128 - 32 - 2, NULL, NULL};
    uint8_t block[BLOCK_MAX];
    struct ks_err err = {0};

    CHECK_RC(hsm_pss_encode(&pss, 1024, hash, 32, block, NULL), KS_OK);
    CHECK_RC(hsm_pss_encode(&pss, 1025, hash, 32, block, NULL), KS_OK);
    pss.salt_len++;
    CHECK_RC(hsm_pss_encode(&pss, 1024, hash, 32, block, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "salt of 95 bytes");
    pss.salt_len = (size_t)-1;
    CHECK_RC(hsm_pss_encode(&pss, 1024, hash, 32, block, NULL), KS_E_INVALID);
    pss.salt_len = 0;
    CHECK_RC(hsm_pss_encode(&pss, 264, hash, 32, block, NULL), KS_E_INVALID);
}

static void wrong_hash_or_digest_is_refused(void)
{
    struct hsm_pss pss = {"SHA256", "SHA256", 32, NULL, NULL};
    uint8_t block[BLOCK_MAX];
    struct ks_err err = {0};

    CHECK_RC(hsm_pss_encode(&pss, 2048, hash, 31, block, NULL), KS_E_INVALID);
    CHECK_RC(hsm_pss_encode(&pss, 2048, hash, 0, block, NULL), KS_E_INVALID);
    pss.mgf1_digest = "no-such";
    CHECK_RC(hsm_pss_encode(&pss, 2048, hash, 32, block, &err),
             KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "no-such");
    pss.digest = "SHAKE256"; /* has no length of its own for this */
    pss.mgf1_digest = "SHA256";
    CHECK(hsm_pss_encode(&pss, 2048, hash, 30, block, NULL) != KS_OK);
}

static const struct test_case cases[] = {
    TEST_CASE(block_is_a_signature_for_any_modulus_and_digests),
    TEST_CASE(salt_is_new_every_time),
    TEST_CASE(longest_salt_fits_and_one_more_does_not),
    TEST_CASE(wrong_hash_or_digest_is_refused),
};
TEST_MAIN("hsm.pss", cases)
