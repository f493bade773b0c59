/*
 * Which caadm.conf it is, and paths that are relative to it.
 */
#include "ks_config.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define SYSTEM_CONFIG "/etc/caadm/caadm.conf"

/* NULL if NAME is unset or empty. */
static const char *environment(const char *name)
{
    const char *value = secure_getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* The person's own configuration, by the XDG base directory specification:
 * a relative XDG_CONFIG_HOME is as good as none. NULL: no home either. */
static ks_rc find_personal(char **out, struct ks_err *err)
{
    const char *base = environment("XDG_CONFIG_HOME");

    if (base != NULL && base[0] == '/') {
        *out = ks_path_below(base, "caadm/caadm.conf");
        return *out != NULL ? KS_OK : KS_E_NOMEM;
    }
    base = environment("HOME");
    if (base == NULL) {
        ks_hint(err, "set CAADM_HOME or CAADM_CONFIG");
        return ks_fail(err, KS_E_NOT_FOUND,
                       "no configuration: " SYSTEM_CONFIG
                       " does not exist and HOME is not set");
    }
    *out = ks_path_below(base, ".config/caadm/caadm.conf");
    return *out != NULL ? KS_OK : KS_E_NOMEM;
}

ks_rc ks_config_find(const char *path, char **out, struct ks_err *err)
{
    const char *home;

    *out = NULL;
    if (path == NULL)
        path = environment("CAADM_CONFIG");
    if (path != NULL) {
        *out = OPENSSL_strdup(path);
        return *out != NULL ? KS_OK : KS_E_NOMEM;
    }
    home = environment("CAADM_HOME");
    if (home != NULL) {
        *out = ks_path_below(home, "caadm.conf");
        return *out != NULL ? KS_OK : KS_E_NOMEM;
    }
    if (access(SYSTEM_CONFIG, F_OK) == 0) {
        *out = OPENSSL_strdup(SYSTEM_CONFIG);
        return *out != NULL ? KS_OK : KS_E_NOMEM;
    }
    return find_personal(out, err);
}
