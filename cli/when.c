/*
 * Times in output.
 */
#include "when.h"

#include <stdio.h>

void cli_when(time_t when, char out[static CLI_WHEN_MAX])
{
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL ||
        strftime(out, CLI_WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, CLI_WHEN_MAX, "@%lld", (long long)when);
}

void cli_when_far(time_t when, time_t now, char out[static CLI_WHEN_MAX])
{
    static const struct {
        long long seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    long long far = when >= now ? (long long)when - now : (long long)now - when;
    size_t i = 0;

    while (i < sizeof(units) / sizeof(units[0]) - 1 && far < units[i].seconds)
        i++;
    far /= units[i].seconds;
    snprintf(out, CLI_WHEN_MAX, "%s%lld %s%s%s", when >= now ? "in " : "", far,
             units[i].name, far == 1 ? "" : "s", when >= now ? "" : " ago");
}

json_t *cli_json_time(time_t when)
{
    char text[CLI_WHEN_MAX];

    if (when == 0)
        return json_null();
    cli_when(when, text);
    return json_string(text);
}
