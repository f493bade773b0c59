/*
 * Loading a library at its first call.
 */
#include "delayed.h"

#include <dlfcn.h>
#include <stdio.h>

void delayed_load(struct library *library)
{
    const char *why;

    library->handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
    if (library->handle != NULL)
        return;
    why = dlerror();
    (void)snprintf(library->why, sizeof(library->why), "%s",
                   why != NULL ? why : library->name);
}

void *delayed_find(struct library *library, void (*load)(void),
                   const char *name, void *_Atomic *kept)
{
    void *function = atomic_load(kept);

    if (function != NULL)
        return function;
    (void)pthread_once(&library->once, load);
    if (library->handle != NULL)
        function = dlsym(library->handle, name);
    atomic_store(kept, function);
    return function;
}
