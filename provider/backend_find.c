/*
 * Looking through the list of backends.
 */
#include <string.h>
#include <strings.h>

#include "backends.h"

const struct ks_backend *prov_backend_find(const char *type)
{
    const struct ks_backend *const *at;

    for (at = prov_backends; *at != NULL; at++)
        if (strcmp((*at)->type, type) == 0)
            return *at;
    return NULL;
}

const struct ks_backend *prov_backend_of_uri(const char *uri)
{
    const struct ks_backend *const *at;

    for (at = prov_backends; *at != NULL; at++) {
        size_t len = (*at)->scheme != NULL ? strlen((*at)->scheme) : 0;

        if (len > 0 && strncasecmp(uri, (*at)->scheme, len) == 0 &&
            uri[len] == ':')
            return *at;
    }
    return NULL;
}
