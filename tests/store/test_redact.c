/* store/base/redact.c */
#include <string.h>

#include "ks_uri.h"
#include "test.h"

static void pins_become_stars(void)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"keystore://d/k", "keystore://d/k"},
        {"keystore://d/k?pin-value=1234", "keystore://d/k?pin-value=***"},
        {"x?pin-value=1&2&type=public", "x?pin-value=***&type=public"},
        {"x?pin-value=1&pin-source=file:a",
         "x?pin-value=***&pin-source=file:a"},
        {"x?PIN-Value=1", "x?PIN-Value=***"},
        {"x?%70in%2dvalue=1", "x?%70in%2dvalue=***"},
        {"pin-value=1", "pin-value=***"},
        {"x?pin-value=", "x?pin-value=***"},
        {"x?pin-value=1&module-path=/a", "x?pin-value=***&module-path=/a"},
        {"x?pin-value=a#b", "x?pin-value=***"},
        {"x?pin-source=pass:sesame", "x?pin-source=pass:***"},
        {"x?pin-source=pass:a&b&type=cert", "x?pin-source=pass:***&type=cert"},
        {"x?Pin%2Dsource=p%61ss%3asesame", "x?Pin%2Dsource=p%61ss%3a***"},
        {"x?pin-source=file:pass:a", "x?pin-source=file:pass:a"},
        {"x?pin-source=pass", "x?pin-source=pass"},
        {"a\nb\x1b", "a?b?"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char shown[128];

        ks_uri_redact(rows[i].text, shown, sizeof(shown));
        CHECK_STR(shown, rows[i].shown);
    }
}

static void short_room_cuts_but_never_shows(void)
{
    char shown[40];

    for (size_t size = 1; size <= sizeof(shown); size++) {
        ks_uri_redact("keystore://d/k?pin-value=sesame", shown, size);
        CHECK(strlen(shown) < size);
        CHECK(strstr(shown, "s"
                            "e"
                            "s") == NULL);
    }
    shown[0] = 'G';
    ks_uri_redact("x", shown, 0);
    CHECK_INT(shown[0], 'G');
    ks_uri_redact(NULL, shown, sizeof(shown));
    CHECK_STR(shown, "");
}

static const struct test_case cases[] = {
    TEST_CASE(pins_become_stars),
    TEST_CASE(short_room_cuts_but_never_shows),
};
TEST_MAIN("store.redact", cases)
