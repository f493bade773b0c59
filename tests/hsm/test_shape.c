/*
 * Kinds and sizes read from public keys, good and bad.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "shape.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void spki_of(EVP_PKEY *pkey, struct ks_buf *spki)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);

    REQUIRE(len > 0);
    CHECK_RC(ks_buf_set(spki, der, (size_t)len), KS_OK);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
}

static void kinds_and_sizes_are_those_of_the_key(void)
{
    static const struct {
        const char *type, *group;
        enum hsm_kind kind;
        size_t size;
    } keys[] = {
        {"EC", "P-256", HSM_EC, 32},     {"EC", "P-384", HSM_EC, 48},
        {"EC", "P-521", HSM_EC, 66},     {"EC", "brainpoolP512r1", HSM_EC, 64},
        {"EC", "secp256k1", HSM_EC, 32}, {"ED25519", NULL, HSM_ED25519, 64},
        {"ED448", NULL, HSM_ED448, 114}, {"X25519", NULL, HSM_X25519, 32},
        {"X448", NULL, HSM_X448, 56},
    };
    size_t i;

    for (i = 0; i < N_OF(keys); i++) {
        struct ks_buf spki = {0};
        struct hsm_shape shape;
        struct ks_err err = {0};

        spki_of(EVP_PKEY_Q_keygen(NULL, NULL, keys[i].type, keys[i].group),
                &spki);
        CHECK_OK(hsm_shape_read(&spki, "key", NULL, NULL, &shape, &err), &err);
        CHECK_INT(shape.kind, keys[i].kind);
        CHECK_INT(shape.size, keys[i].size);
        CHECK((shape.group != NULL) == (keys[i].group != NULL));
        hsm_shape_clear(&shape);
        hsm_shape_clear(&shape);
        ks_buf_clear(&spki);
    }
    hsm_shape_clear(NULL);
}

static void rsa_bits_are_counted(void)
{
    static const size_t bits[] = {512, 1023, 1024, 1025, 2048};
    size_t i;

    for (i = 0; i < N_OF(bits); i++) {
        struct ks_buf spki = {0};
        struct hsm_shape shape;
        struct ks_err err = {0};

        spki_of(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits[i]), &spki);
        CHECK_OK(hsm_shape_read(&spki, "key", NULL, NULL, &shape, &err), &err);
        CHECK_INT(shape.kind, HSM_RSA);
        CHECK_INT(shape.bits, bits[i]);
        CHECK_INT(shape.size, (bits[i] + 7) / 8);
        hsm_shape_clear(&shape);
        ks_buf_clear(&spki);
    }
}

/* Never a crash, and a text whenever it is an error. */
static void bytes_that_are_no_key_are_errors(void)
{
    struct ks_buf spki = {0}, bad = {0};
    size_t i;

    spki_of(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), &spki);
    for (i = 0; i < 4000; i++) {
        struct hsm_shape shape;
        struct ks_err err = {0};
        uint8_t flip[4];
        ks_rc rc;

        CHECK(RAND_bytes(flip, sizeof(flip)) == 1);
        CHECK_RC(ks_buf_set(&bad, spki.data, i < spki.len ? i : spki.len),
                 KS_OK);
        if (i >= spki.len)
            bad.data[flip[0] % bad.len % 30] ^= flip[1];
        rc = hsm_shape_read(&bad, "key", NULL, NULL, &shape, &err);
        CHECK((rc == KS_OK) == (err.text[0] == '\0'));
        hsm_shape_clear(&shape);
        ks_buf_clear(&bad);
    }
    ks_buf_clear(&spki);
}

static void kinds_that_are_none_of_ours_are_named(void)
{
    /* DSA, by hand: SEQUENCE { SEQUENCE { dsaEncryption }, BIT STRING 02 01 }
     */
    static const uint8_t dsa[] = {0x30, 0x11, 0x30, 0x09, 0x06, 0x07, 0x2a,
                                  0x86, 0x48, 0xce, 0x38, 0x04, 0x01, 0x03,
                                  0x04, 0x00, 0x02, 0x01, 0x05};
    struct ks_buf spki = {0};
    struct hsm_shape shape;
    struct ks_err err = {0};

    CHECK_RC(ks_buf_set(&spki, dsa, sizeof(dsa)), KS_OK);
    CHECK_RC(hsm_shape_read(&spki, "x", NULL, NULL, &shape, &err),
             KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "DSA");
    ks_buf_clear(&spki);
}

static const struct test_case cases[] = {
    TEST_CASE(kinds_and_sizes_are_those_of_the_key),
    TEST_CASE(rsa_bits_are_counted),
    TEST_CASE(bytes_that_are_no_key_are_errors),
    TEST_CASE(kinds_that_are_none_of_ours_are_named),
};
TEST_MAIN("hsm.shape", cases)
