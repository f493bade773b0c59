/* store/base/buf.c */
#include "ks_buf.h"

#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>

#include "test.h"

static void buf_set_copies(void)
{
    struct ks_buf buf = {0};
    char text[] = "abc";

    REQUIRE(ks_buf_set(&buf, text, 3) == KS_OK);
    text[0] = 'x';
    CHECK_BYTES(buf.data, buf.len, "abc", 3);
    ks_buf_clear(&buf);
    CHECK(buf.data == NULL && buf.len == 0);
}

static void buf_of_no_bytes_takes_null(void)
{
    struct ks_buf buf = {0};

    CHECK_RC(ks_buf_set(&buf, NULL, 0), KS_OK);
    CHECK_INT(buf.len, 0);
    ks_buf_clear(&buf);
}

static void buf_can_be_set_from_its_own_bytes(void)
{
    struct ks_buf buf = {0};

    REQUIRE(ks_buf_set(&buf, "abcdef", 6) == KS_OK);
    REQUIRE(ks_buf_set(&buf, buf.data + 2, 3) == KS_OK);
    CHECK_BYTES(buf.data, buf.len, "cde", 3);
    ks_buf_clear(&buf);
}

static void clear_twice_and_of_null_is_harmless(void)
{
    struct ks_buf buf = {0};
    struct ks_secret secret = {0};

    REQUIRE(ks_buf_set(&buf, "a", 1) == KS_OK);
    REQUIRE(ks_secret_set(&secret, "a", 1) == KS_OK);
    for (int i = 0; i < 2; i++) {
        ks_buf_clear(&buf);
        ks_secret_clear(&secret);
    }
    ks_buf_clear(NULL);
    ks_secret_clear(NULL);
}

static void secret_has_a_nul_after_it(void)
{
    struct ks_secret secret = {0};

    REQUIRE(ks_secret_set(&secret, "geheim", 6) == KS_OK);
    CHECK_STR((const char *)secret.data, "geheim");
    REQUIRE(ks_secret_set(&secret, NULL, 0) == KS_OK);
    REQUIRE(secret.data != NULL);
    CHECK_STR((const char *)secret.data, "");
    ks_secret_clear(&secret);
}

static void secret_can_be_set_from_its_own_bytes(void)
{
    struct ks_secret secret = {0};

    REQUIRE(ks_secret_set(&secret, "geheimnis", 9) == KS_OK);
    REQUIRE(ks_secret_set(&secret, secret.data + 2, 4) == KS_OK);
    CHECK_STR((const char *)secret.data, "heim");
    ks_secret_clear(&secret);
}

static void secret_room_is_zeroed(void)
{
    static const uint8_t zeros[64];
    struct ks_secret secret = {0};

    REQUIRE(ks_secret_alloc(&secret, sizeof(zeros)) == KS_OK);
    CHECK_BYTES(secret.data, secret.len, zeros, sizeof(zeros));
    ks_secret_clear(&secret);
}

static void a_size_that_cannot_be_is_out_of_memory(void)
{
    struct ks_secret secret = {0};

    REQUIRE(ks_secret_set(&secret, "x", 1) == KS_OK);
    CHECK_RC(ks_secret_alloc(&secret, SIZE_MAX), KS_E_NOMEM);
    CHECK_STR((const char *)secret.data, "x");
    ks_secret_clear(&secret);
}

/* A program that has made a secure heap gets its secrets there. */
static void secrets_are_in_the_secure_heap(void)
{
    struct ks_secret secret = {0};

    REQUIRE(CRYPTO_secure_malloc_init(1 << 16, 16) > 0);
    REQUIRE(ks_secret_set(&secret, "geheim", 6) == KS_OK);
    CHECK(CRYPTO_secure_allocated(secret.data) == 1);
    ks_secret_clear(&secret);
    CHECK_INT(CRYPTO_secure_used(), 0);
    CHECK(CRYPTO_secure_malloc_done() == 1);
}

static const struct test_case cases[] = {
    TEST_CASE(buf_set_copies),
    TEST_CASE(buf_of_no_bytes_takes_null),
    TEST_CASE(buf_can_be_set_from_its_own_bytes),
    TEST_CASE(clear_twice_and_of_null_is_harmless),
    TEST_CASE(secret_has_a_nul_after_it),
    TEST_CASE(secret_can_be_set_from_its_own_bytes),
    TEST_CASE(secret_room_is_zeroed),
    TEST_CASE(a_size_that_cannot_be_is_out_of_memory),
    TEST_CASE(secrets_are_in_the_secure_heap),
};
TEST_MAIN("store.buf", cases)
