/*
 * Text that comes from outside: UTF-8 and percent encoding.
 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* RFC 3629, 4: first byte, how many follow, and the range of the second. */
static const struct {
    uint8_t first_low, first_high, follow, second_low, second_high;
} utf8_rows[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f},
    {0xee, 0xef, 2, 0x80, 0xbf}, {0xf0, 0xf0, 3, 0x90, 0xbf},
    {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

/* The length of the character at TEXT; 0 if it is none that may stand in a
 * text: broken, or a control character of ASCII or of Latin 1. */
static size_t character_len(const uint8_t *text, size_t len)
{
    uint8_t first = text[0];

    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    for (size_t i = 0; i < sizeof(utf8_rows) / sizeof(utf8_rows[0]); i++) {
        size_t follow = utf8_rows[i].follow;

        if (first < utf8_rows[i].first_low || first > utf8_rows[i].first_high)
            continue;
        if (len <= follow || text[1] < utf8_rows[i].second_low ||
            text[1] > utf8_rows[i].second_high)
            return 0;
        if (first == 0xc2 && text[1] < 0xa0)
            return 0; /* U+0080 to U+009F: C1 controls */
        for (size_t j = 2; j <= follow; j++)
            if ((text[j] & 0xc0) != 0x80)
                return 0;
        return follow + 1;
    }
    return 0;
}

size_t ks_text_good(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t done = 0;

    while (done < len) {
        size_t step = character_len(bytes + done, len - done);

        if (step == 0)
            break;
        done += step;
    }
    return done;
}

int ks_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ks_percent_decode(const char *text, size_t len, char *out, size_t *out_len)
{
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        int high, low;

        if (text[i] != '%') {
            out[used++] = text[i];
            continue;
        }
        if (len - i < 3)
            return false;
        high = ks_hex_digit(text[i + 1]);
        low = ks_hex_digit(text[i + 2]);
        if (high < 0 || low < 0)
            return false;
        out[used++] = (char)(high * 16 + low);
        i += 2;
    }
    out[used] = '\0';
    *out_len = used;
    return true;
}

static bool is_kept(char c, const char *keep)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr(keep, c) != NULL);
}

bool ks_percent_encode(const char *text, const char *keep, char *out,
                       size_t size, size_t *used)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t at = *used;

    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;
        bool kept = is_kept(*text, keep);
        size_t need = kept ? 1 : 3;

        if (size <= need || at >= size - need)
            return false;
        if (kept) {
            out[at++] = *text;
            continue;
        }
        out[at++] = '%';
        out[at++] = digits[byte >> 4];
        out[at++] = digits[byte & 15];
    }
    if (at >= size)
        return false;
    out[at] = '\0';
    *used = at;
    return true;
}
