/*
 * Times and durations: nothing overflows, nothing is half read.
 */
#include <stdlib.h>
#include <string.h>

#include "ca.h"
#include "fuzz.h"

#define YEAR_9999_END INT64_C(253402387199) /* at the farthest offset */
#define YEAR_1950 INT64_C(-631238400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_err err = {0};
    int64_t seconds = 0;
    time_t when = 0;
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (ca_duration_parse(text, &seconds, &err) == KS_OK) {
        if (seconds <= 0)
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    } else if (ca_time_parse(text, 0, &when, NULL) == KS_OK &&
               (when < YEAR_1950 || when > YEAR_9999_END)) {
        abort();
    }
    free(text);
    return 0;
}
