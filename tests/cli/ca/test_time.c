/*
 * Times as people write them.
 */
#include "ca.h"

#include <string.h>

#include "test.h"

#define BASE 1000000

static time_t parse(const char *text)
{
    struct ks_err err = {0};
    time_t when = -1;

    CHECK_OK(ca_time_parse(text, BASE, &when, &err), &err);
    return when;
}

static void durations_count_from_the_base(void)
{
    CHECK_INT(parse("90d"), BASE + 7776000);
    CHECK_INT(parse("12h"), BASE + 43200);
    CHECK_INT(parse("30m"), BASE + 1800);
    CHECK_INT(parse("1s"), BASE + 1);
    CHECK_INT(parse("2w"), BASE + 14 * 86400);
    CHECK_INT(parse("10y"), BASE + 10LL * 365 * 86400);
}

static void dates_are_utc_and_know_leap_years(void)
{
    CHECK_INT(parse("1970-01-01"), 0);
    CHECK_INT(parse("2000-02-29"), 951782400);
    CHECK_INT(parse("2050-01-01"), 2524608000);
    CHECK_INT(parse("9999-12-31T23:59:59Z"), 253402300799);
    CHECK_INT(parse("2024-02-29T12:00:00Z"), 1709208000);
    CHECK_INT(parse("2024-02-29T12:00:00.75z"), 1709208000);
    CHECK_INT(parse("2024-02-29T14:00:00+02:00"), 1709208000);
    CHECK_INT(parse("2024-02-29 07:30:00-04:30"), 1709208000);
}

static void what_is_no_time_is_refused_with_a_hint(void)
{
    static const char *const bad[] = {"",
                                      "d",
                                      "90",
                                      "-90d",
                                      "90 d",
                                      "90dd",
                                      "0d",
                                      "99999999999999999999d",
                                      "2000000y",
                                      "9.5d",
                                      "2023-02-29",
                                      "2100-02-29",
                                      "2024-13-01",
                                      "2024-00-01",
                                      "2024-01-00",
                                      "2024-01-32",
                                      "24-01-01",
                                      "2024-1-1",
                                      "2024/01/01",
                                      "1949-12-31",
                                      "2024-01-01T",
                                      "2024-01-01T12:00",
                                      "2024-01-01T12:00:00",
                                      "2024-01-01T24:00:00Z",
                                      "2024-01-01T12:60:00Z",
                                      "2024-01-01T12:00:60Z",
                                      "2024-01-01T12:00:00+2:00",
                                      "2024-01-01T12:00:00+24:00",
                                      "2024-01-01T12:00:00.Z",
                                      "2024-01-01T12:00:00Zx",
                                      "tomorrow",
                                      "\xff\xfe",
                                      "0x90d"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_err err = {0};
        time_t when = 7;

        CHECK_RC(ca_time_parse(bad[i], BASE, &when, &err), KS_E_INVALID);
        CHECK_INT(when, 7);
        CHECK(err.text[0] != '\0');
        CHECK_CONTAINS(err.hint, "90d");
    }
}

static const struct test_case cases[] = {
    TEST_CASE(durations_count_from_the_base),
    TEST_CASE(dates_are_utc_and_know_leap_years),
    TEST_CASE(what_is_no_time_is_refused_with_a_hint),
};
TEST_MAIN("ca.time", cases)
