/*
 * The modules that p11-kit is configured with. It is asked for their files
 * only: it maps them, initialises none, and lets go of them before we load
 * one ourselves.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <p11-kit/p11-kit.h>

#include "uri.h"

bool hsm_module_name_is(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    size_t len = strlen(name);

    /* RFC 7512, 2.3: neither path nor suffix, and no case. */
    if (strncmp(base, "lib", 3) == 0 && strncasecmp(name, "lib", 3) != 0)
        base += 3;
    return strncasecmp(base, name, len) == 0 &&
           (base[len] == '\0' || base[len] == '.');
}

static bool is_option(CK_FUNCTION_LIST *module, const char *option,
                      const char *value)
{
    char *set = p11_kit_config_option(module, option);
    bool is = set != NULL && strcmp(set, value) == 0;

    free(set);
    return is;
}

/* Certificates that the system trusts are no keys; and looking at that module
 * reads all of them. */
static bool is_trust(CK_FUNCTION_LIST *module)
{
    return is_option(module, "trust-policy", "yes");
}

static bool is_called(CK_FUNCTION_LIST *module, const char *path,
                      const char *name)
{
    char *own = p11_kit_module_get_name(module);
    bool is = (own != NULL && strcasecmp(own, name) == 0) ||
              hsm_module_name_is(path, name);

    free(own);
    return is;
}

ks_rc hsm_p11_kit_modules(const char *name,
                          ks_rc (*each)(void *arg, const char *path,
                                        struct ks_err *err),
                          void *arg, struct ks_err *err)
{
    /* NULL: p11-kit's own configuration is broken, or a critical module is.
     * There is none for us to use then. */
    CK_FUNCTION_LIST **modules =
        p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
    size_t i;
    ks_rc rc = KS_OK;

    for (i = 0; modules != NULL && modules[i] != NULL && rc == KS_OK; i++) {
        char *path = p11_kit_module_get_filename(modules[i]);

        if (path != NULL && !is_trust(modules[i]) &&
            (name == NULL || is_called(modules[i], path, name)))
            rc = each(arg, path, err);
        free(path);
    }
    if (modules != NULL)
        p11_kit_modules_release(modules);
    return rc;
}
