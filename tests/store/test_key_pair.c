/* store/key_pair.c */
#include "key_pair.h"

#include <string.h>

#include <openssl/err.h>

#include "keys.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};

static const char *const kinds[] = {"RSA",   "RSA-PSS", "P-256",
                                    "P-384", "P-521",   "ED25519",
                                    "ED448", "X25519",  "X448"};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void halves_of_one_key_fit(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        struct ks_err err = {0};
        struct test_key key;

        test_key_make(kinds[i], &key);
        CHECK_OK(ks_spki_check(&key.spki, &err), &err);
        CHECK_OK(ks_key_pair_check(&ours, &key.pkcs8, &key.spki, &err), &err);
        test_key_clear(&key);
    }
    CHECK(ERR_peek_error() == 0);
}

static void halves_of_two_keys_do_not(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        struct ks_err err = {0};
        struct test_key one, two;

        test_key_make(kinds[i], &one);
        test_key_make(kinds[(i + i % 2) % N_KINDS], &two);
        CHECK_RC(ks_key_pair_check(&ours, &one.pkcs8, &two.spki, &err),
                 KS_E_DAMAGED);
        CHECK_CONTAINS(err.text, "does not belong");
        test_key_clear(&one);
        test_key_clear(&two);
    }
    CHECK(ERR_peek_error() == 0);
}

/* Any change to the private numbers, and there is no key. Bytes whose change
 * leaves the same key (of EC's optional public point's header, say) may
 * pass; one that passes must not be another key, which a second look at the
 * scalar's own bytes proves below. */
static void no_changed_rsa_key_is_used(void)
{
    struct test_key key;
    size_t passed = 0;

    test_key_make("RSA", &key);
    for (size_t i = 30; i < key.pkcs8.len; i += 31) {
        key.pkcs8.data[i] ^= 0x04;
        if (ks_key_pair_check(&ours, &key.pkcs8, &key.spki, NULL) == KS_OK)
            passed++;
        key.pkcs8.data[i] ^= 0x04;
    }
    CHECK_INT(passed, 0);
    CHECK(ERR_peek_error() == 0);
    test_key_clear(&key);
}

static void no_changed_ec_scalar_is_used(void)
{
    /* RFC 5915: version 1, then the scalar in an OCTET STRING of 32 */
    static const uint8_t before[] = {0x02, 0x01, 0x01, 0x04, 0x20};
    struct test_key key;
    uint8_t *scalar;

    test_key_make("P-256", &key);
    scalar = memmem(key.pkcs8.data, key.pkcs8.len, before, sizeof(before));
    REQUIRE(scalar != NULL);
    scalar += sizeof(before);
    for (size_t i = 0; i < 32; i++) {
        struct ks_err err = {0};

        scalar[i] ^= 0x01;
        CHECK_RC(ks_key_pair_check(&ours, &key.pkcs8, &key.spki, &err),
                 KS_E_DAMAGED);
        scalar[i] ^= 0x01;
    }
    test_key_clear(&key);
}

static void no_changed_edwards_seed_is_used(void)
{
    struct test_key key;

    test_key_make("ED25519", &key);
    key.pkcs8.data[key.pkcs8.len - 1] ^= 0x80;
    CHECK_RC(ks_key_pair_check(&ours, &key.pkcs8, &key.spki, NULL),
             KS_E_DAMAGED);
    test_key_clear(&key);
}

static void what_is_no_key_is_refused(void)
{
    const struct ks_buf no_spki = {0}, junk = {(uint8_t *)"0123456789", 10};
    struct ks_secret no_pkcs8 = {0};
    struct test_key key;

    test_key_make("P-256", &key);
    CHECK_RC(ks_spki_check(&no_spki, NULL), KS_E_DAMAGED);
    CHECK_RC(ks_spki_check(&junk, NULL), KS_E_DAMAGED);
    CHECK(ks_key_pair_check(&ours, &no_pkcs8, &key.spki, NULL) != KS_OK);
    CHECK(ks_key_pair_check(&ours, &key.pkcs8, &no_spki, NULL) != KS_OK);
    CHECK(ks_key_pair_check(&ours, &key.pkcs8, &junk, NULL) != KS_OK);
    for (size_t i = 0; i < key.spki.len; i++) {
        const struct ks_buf cut = {key.spki.data, i};

        CHECK_RC(ks_spki_check(&cut, NULL), KS_E_DAMAGED);
    }
    CHECK(ERR_peek_error() == 0);
    test_key_clear(&key);
}

static const struct test_case cases[] = {
    TEST_CASE(halves_of_one_key_fit),
    TEST_CASE(halves_of_two_keys_do_not),
    TEST_CASE(no_changed_rsa_key_is_used),
    TEST_CASE(no_changed_ec_scalar_is_used),
    TEST_CASE(no_changed_edwards_seed_is_used),
    TEST_CASE(what_is_no_key_is_refused),
};
TEST_MAIN("store.key_pair", cases)
