/*
 * caadm profile show: what a profile puts into a certificate.
 */
#include "cmd.h"
#include "profile_json.h"
#include "table.h"

static const struct cli_column fields[] = {
    {"name", "Name"},
    {"description", "For"},
    {"origin", "From"},
    {"is_ca", "CA"},
    {"days", "Days"},
    {"seconds", "Seconds"},
    {"extensions", "Extensions"},
    {"copy", "Copied from a request"},
    {"hash", "SHA-256"},
    {NULL, NULL},
};

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct ca_env env = {0};
    struct ca_profile *profile = NULL;
    ks_rc rc = profile_env(cli, &env, err);

    if (rc == KS_OK)
        rc = ca_profile_find(&env, args->argv[0], &profile, err);
    if (rc == KS_OK)
        rc = cli_show(cli, "profile", profile_json(profile), fields, err);
    ca_profile_free(profile);
    return rc;
}

const struct cmd cmd_profile_show = {
    .noun = "profile",
    .verb = "show",
    .summary = "Show what a profile puts into a certificate",
    .args = "PROFILE",
    .min_args = 1,
    .max_args = 1,
    .run = run,
    .example = "caadm profile show server",
};
