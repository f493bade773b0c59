/*
 * Durations and points in time as people write them. UTC only; leap seconds
 * do not exist here, as in RFC 5280.
 */
#include "ca.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400)
#define DURATION_MAX (INT64_C(10000) * 365 * DAY)

static const struct {
    char unit;
    int64_t seconds;
} units[] = {
    {'s', 1},   {'m', 60},      {'h', 3600},
    {'d', DAY}, {'w', 7 * DAY}, {'y', 365 * DAY},
};

static int64_t unit_seconds(char unit)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit == unit)
            return units[i].seconds;
    }
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

ks_rc ca_duration_parse(const char *text, int64_t *seconds, struct ks_err *err)
{
    const char *p = text;
    int64_t number = 0, unit;

    while (is_digit(*p) && number <= DURATION_MAX)
        number = number * 10 + (*p++ - '0');
    unit = p != text && *p != '\0' && p[1] == '\0' ? unit_seconds(*p) : 0;
    if (unit == 0) {
        ks_hint(err, "a number and one of s, m, h, d, w, y: \"90d\"");
        return ks_fail(err, KS_E_INVALID, "%.40s: not a length of time", text);
    }
    if (number == 0)
        return ks_fail(err, KS_E_INVALID, "%.40s: no time at all", text);
    if (number > DURATION_MAX / unit)
        return ks_fail(err, KS_E_INVALID, "%.40s: longer than 10000 years",
                       text);
    *seconds = number * unit;
    return KS_OK;
}

/* N digits at *p as a number; moves *p. -1 if they are not there. */
static int take_number(const char **p, int n)
{
    int value = 0;

    for (; n > 0; n--, (*p)++) {
        if (!is_digit(**p))
            return -1;
        value = value * 10 + (**p - '0');
    }
    return value;
}

static bool take_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **p, struct tm *tm)
{
    int year = take_number(p, 4);
    int month = take_char(p, '-') ? take_number(p, 2) : -1;
    int day = take_char(p, '-') ? take_number(p, 2) : -1;

    if (year < 1950 || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

static bool take_clock(const char **p, struct tm *tm)
{
    int hour = take_number(p, 2);
    int minute = take_char(p, ':') ? take_number(p, 2) : -1;
    int second = take_char(p, ':') ? take_number(p, 2) : -1;

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59)
        return false;
    tm->tm_hour = hour;
    tm->tm_min = minute;
    tm->tm_sec = second;
    if (take_char(p, '.')) { /* a fraction is dropped: X.509 has none */
        if (!is_digit(**p))
            return false;
        while (is_digit(**p))
            (*p)++;
    }
    return true;
}

/* "Z", "+02:00": RFC 3339, 5.6. */
static bool take_zone(const char **p, int *offset)
{
    int sign, hours, minutes;

    *offset = 0;
    if (take_char(p, 'Z') || take_char(p, 'z'))
        return true;
    sign = take_char(p, '+') ? 1 : take_char(p, '-') ? -1 : 0;
    if (sign == 0)
        return false;
    hours = take_number(p, 2);
    minutes = take_char(p, ':') ? take_number(p, 2) : -1;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

ks_rc ca_time_parse(const char *text, time_t base, time_t *out,
                    struct ks_err *err)
{
    struct ks_err ignored = {0};
    struct tm tm = {0};
    const char *p = text;
    int64_t seconds = 0;
    int offset = 0;

    if (ca_duration_parse(text, &seconds, &ignored) == KS_OK) {
        *out = base + (time_t)seconds;
        return KS_OK;
    }
    if (take_date(&p, &tm) &&
        (*p == '\0' ||
         ((take_char(&p, 'T') || take_char(&p, 't') || take_char(&p, ' ')) &&
          take_clock(&p, &tm) && take_zone(&p, &offset) && *p == '\0'))) {
        *out = timegm(&tm) - offset;
        return KS_OK;
    }
    ks_hint(err, "\"90d\", \"2030-01-31\" or \"2030-01-31T12:00:00Z\"");
    return ks_fail(err, KS_E_INVALID, "%.40s: not a time", text);
}
