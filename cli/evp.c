/*
 * The library context of caadm, and finding the module.
 */
#include "evp.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

/* Folder of the running program, without a slash at its end. */
static bool program_folder(char out[static PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
    char *slash;

    if (len <= 0)
        return false;
    out[len] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return true;
}

ks_rc cli_module_folder(size_t index, char **out)
{
    /* Beside the program in a build, then in an installed tree that was
     * moved, then where it was to be installed, then libcrypto's own. */
    static const char *const relative[] = {
        "../modules",
        CAADM_MODULESDIR_FROM_BIN,
    };
    static const char *const fixed[] = {CAADM_MODULESDIR,
                                        CAADM_OPENSSL_MODULESDIR};
    enum {
        N = sizeof(relative) / sizeof(relative[0])
    };
    char folder[PATH_MAX];
    char *path;

    if (index < N) {
        if (!program_folder(folder))
            folder[0] = '\0';
        path = ks_path_below(folder, relative[index]);
    } else if (index - N < sizeof(fixed) / sizeof(fixed[0])) {
        path = OPENSSL_strdup(fixed[index - N]);
    } else {
        return KS_E_NOT_FOUND;
    }
    if (path == NULL)
        return KS_E_NOMEM;
    *out = path;
    return KS_OK;
}

/* The module in the first folder that has one. */
static ks_rc find_module(char **folder, char **module, struct ks_err *err)
{
    ks_rc rc;
    char *path = NULL;
    char *file = NULL;

    for (size_t i = 0; (rc = cli_module_folder(i, &path)) == KS_OK; i++) {
        file = ks_path_below(path, "keystore.so");
        if (file == NULL) {
            OPENSSL_free(path);
            return ks_fail(err, KS_E_NOMEM, "keystore.so: out of memory");
        }
        if (access(file, R_OK) == 0) {
            *folder = path;
            *module = file;
            return KS_OK;
        }
        OPENSSL_free(file);
        OPENSSL_free(path);
    }
    if (rc == KS_E_NOT_FOUND) {
        rc = KS_E_CONFIG;
        ks_hint(err, "caadm doctor lists the places it was looked for");
    }
    return ks_fail(err, rc, "keystore.so: provider module not found");
}

static ks_rc load_providers(struct cli *cli, struct ks_err *err)
{
    char *folder = NULL;
    ks_rc rc = find_module(&folder, &cli->module_path, err);

    if (rc != KS_OK)
        return rc;
    ERR_clear_error();
    if (OSSL_PROVIDER_set_default_search_path(NULL, folder) != 1) {
        rc = ca_crypto_fail(KS_E_CONFIG, cli->module_path, err);
        goto out;
    }
    cli->default_provider = OSSL_PROVIDER_load(NULL, "default");
    if (cli->default_provider == NULL) {
        rc = ca_crypto_fail(KS_E_CONFIG, "provider default", err);
        goto out;
    }
    cli->keystore_provider = OSSL_PROVIDER_load(NULL, CLI_PROVIDER);
    if (cli->keystore_provider == NULL) {
        ks_hint(err, "built for another OpenSSL? caadm doctor tells more");
        rc = ca_crypto_fail(KS_E_CONFIG, cli->module_path, err);
        goto out;
    }
    rc = KS_OK;
out:
    OPENSSL_free(folder);
    return rc;
}

ks_rc cli_evp(struct cli *cli, struct ks_err *err)
{
    struct ks_config *config = NULL;
    ks_rc rc;

    if (cli->keystore_provider != NULL)
        return KS_OK;
    /* The provider reads the configuration that cli_config points to. */
    rc = cli_config(cli, &config, err);
    if (rc != KS_OK)
        return rc;
    cli_evp_close(cli);
    rc = load_providers(cli, err);
    if (rc != KS_OK)
        cli_evp_close(cli);
    return rc;
}

void cli_evp_close(struct cli *cli)
{
    if (cli->keystore_provider != NULL)
        (void)OSSL_PROVIDER_unload(cli->keystore_provider);
    if (cli->default_provider != NULL)
        (void)OSSL_PROVIDER_unload(cli->default_provider);
    OPENSSL_free(cli->module_path);
    cli->keystore_provider = NULL;
    cli->default_provider = NULL;
    cli->module_path = NULL;
}
