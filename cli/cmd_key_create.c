/*
 * caadm key create: a new key in a backend.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "key_io.h"
#include "out.h"

struct create_args {
    struct args_new key;
};

static const struct opt opts[] = {
    {"key-type", 0, OPT_TEXT, offsetof(struct create_args, key.key_type),
     "TYPE",
     "such as rsa:3072, rsa-pss:3072, ec:P-256, ec:P-384, ec:P-521, ed25519, "
     "ed448, x25519, x448; default: ec:P-256"},
    {"passout", 0, OPT_TEXT, offsetof(struct create_args, key.passout),
     "SOURCE",
     "where its secret comes from, or random; default: as the backend says"},
    ARGS_NEW_ROWS(struct create_args, key),
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static ks_rc report(struct cli *cli, const struct ca_env *env, const char *uri,
                    EVP_PKEY *pkey, struct ks_err *err)
{
    json_t *object = NULL;
    ks_rc rc;

    if (!cli->globals.json) {
        char type[64] = "";

        ca_key_type_text(pkey, type, sizeof(type));
        cli_note(cli, "made %s, %s", uri, type);
        return KS_OK;
    }
    rc = key_io_json(env, uri, pkey, &object, err);
    if (rc == KS_OK)
        rc = cli_out_json(cli, json_pack("{s:o}", "key", object), err);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct create_args *create = args->opts;
    struct ca_key_spec spec = {0};
    struct ca_env env = {0};
    EVP_PKEY *pkey = NULL;
    char *uri = NULL, *name = NULL;
    ks_rc rc = args_new(cli, &create->key, args->argv[0], &spec, &uri, err);

    if (rc == KS_OK)
        rc = ca_key_uri(uri, &name, err);
    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_WRITE, NULL, &env, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = env.inv != NULL ? ca_key_create(&env, &spec, &pkey, err)
                             : ca_key_generate(&env, &spec, &pkey, err);
    if (rc == KS_OK)
        rc = report(cli, &env, name, pkey, err);
    EVP_PKEY_free(pkey);
    OPENSSL_free(name);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_create = {
    .noun = "key",
    .verb = "create",
    .summary = "Make a key in a backend",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct create_args),
    .run = run,
    .example = "caadm key create keystore://default/www --key-type ec:P-256",
};
