/* cli/when.c */
#include "when.h"

#include "test.h"

static void times_are_utc(void)
{
    char text[CLI_WHEN_MAX];

    cli_when(0, text);
    CHECK_STR(text, "1970-01-01T00:00:00Z");
    cli_when((time_t)253402300799, text);
    CHECK_STR(text, "9999-12-31T23:59:59Z");
    cli_when((time_t)INT64_MAX, text);
    CHECK_CONTAINS(text, "@9223372036854775807");
}

static void distances_are_told_in_the_largest_unit(void)
{
    static const struct {
        long long far;
        const char *text;
    } rows[] = {
        {0, "in 0 seconds"},   {1, "in 1 second"},
        {59, "in 59 seconds"}, {60, "in 1 minute"},
        {7200, "in 2 hours"},  {86399, "in 23 hours"},
        {86400, "in 1 day"},   {86400 * 90, "in 90 days"},
        {-1, "1 second ago"},  {-86400 * 3, "3 days ago"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[CLI_WHEN_MAX];

        cli_when_far((time_t)(1000000000 + rows[i].far), 1000000000, text);
        CHECK_STR(text, rows[i].text);
    }
}

static void no_time_is_null(void)
{
    json_t *none = cli_json_time(0);
    json_t *some = cli_json_time(1);

    CHECK(json_is_null(none));
    CHECK_STR(json_string_value(some), "1970-01-01T00:00:01Z");
    json_decref(none);
    json_decref(some);
}

static const struct test_case cases[] = {
    TEST_CASE(times_are_utc),
    TEST_CASE(distances_are_told_in_the_largest_unit),
    TEST_CASE(no_time_is_null),
};

TEST_MAIN("cli.when", cases)
