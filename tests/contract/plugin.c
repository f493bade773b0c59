/*
 * A backend from a shared object. What provider/plugin.c checks of it is
 * tests/provider/test_plugin's to see.
 */
#include "plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct ks_backend plugin;

__attribute__((constructor)) static void load(void)
{
    const char *path = getenv("CONTRACT_PLUGIN");
    void *handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const struct ks_backend *backend =
        handle != NULL ? dlsym(handle, KS_BACKEND_SYMBOL) : NULL;

    if (backend == NULL) {
        (void)fprintf(stderr, "CONTRACT_PLUGIN: %s\n",
                      path != NULL ? dlerror() : "is not set");
        abort();
    }
    plugin = *backend;
}
