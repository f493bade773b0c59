/*
 * The only list of built-in backends, so that store/ need not know them all.
 */
#include "backends.h"

#include <string.h>

static const struct ks_backend *const built_in[] = {
    &ks_file_backend,
};

const char prov_backend_types[] = "file";

const struct ks_backend *prov_backend_find(const char *type)
{
    size_t i;

    for (i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (strcmp(built_in[i]->type, type) == 0)
            return built_in[i];
    return NULL;
}
