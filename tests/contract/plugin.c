/*
 * A backend from a shared object. What provider/plugin.c checks of it is
 * tests/provider/test_plugin's to see.
 */
#include "plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tmpdir.h"

#define SETTINGS_MAX 32

struct ks_backend plugin;

static struct ks_setting settings[SETTINGS_MAX];
static size_t n_settings;

/* Cuts TEXT into settings. */
static void read_settings(char *text)
{
    char *rest = NULL;
    char *word = strtok_r(text, " ", &rest);

    for (; word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');

        if (equals == NULL || n_settings == SETTINGS_MAX) {
            (void)fprintf(stderr, "CONTRACT_SETTINGS: %s\n", word);
            abort();
        }
        *equals = '\0';
        settings[n_settings++] = (struct ks_setting){word, equals + 1};
    }
}

__attribute__((constructor)) static void load(void)
{
    const char *path = getenv("CONTRACT_PLUGIN");
    const char *given = getenv("CONTRACT_SETTINGS");
    void *handle = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    const struct ks_backend *backend =
        handle != NULL ? dlsym(handle, KS_BACKEND_SYMBOL) : NULL;

    if (backend == NULL || backend->abi != KS_BACKEND_ABI) {
        (void)fprintf(stderr, "CONTRACT_PLUGIN: %s\n",
                      backend != NULL ? "is of another version"
                      : path != NULL  ? dlerror()
                                      : "is not set");
        abort();
    }
    plugin = *backend;
    if (given != NULL)
        read_settings(strdup(given)); /* stays to the end */
}

void plugin_settle(struct ks_backend_env *env)
{
    if (getenv("CONTRACT_SETTINGS") == NULL)
        return;
    env->settings = settings;
    env->n_settings = n_settings;
}

bool plugin_damage(const char *name)
{
    const char *command = getenv("CONTRACT_DAMAGE");
    char line[4096];

    if (command == NULL)
        return false;
    (void)snprintf(line, sizeof(line), "cd '%s' && { %s\n}", test_dir(),
                   command);
    if (setenv("KEY", name, 1) != 0 || system(line) != 0) {
        (void)fprintf(stderr, "CONTRACT_DAMAGE: %s\n", command);
        abort();
    }
    return true;
}
