/*
 * The inventory and the CA library, made ready for a command.
 */
#include "env.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "evp.h"
#include "out.h"

static ks_rc settle(struct cli *cli, const struct ca_env *env,
                    struct ks_err *err)
{
    struct ca_settled settled = {0};
    ks_rc rc = ca_settle(env, &settled, err);

    for (size_t i = 0; rc == KS_OK && i < settled.notes.n; i++)
        cli_note(cli, "settled: %s", settled.notes.items[i]);
    ca_settled_clear(&settled);
    return rc;
}

static ks_rc env_keys(struct cli *cli, const char *passin, struct ca_env *env,
                      struct ks_err *err)
{
    ks_rc rc = cli_source_check(cli, "--passin", passin, err);

    if (rc != KS_OK)
        return rc;
    rc = cli_evp(cli, err);
    if (rc != KS_OK)
        return rc;
    rc = cli_ask_read_once("--passin", "passphrase", &passin, err);
    if (rc != KS_OK)
        return rc;
    env->passin = passin;
    env->interrupted = cli_interrupted;
    env->ui = cli_ask_method();
    if (env->ui == NULL)
        return ks_fail(err, KS_E_NOMEM, "libcrypto: out of memory");
    env->ui_data = cli_ask_data(cli, passin);
    return KS_OK;
}

static ks_rc open_inventory(struct cli *cli, const struct ks_config *config,
                            enum ks_inventory_mode mode, struct ks_err *err)
{
    if (cli->inventory != NULL)
        return KS_OK;
    return ks_inventory_open(ks_config_database(config), mode, &cli->inventory,
                             err);
}

/* Who can write the home can put other keys and another inventory there. */
static void warn_of_open_home(const struct cli *cli,
                              const struct ks_config *config)
{
    const char *folder = ks_config_dir(config);
    struct stat st;

    if (stat(folder, &st) == 0 && (st.st_mode & 022) != 0)
        cli_warn(cli, "%s can be changed by others; chmod go-w closes it",
                 folder);
}

ks_rc cli_env_open(struct cli *cli, enum ks_inventory_mode mode, bool with_keys,
                   const char *passin, struct ca_env *env, struct ks_err *err)
{
    struct ks_config *config = NULL;
    ks_rc rc = cli_config(cli, &config, err);

    *env = (struct ca_env){0};
    if (rc != KS_OK)
        return rc;
    env->config = config;
    warn_of_open_home(cli, config);
    rc = open_inventory(cli, config, mode, err);
    if (rc != KS_OK)
        return rc;
    env->inv = cli->inventory;
    if (with_keys) {
        rc = env_keys(cli, passin, env, err);
        if (rc != KS_OK)
            return rc;
    }
    if (mode != KS_INVENTORY_READ && with_keys)
        rc = settle(cli, env, err);
    return rc;
}

ks_rc cli_env_keys(struct cli *cli, enum ks_inventory_mode mode,
                   const char *passin, struct ca_env *env, struct ks_err *err)
{
    struct ks_config *config = NULL;
    struct ks_err why = {0};
    ks_rc rc = cli_config(cli, &config, err);

    *env = (struct ca_env){0};
    if (rc != KS_OK)
        return rc;
    env->config = config;
    warn_of_open_home(cli, config);
    rc = open_inventory(cli, config, mode, &why);
    if (rc != KS_OK && rc != KS_E_NOT_FOUND) {
        *err = why;
        return rc;
    }
    env->inv = cli->inventory;
    rc = env_keys(cli, passin, env, err);
    if (rc == KS_OK && env->inv != NULL && mode != KS_INVENTORY_READ)
        rc = settle(cli, env, err);
    return rc;
}

ks_rc cli_audit(struct ks_inventory *inv, const char *act, const char *object,
                struct ks_err *err)
{
    char actor[64];

    if (inv == NULL)
        return KS_OK;
    snprintf(actor, sizeof(actor), "uid %lu", (unsigned long)getuid());
    return ks_audit_add(inv, 0, actor, act, object, NULL, err);
}
