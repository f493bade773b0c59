/* store/base/kdf.c */
#include "ks_kdf.h"

#include "test.h"

static void the_default_is_good(void)
{
    struct ks_kdf kdf = {0};
    struct ks_err err = {0};

    REQUIRE(CHECK_OK(ks_kdf_parse(KS_KDF_DEFAULT, &kdf, &err), &err));
    CHECK_INT(kdf.n, 16384);
    CHECK_INT(kdf.r, 8);
    CHECK_INT(kdf.p, 5);
}

static void bounds_are_named(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "form"},
        {"scrypt", "form"},
        {"scrypt:16384:8", "form"},
        {"scrypt:16384:8:5:1", "form"},
        {"scrypt:16384:8:5 ", "form"},
        {"scrypt::8:5", "form"},
        {"scrypt:-2:8:5", "form"},
        {"scrypt:0x10:8:5", "form"},
        {"scrypt:9999999999:8:5", "form"},
        {"pbkdf2:1000", "form"},
        {"scrypt:0:8:5", "power of two"},
        {"scrypt:1:8:5", "power of two"},
        {"scrypt:16383:8:5", "power of two"},
        {"scrypt:16384:0:5", "zero"},
        {"scrypt:16384:8:0", "zero"},
        {"scrypt:32768:8:1", "32 MiB"},
        {"scrypt:2:999999999:1", "32 MiB"},
        {"scrypt:2:1:999999999", "32 MiB"},
        {"scrypt:536870912:1:1", "32 MiB"},
        {"scrypt:16384:8:500", "too long"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_kdf kdf = {7, 7, 7};
        struct ks_err err = {0};

        CHECK_RC(ks_kdf_parse(rows[i].text, &kdf, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, rows[i].why);
        CHECK(kdf.n == 7 && kdf.r == 7 && kdf.p == 7);
    }
}

static void huge_numbers_do_not_wrap(void)
{
    const struct ks_kdf wraps[] = {
        {UINT64_C(1) << 57, UINT64_C(1) << 57, 1},
        {2, UINT64_C(1) << 60, UINT64_C(1) << 60},
        {UINT64_C(1) << 63, 1, UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++)
        CHECK_RC(ks_kdf_check(&wraps[i], NULL), KS_E_INVALID);
}

static const struct test_case cases[] = {
    TEST_CASE(the_default_is_good),
    TEST_CASE(bounds_are_named),
    TEST_CASE(huge_numbers_do_not_wrap),
};
TEST_MAIN("store.kdf", cases)
