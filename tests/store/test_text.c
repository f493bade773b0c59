/* store/base/text.c */
#include "base/text.h"

#include <string.h>

#include "test.h"

static void good_utf8_is_good_to_its_end(void)
{
    static const char *const texts[] = {
        "", "abc", "Zürich", "日本語", "\xf0\x9f\x94\x91", "\xf4\x8f\xbf\xbf",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_INT(ks_text_good(texts[i], strlen(texts[i])), strlen(texts[i]));
}

/* Overlong forms, surrogates, beyond U+10FFFF, cut short, controls. */
static void bad_utf8_and_controls_are_found_where_they_are(void)
{
    static const char *const texts[] = {
        "ab\x01",
        "ab\x7f",
        "ab\n",
        "ab\xc2\x85",
        "ab\x80",
        "ab\xc0\xaf",
        "ab\xc1\xbf",
        "ab\xe0\x9f\xbf",
        "ab\xed\xa0\x80",
        "ab\xf0\x8f\xbf\xbf",
        "ab\xf4\x90\x80\x80",
        "ab\xf5\x80\x80\x80",
        "ab\xff",
        "ab\xe2\x82",
        "ab\xe2\x28\xa1",
        "ab\xf0\x9f\x94",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_INT(ks_text_good(texts[i], strlen(texts[i])), 2);
    CHECK_INT(ks_text_good("a\0b", 3), 1);
}

static void bytes_beyond_the_length_are_not_read(void)
{
    static const char cut[2] = {'a', '\xe2'};

    CHECK_INT(ks_text_good(cut, sizeof(cut)), 1);
}

static void percent_encoding_is_undone(void)
{
    char out[32];
    size_t len;

    REQUIRE(ks_percent_decode("a%2Fb%c3%BC%%25", 13, out, &len) == false);
    REQUIRE(ks_percent_decode("a%2Fb%c3%BC%25", 14, out, &len));
    CHECK_STR(out, "a/bü%");
    REQUIRE(ks_percent_decode("%00x", 4, out, &len));
    CHECK_BYTES(out, len, "\0x", 2);
}

static void broken_escapes_are_refused(void)
{
    static const char *const texts[] = {"%",   "a%",  "a%4", "%zz",
                                        "%4g", "% 1", "%%41"};
    char out[32];
    size_t len;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK(!ks_percent_decode(texts[i], strlen(texts[i]), out, &len));
    CHECK(!ks_percent_decode("%41", 2, out, &len));
}

static void encoding_keeps_what_it_is_told(void)
{
    char out[64];
    size_t used = 0;

    REQUIRE(ks_percent_encode("a/b c%ü", "/", out, sizeof(out), &used));
    CHECK_STR(out, "a/b%20c%25%C3%BC");
    CHECK_INT(used, strlen(out));
}

static void encoding_stops_at_the_end_of_the_room(void)
{
    char out[12];

    for (size_t size = 0; size < 8; size++) {
        size_t used = 0;

        memset(out, 'G', sizeof(out));
        CHECK(!ks_percent_encode("/////", "", out, size, &used));
        CHECK_INT(out[size], 'G');
    }
}

static const struct test_case cases[] = {
    TEST_CASE(good_utf8_is_good_to_its_end),
    TEST_CASE(bad_utf8_and_controls_are_found_where_they_are),
    TEST_CASE(bytes_beyond_the_length_are_not_read),
    TEST_CASE(percent_encoding_is_undone),
    TEST_CASE(broken_escapes_are_refused),
    TEST_CASE(encoding_keeps_what_it_is_told),
    TEST_CASE(encoding_stops_at_the_end_of_the_room),
};
TEST_MAIN("store.text", cases)
