/*
 * caadm backend check: opens a backend and reads every key in it.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "key_io.h"
#include "ks_uri.h"
#include "table.h"

struct check_args {
    bool secrets;
};

static const struct opt opts[] = {
    {"secrets", 0, OPT_FLAG, offsetof(struct check_args, secrets), NULL,
     "open the private keys too, with the backend's own secret"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"name", "BACKEND"},  {"keys", "KEYS"}, {"problems", "PROBLEMS"},
    {"status", "STATUS"}, {NULL, NULL},
};

struct check {
    struct cli *cli;
    struct ca_env env;
    bool secrets;
    json_int_t keys;
    json_int_t problems;
    struct cli_table table;
    bool bad; /* any backend */
};

static ks_rc check_key(void *arg, const char *uri, struct ks_err *err)
{
    struct check *check = arg;
    /* Our provider's keys, whether or not they may leave their backend. */
    struct ca_env wrapped = check->env;
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load_public(&check->env, uri, &pkey, &why);

    (void)err;
    EVP_PKEY_free(pkey);
    pkey = NULL;
    wrapped.propq = CLI_PROVIDER_PROPQ;
    if (rc == KS_OK && check->secrets)
        rc = ca_key_load(&wrapped, uri, &pkey, &why);
    EVP_PKEY_free(pkey);
    if (rc == KS_E_INTERRUPTED) {
        *err = why;
        return rc;
    }
    check->keys++;
    if (rc != KS_OK) {
        check->problems++;
        cli_warn(check->cli, "%s", why.text);
    }
    cli_progress(check->cli, "checking keys", (size_t)check->keys, 0);
    return KS_OK;
}

static ks_rc check_backend(struct check *check, const char *name,
                           struct ks_err *err)
{
    struct ks_err why = {0};
    char *uri = NULL;
    ks_rc rc = ks_uri_format(name, NULL, &uri);

    check->keys = 0;
    check->problems = 0;
    if (rc == KS_OK)
        rc = cli_key_each(check->cli, uri, check_key, check, &why);
    OPENSSL_free(uri);
    cli_progress_end();
    if (rc == KS_E_INTERRUPTED) {
        *err = why;
        return rc;
    }
    if (rc != KS_OK) {
        check->problems++;
        cli_warn(check->cli, "%s", why.text);
    }
    check->bad = check->bad || check->problems > 0;
    return cli_table_row(&check->table,
                         json_pack("{s:s, s:I, s:I, s:s}", "name", name, "keys",
                                   check->keys, "problems", check->problems,
                                   "status",
                                   check->problems == 0 ? "ok" : "problem"),
                         err);
}

static ks_rc check_all(struct check *check, const struct cmd_args *args,
                       struct ks_err *err)
{
    const struct ks_config *config = check->env.config;
    ks_rc rc = KS_OK;

    if (args->argc == 1 &&
        ks_config_section(config, KS_SECTION_BACKEND, args->argv[0]) == NULL) {
        ks_hint(err, "caadm backend list shows them");
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no such backend",
                       args->argv[0]);
    }
    if (args->argc == 1)
        return check_backend(check, args->argv[0], err);
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind == KS_SECTION_BACKEND)
            rc = check_backend(check, section->name, err);
    }
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct check_args *check_args = args->opts;
    struct check check = {.cli = cli, .secrets = check_args->secrets};
    ks_rc rc;

    cli_table_init(&check.table, cli, "backends", columns);
    rc = cli_env_keys(cli, KS_INVENTORY_READ, NULL, &check.env, err);
    if (rc == KS_OK)
        rc = check_all(&check, args, err);
    if (rc == KS_OK)
        rc = cli_table_end(&check.table, err);
    cli_table_clear(&check.table);
    if (rc == KS_OK && check.bad)
        rc = ks_fail(err, KS_E_VERIFY, "problems were found");
    return rc;
}

const struct cmd cmd_backend_check = {
    .noun = "backend",
    .verb = "check",
    .summary = "Open backends and read every key in them",
    .args = "[BACKEND]",
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct check_args),
    .run = run,
    .about = "Ends with exit code 6 if there is a problem.",
    .example = "caadm backend check default --secrets",
};
