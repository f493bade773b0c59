/*
 * One setting among those of a section.
 */
#include "ks_config.h"

#include <string.h>

const char *ks_setting_get(const struct ks_setting *settings, size_t n,
                           const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(settings[i].key, key) == 0)
            return settings[i].value;
    return NULL;
}
