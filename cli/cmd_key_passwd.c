/*
 * caadm key passwd: seals a key under a new secret.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "key_facts.h"
#include "ks_uri.h"
#include "out.h"

struct passwd_args {
    const char *passin;
    const char *passout;
};

static const struct opt opts[] = {
    {"passin", 0, OPT_TEXT, offsetof(struct passwd_args, passin), "SOURCE",
     "where the old secret comes from; default: as the backend says, else "
     "ask"},
    {"passout", 0, OPT_TEXT, offsetof(struct passwd_args, passout), "SOURCE",
     "where the new secret comes from, or random; default: ask"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* The old secret: --passin, else the URI's own source. *source may borrow from
 * PARSED; NULL leaves it to the provider. */
static ks_rc old_source(const struct ks_uri *parsed, const char **source,
                        struct ks_err *err)
{
    if (*source != NULL)
        return KS_OK;
    if (parsed->has_pin_value) {
        ks_hint(err, "--passin SOURCE takes it from elsewhere");
        return ks_fail(err, KS_E_INVALID,
                       "key: pin-value: cannot be used "
                       "here");
    }
    *source = parsed->pin_source;
    return KS_OK;
}

/* A token's PIN opens all that is on it, and only its own tools change it. */
static ks_rc refuse_token(const struct ca_env *env, const char *uri,
                          struct ks_err *err)
{
    const struct ks_section *section = ca_key_section(env, uri);
    const char *module = ks_section_get(section, "module");
    const char *token = ks_section_get(section, "token");

    if (!ca_key_on_token(env, uri))
        return KS_OK;
    ks_hint(err,
            "pkcs11-tool --module %s --token-label \"%s\" --login --change-pin "
            "changes the PIN",
            module != NULL ? module : "MODULE",
            token != NULL ? token : "TOKEN");
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: a key on a token has no passphrase; its token has a "
                   "PIN, for all of its keys",
                   uri);
}

/* What is sealed to keys has no passphrase that could be changed. */
static ks_rc refuse_sealed_to_keys(const struct ca_env *env, const char *uri,
                                   struct ks_err *err)
{
    struct ks_err ignored = {0};
    json_t *facts = NULL;
    ks_rc ignored_rc;
    const char *sealing;
    bool keys;

    key_facts_get(env, uri, &facts, &ignored_rc, &ignored);
    sealing = json_string_value(json_object_get(facts, "sealing"));
    keys = sealing != NULL && strcmp(sealing, "keys") == 0;
    json_decref(facts);
    if (!keys)
        return KS_OK;
    ks_hint(err,
            "caadm key reseal %.120s seals it anew; with --passout "
            "SOURCE under a passphrase",
            uri);
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: is sealed to other keys, it has no passphrase", uri);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct passwd_args *passwd = args->opts;
    const char *passin = passwd->passin;
    const char *passout = passwd->passout != NULL ? passwd->passout : "prompt";
    struct ca_reseal_spec spec = {.act = "key.passwd", .passout = passout};
    bool changed = false;
    struct ca_env env = {0};
    struct ks_uri parsed = {0};
    char *uri = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);

    if (rc == KS_OK)
        rc = cli_source_check(cli, "--passin", passin, err);
    if (rc == KS_OK)
        rc = cli_passphrase_check(cli, "--passout", passout, err);
    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_WRITE, NULL, &env, err);
    if (rc == KS_OK)
        rc = refuse_token(&env, uri, err);
    if (rc == KS_OK)
        rc = ks_uri_parse(args->argv[0], &parsed, err);
    if (rc == KS_OK)
        rc = old_source(&parsed, &passin, err);
    if (rc == KS_OK)
        rc = refuse_sealed_to_keys(&env, uri, err);
    spec.passin = passin;
    if (rc == KS_OK)
        rc = ca_key_reseal(&env, uri, &spec, &changed, err);
    if (rc == KS_OK)
        cli_note(cli, "sealed %s anew", uri);
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(
            cli, json_pack("{s:o}", "resealed", cli_json_text(uri)), err);
    ks_uri_clear(&parsed);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_passwd = {
    .noun = "key",
    .verb = "passwd",
    .summary = "Seal a key under a new secret",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct passwd_args),
    .run = run,
    .about = "At any moment either the old or the new secret opens the key. "
             "Where the backend has a passphrase line in caadm.conf, it is "
             "still tried when the key is loaded; --passin names the new one "
             "then.",
    .example = "caadm key passwd keystore://default/www --passout file:new.txt",
};
