/*
 * The things that a run of caadm holds.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cmd.h"
#include "evp.h"
#include "ks_inventory.h"

void cli_init(struct cli *cli, const struct opt_line *line)
{
    mode_t mask = cli->umask;

    *cli = (struct cli){.globals = line->globals, .umask = mask};
    if (line->cmd != NULL)
        snprintf(cli->what, sizeof(cli->what), "%s%s%s", line->cmd->noun,
                 line->cmd->verb[0] != '\0' ? " " : "", line->cmd->verb);
    cli->stdin_tty = isatty(STDIN_FILENO) == 1;
    cli->stdout_tty = isatty(STDOUT_FILENO) == 1;
    cli->stderr_tty = isatty(STDERR_FILENO) == 1;
}

void cli_clear(struct cli *cli)
{
    ks_inventory_close(cli->inventory);
    cli->inventory = NULL;
    cli_evp_close(cli);
    ks_config_close(cli->config);
    cli->config = NULL;
    OPENSSL_free(cli->config_path);
    cli->config_path = NULL;
}

/* CAADM_HOME from --home, below the working directory. */
static ks_rc home_config(const char *home, char **out, struct ks_err *err)
{
    char *path = NULL;

    if (home[0] == '\0')
        return ks_fail(err, KS_E_INVALID, "--home: empty");
    path = ks_path_below(home, "caadm.conf");
    if (path == NULL)
        return ks_fail(err, KS_E_NOMEM, "--home: out of memory");
    *out = path;
    return KS_OK;
}

ks_rc cli_config_path(struct cli *cli, const char **path, struct ks_err *err)
{
    char *found = NULL;
    ks_rc rc;

    if (cli->config_path == NULL) {
        if (cli->globals.config == NULL && cli->globals.home != NULL)
            rc = home_config(cli->globals.home, &found, err);
        else
            rc = ks_config_find(cli->globals.config, &found, err);
        if (rc != KS_OK)
            return rc;
        cli->config_path = found;
    }
    *path = cli->config_path;
    return KS_OK;
}

ks_rc cli_config(struct cli *cli, struct ks_config **config, struct ks_err *err)
{
    const char *path = NULL;
    ks_rc rc;

    if (cli->config == NULL) {
        rc = cli_config_path(cli, &path, err);
        if (rc != KS_OK)
            return rc;
        rc = ks_config_open(path, &cli->config, err);
        if (rc == KS_E_NOT_FOUND) {
            (void)ks_fail(err, rc, "%s: no such configuration", path);
            ks_hint(err, "caadm init makes one");
        }
        if (rc != KS_OK)
            return rc;
        /* The provider, in this process, is to read the same one. */
        if (setenv("CAADM_CONFIG", ks_config_path(cli->config), 1) != 0)
            return ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    }
    *config = cli->config;
    return KS_OK;
}
