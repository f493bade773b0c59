/*
 * r || s to DER: what libcrypto writes for the same numbers.
 */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rand.h>

#include "ecdsa.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void check_as_libcrypto(const uint8_t *raw, size_t half)
{
    uint8_t ours[300];
    size_t len = sizeof(ours);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *theirs = NULL;
    int theirs_len;

    CHECK(ECDSA_SIG_set0(sig, BN_bin2bn(raw, (int)half, NULL),
                         BN_bin2bn(raw + half, (int)half, NULL)) == 1);
    theirs_len = i2d_ECDSA_SIG(sig, &theirs);
    CHECK_RC(hsm_ecdsa_der(raw, 2 * half, ours, &len, NULL), KS_OK);
    CHECK_BYTES(ours, len, theirs, (size_t)theirs_len);
    OPENSSL_free(theirs);
    ECDSA_SIG_free(sig);
}

static void any_two_numbers_come_out_as_from_libcrypto(void)
{
    static const size_t halves[] = {1, 14, 20, 28, 32, 48, 64, 66, 72, 124};
    uint8_t raw[2 * HSM_ECDSA_HALF_MAX];
    size_t i, round, zeros;

    for (i = 0; i < N_OF(halves); i++)
        for (round = 0; round < 200; round++) {
            CHECK(RAND_bytes(raw, (int)(2 * halves[i])) == 1);
            zeros = round % (halves[i] + 1);
            memset(raw, 0, zeros);
            memset(raw + halves[i], 0, round % 3);
            check_as_libcrypto(raw, halves[i]);
        }
    memset(raw, 0, sizeof(raw));
    check_as_libcrypto(raw, 32);
    memset(raw, 0xff, sizeof(raw));
    check_as_libcrypto(raw, 66);
    check_as_libcrypto(raw, 124);
}

static void what_is_no_pair_is_refused(void)
{
    static const size_t bad[] = {0, 1, 63, 252, 1000};
    static const uint8_t raw[1000] = {1};
    uint8_t sig[2000];
    size_t i, len;

    for (i = 0; i < N_OF(bad); i++) {
        struct ks_err err = {0};

        len = sizeof(sig);
        CHECK_RC(hsm_ecdsa_der(raw, bad[i], sig, &len, &err), KS_E_CRYPTO);
        CHECK(err.text[0] != '\0');
    }
}

static void room_is_never_exceeded(void)
{
    uint8_t raw[64], sig[72], guard;
    size_t room, len;

    memset(raw, 0xff, sizeof(raw));
    for (room = 0; room <= sizeof(sig); room++) {
        memset(sig, 0xaa, sizeof(sig));
        len = room;
        guard = room < sizeof(sig) ? sig[room] : 0;
        CHECK_RC(hsm_ecdsa_der(raw, 64, sig, &len, NULL),
                 room == 72 ? KS_OK : KS_E_INVALID);
        CHECK(room == sizeof(sig) || sig[room] == guard);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(any_two_numbers_come_out_as_from_libcrypto),
    TEST_CASE(what_is_no_pair_is_refused),
    TEST_CASE(room_is_never_exceeded),
};
TEST_MAIN("hsm.ecdsa", cases)
