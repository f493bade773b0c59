/*
 * Serial numbers as people write them. Kept as octets, compared by memcmp in
 * an index, so a prefix of digits is one range of that index.
 */
#include "inventory.h"

#include <string.h>

void inv_serial_hex(const uint8_t *serial, size_t len, char out[KS_SERIAL_HEX])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    for (size_t i = 0; i < len && i < KS_SERIAL_MAX; i++) {
        out[n++] = digits[serial[i] >> 4];
        out[n++] = digits[serial[i] & 15];
    }
    out[n] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The least octet string above all that begin with the digits: one more in
 * the last digit, with its carry. Empty if there is none. */
static void upper_end(struct inv_serial_range *range, size_t n_digits)
{
    size_t at = (n_digits - 1) / 2;
    unsigned carry = n_digits % 2 == 0 ? 1 : 0x10;

    memcpy(range->below, range->from, sizeof(range->from));
    range->below_len = at + 1;
    for (;;) {
        unsigned sum = range->below[at] + carry;

        range->below[at] = (uint8_t)sum;
        carry = sum >> 8;
        if (carry == 0)
            return;
        if (at-- == 0)
            break;
    }
    range->below_len = 0;
}

ks_rc inv_serial_range(const char *hex, bool odd,
                       struct inv_serial_range *range, struct ks_err *err)
{
    size_t n = odd ? 1 : 0;

    memset(range, 0, sizeof(*range));
    for (const char *p = hex; *p != '\0'; p++) {
        int value = digit(*p);

        if (*p == ':')
            continue;
        if (value < 0)
            return ks_fail(err, KS_E_INVALID, "%.64s: not a serial number",
                           hex);
        if (n == 2 * INV_SERIAL_RANGE)
            return ks_fail(err, KS_E_INVALID,
                           "%.64s: longer than a serial number can be", hex);
        range->from[n / 2] |= (uint8_t)(n % 2 == 0 ? value << 4 : value);
        range->digits++;
        n++;
    }
    if (range->digits == 0)
        return ks_fail(err, KS_E_INVALID, "an empty serial number");
    range->from_len = (n + 1) / 2;
    upper_end(range, n);
    return KS_OK;
}
