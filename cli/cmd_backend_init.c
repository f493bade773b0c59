/*
 * caadm backend init: a new token.
 */
#include <string.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "out.h"

static const struct opt opts[] = {
    {"so-pin", 0, OPT_TEXT, offsetof(struct args_pins, so), "SOURCE",
     "where the new security officer's PIN comes from; default: as caadm.conf "
     "says, else ask"},
    {"user-pin", 0, OPT_TEXT, offsetof(struct args_pins, user), "SOURCE",
     "where the new user PIN comes from; default: as caadm.conf says, else "
     "ask"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* "" takes the setting back: then a person is asked. */
static ks_rc source(const struct cli *cli, const char *option,
                    const char *given, const char **out, struct ks_err *err)
{
    *out = given != NULL && given[0] == '\0' ? "prompt" : given;
    return cli_source_check(cli, option, *out, err);
}

static ks_rc find(const struct ca_env *env, const char *backend,
                  struct ks_err *err)
{
    const struct ks_section *section =
        ks_config_section(env->config, KS_SECTION_BACKEND, backend);
    const char *type = ks_section_get(section, "type");

    if (section == NULL) {
        ks_hint(err, "caadm backend list shows them");
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no such backend", backend);
    }
    if (type != NULL && strcmp(type, "file") == 0)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: a backend of type file needs none: its folder is "
                       "made with its first key",
                       backend);
    return KS_OK;
}

static ks_rc make(const struct ca_env *env, const char *backend,
                  const struct ca_pins *pins, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ca_backend_init(env, backend, pins, &why);

    if (rc == KS_E_SECRET_MISSING)
        ks_hint(err, "--so-pin SOURCE and --user-pin SOURCE give the new "
                     "PINs: file:PATH, env:NAME, fd:N, cred:NAME");
    else if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return rc == KS_OK ? rc : ks_fail(err, rc, "%s", why.text);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct args_pins *init = args->opts;
    const char *backend = args->argv[0];
    struct ca_pins pins = {0};
    struct ca_env env = {0};
    ks_rc rc = source(cli, "--so-pin", init->so, &pins.so, err);

    if (rc == KS_OK)
        rc = source(cli, "--user-pin", init->user, &pins.user, err);
    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_WRITE, NULL, &env, err);
    if (rc == KS_OK)
        rc = find(&env, backend, err);
    if (rc == KS_OK)
        rc = make(&env, backend, &pins, err);
    if (rc == KS_OK)
        cli_note(cli, "initialised the token of backend %s", backend);
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(
            cli, json_pack("{s:o}", "initialised", cli_json_text(backend)),
            err);
    return rc;
}

const struct cmd cmd_backend_init = {
    .noun = "backend",
    .verb = "init",
    .summary = "Initialise the token of a backend, in an empty slot",
    .args = "BACKEND",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct args_pins),
    .run = run,
    .about = "Makes the token that caadm.conf names, with both of its PINs. A "
             "token of that label is never touched.",
    .example = "caadm backend init hsm --so-pin file:so.pin --user-pin "
               "file:user.pin",
};
