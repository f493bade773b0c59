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
    const char *key_type;
    const char *passout;
    const char *label;
    const char *id;
    const char *usage;
    struct args_pins pins;
};

#define AT(member) offsetof(struct create_args, member)

static const struct opt opts[] = {
    {"key-type", 0, OPT_TEXT, AT(key_type), "TYPE",
     "such as rsa:3072, rsa-pss:3072, ec:P-256, ec:P-384, ec:P-521, ed25519, "
     "ed448, x25519, x448; default: ec:P-256"},
    {"passout", 0, OPT_TEXT, AT(passout), "SOURCE",
     "where its secret comes from; default: as the backend says"},
    {"key-label", 0, OPT_TEXT, AT(label), "LABEL",
     "its name, where URI names a backend only: keystore://hsm/"},
    {"key-id", 0, OPT_TEXT, AT(id), "HEX",
     "on a token: its CKA_ID; default: 16 random bytes"},
    {"usage", 0, OPT_TEXT, AT(usage), "WORDS",
     "on a token: what it may do, of sign,decrypt,derive; default: sign, or "
     "derive where its type can do nothing else"},
    {"user-pin", 0, OPT_TEXT, AT(pins.user), "SOURCE",
     "where the token's user PIN comes from; \"\": not from caadm.conf"},
    {"so-pin", 0, OPT_TEXT, AT(pins.so), "SOURCE",
     "where the security officer's PIN comes from, in its place"},
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

static ks_rc check(struct cli *cli, const struct create_args *create,
                   struct ca_key_spec *spec, struct ks_err *err)
{
    bool pin = create->pins.user != NULL || create->pins.so != NULL;
    ks_rc rc = KS_OK;

    if (create->passout != NULL && pin)
        return ks_fail(err, KS_E_INVALID,
                       "--passout, --user-pin: only one of them: a token's key "
                       "has a PIN, any other a passphrase");
    rc = cli_source_check(cli, "--passout", create->passout, err);
    if (rc == KS_OK && create->key_type != NULL)
        rc = ca_key_type_check(create->key_type, err);
    if (rc == KS_OK)
        rc = args_usage(cli, create->usage, spec->uri, err);
    if (rc == KS_OK)
        rc = args_pins(cli, &create->pins, spec->uri, &spec->pins, err);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct create_args *create = args->opts;
    struct ca_key_spec spec = {.type = create->key_type,
                               .passout = create->passout,
                               .usage = create->usage};
    struct ca_env env = {0};
    EVP_PKEY *pkey = NULL;
    char *uri = NULL, *name = NULL;
    ks_rc rc = args_uri_new(cli, "key", args->argv[0], create->label,
                            create->id, &uri, err);

    spec.uri = uri;
    if (rc == KS_OK)
        rc = ca_key_uri(uri, &name, err);
    if (rc == KS_OK)
        rc = check(cli, create, &spec, err);
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
