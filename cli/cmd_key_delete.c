/*
 * caadm key delete: a key is gone for ever.
 */
#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "ks_uri.h"
#include "out.h"

struct delete_args {
    bool yes;
    bool force;
    struct args_pins pins;
};

static const struct opt opts[] = {
    {"yes", 0, OPT_FLAG, offsetof(struct delete_args, yes), NULL, "do not ask"},
    {"force", 0, OPT_FLAG, offsetof(struct delete_args, force), NULL,
     "do not ask, even if a CA uses the key or keys are sealed to it"},
    ARGS_PIN_ROWS(struct delete_args, pins, ARGS_PIN_HELP),
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* The person types the key's own name. */
static ks_rc confirm(const struct cli *cli, const char *uri, struct ks_err *err)
{
    struct ks_uri parsed = {0};
    char question[512];
    ks_rc rc = KS_OK;

    (void)snprintf(question, sizeof(question), "%.400s will be gone for ever",
                   uri);
    if (ca_key_uri_is_pkcs11(uri)) /* which has no other name */
        return cli_confirm(cli, question, uri, err);
    rc = ks_uri_parse(uri, &parsed, err);
    if (rc == KS_OK)
        rc = cli_confirm(cli, question, parsed.key, err);
    ks_uri_clear(&parsed);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct delete_args *delete_args = args->opts;
    struct ca_env env = {0};
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    char *uri = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);

    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_WRITE, NULL, &env, err);
    if (rc == KS_OK)
        rc = args_pins(cli, &delete_args->pins, args->argv[0], &env.pins, err);
    if (rc == KS_OK && !delete_args->yes && !delete_args->force) {
        rc = ca_key_load_public(&env, uri, &pkey, &why);
        /* What is damaged may be deleted, too. */
        if (rc == KS_OK || rc == KS_E_DAMAGED)
            rc = confirm(cli, uri, err);
        else
            *err = why;
    }
    if (rc == KS_OK)
        rc = ca_key_delete(&env, args->argv[0], delete_args->force, err);
    if (rc == KS_OK)
        cli_note(cli, "deleted %s", uri);
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(
            cli, json_pack("{s:o}", "deleted", cli_json_text(uri)), err);
    EVP_PKEY_free(pkey);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_delete = {
    .noun = "key",
    .verb = "delete",
    .summary = "Delete a key for ever",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct delete_args),
    .run = run,
    .about = "On a terminal the key's name must be typed. A key that a CA "
             "uses, or that the keys of a backend are sealed to (seal_to), is "
             "not deleted without --force.",
    .example = "caadm key delete keystore://default/www",
};
