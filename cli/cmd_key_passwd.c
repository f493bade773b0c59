/*
 * caadm key passwd: seals a key under a new secret.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "ks_uri.h"
#include "out.h"

/* Of EVP_PKEY_set_params: where the new and the old secret come from. */
#define PARAM_RESEAL "keystore-reseal"
#define PARAM_PASSIN "keystore-passin"

struct passwd_args {
    const char *passin;
    const char *passout;
};

static const struct opt opts[] = {
    {"passin", 0, OPT_TEXT, offsetof(struct passwd_args, passin), "SOURCE",
     "where the old secret comes from; default: as the backend says, else "
     "ask"},
    {"passout", 0, OPT_TEXT, offsetof(struct passwd_args, passout), "SOURCE",
     "where the new secret comes from; default: ask"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* The old secret: --passin, else the URI's own source, else the backend's,
 * else it is asked for. *source may borrow from PARSED. */
static ks_rc old_source(const struct ca_env *env, const struct ks_uri *parsed,
                        const char **source, struct ks_err *err)
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
    if (*source == NULL &&
        ks_section_get(
            ks_config_section(env->config, KS_SECTION_BACKEND, parsed->backend),
            "passphrase") == NULL)
        *source = "prompt";
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

static ks_rc reseal(const struct ca_env *env, const char *uri,
                    const char *passin, const char *passout, struct ks_err *err)
{
    struct ca_env keys = *env;
    OSSL_PARAM params[3];
    size_t n = 0;
    EVP_PKEY *pkey = NULL;
    ks_rc rc;

    keys.propq = CLI_PROVIDER_PROPQ;
    rc = ca_key_load_public(&keys, uri, &pkey, err);
    if (rc != KS_OK)
        return rc;
    params[n++] =
        OSSL_PARAM_construct_utf8_string(PARAM_RESEAL, (char *)passout, 0);
    if (passin != NULL)
        params[n++] =
            OSSL_PARAM_construct_utf8_string(PARAM_PASSIN, (char *)passin, 0);
    params[n] = OSSL_PARAM_construct_end();
    ERR_clear_error();
    if (EVP_PKEY_set_params(pkey, params) != 1)
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
    EVP_PKEY_free(pkey);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct passwd_args *passwd = args->opts;
    const char *passin = passwd->passin;
    const char *passout = passwd->passout != NULL ? passwd->passout : "prompt";
    struct ca_env env = {0};
    struct ks_uri parsed = {0};
    char *uri = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);

    if (rc == KS_OK)
        rc = cli_source_check(cli, "--passin", passin, err);
    if (rc == KS_OK)
        rc = cli_source_check(cli, "--passout", passout, err);
    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_WRITE, NULL, &env, err);
    if (rc == KS_OK)
        rc = refuse_token(&env, uri, err);
    if (rc == KS_OK)
        rc = ks_uri_parse(args->argv[0], &parsed, err);
    if (rc == KS_OK)
        rc = old_source(&env, &parsed, &passin, err);
    if (rc == KS_OK)
        rc = reseal(&env, uri, passin, passout, err);
    if (rc == KS_OK)
        rc = cli_audit(env.inv, "key.passwd", uri, err);
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
