/*
 * Prefixes of serials as ranges.
 */
#include "../../store/inventory/inventory.h"

#include <string.h>

#include "test.h"

static void check_range(const char *hex, bool odd, const char *from,
                        size_t from_len, const char *below, size_t below_len)
{
    struct inv_serial_range range;
    struct ks_err err = {0};

    CHECK_OK(inv_serial_range(hex, odd, &range, &err), &err);
    CHECK_BYTES(range.from, range.from_len, from, from_len);
    CHECK_BYTES(range.below, range.below_len, below, below_len);
}

static void a_prefix_is_a_range(void)
{
    check_range("3fa9", false, "\x3f\xa9", 2, "\x3f\xaa", 2);
    check_range("3fa", false, "\x3f\xa0", 2, "\x3f\xb0", 2);
    check_range("3ff", false, "\x3f\xf0", 2, "\x40\x00", 2);
    check_range("f", false, "\xf0", 1, "", 0);
    check_range("ffff", false, "\xff\xff", 2, "", 0);
    check_range("abc", true, "\x0a\xbc", 2, "\x0a\xbd", 2);
}

static void hex_is_lower_case_and_whole_octets(void)
{
    static const uint8_t serial[] = {0x0a, 0xbc};
    char text[KS_SERIAL_HEX];

    inv_serial_hex(serial, sizeof(serial), text);
    CHECK_STR(text, "0abc");
    inv_serial_hex(serial, 0, text);
    CHECK_STR(text, "");
}

static const struct test_case cases[] = {
    TEST_CASE(a_prefix_is_a_range),
    TEST_CASE(hex_is_lower_case_and_whole_octets),
};
TEST_MAIN("inventory.serial", cases)
