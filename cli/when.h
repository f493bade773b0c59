/*
 * Times as people and programs read them: UTC, always.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <time.h>

#include <jansson.h>

#define CLI_WHEN_MAX 40

/* "2027-02-19T10:00:00Z" */
void cli_when(time_t when, char out[static CLI_WHEN_MAX]);
/* "in 89 days", "3 hours ago" */
void cli_when_far(time_t when, time_t now, char out[static CLI_WHEN_MAX]);
/* As a JSON string; null for 0. */
json_t *cli_json_time(time_t when);

#endif
