/*
 * caadm profile list.
 */
#include "cmd.h"
#include "profile_json.h"
#include "table.h"

static const struct cli_column columns[] = {
    {"name", "NAME"},       {"days", "DAYS"}, {"origin", "FROM"},
    {"description", "FOR"}, {NULL, NULL},
};

static ks_rc put_profile(void *arg, const struct ca_profile *profile,
                         struct ks_err *err)
{
    return cli_table_row(arg, profile_json(profile), err);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct cli_table table;
    struct ca_env env = {0};
    ks_rc rc = profile_env(cli, &env, err);

    (void)args;
    cli_table_init(&table, cli, "profiles", columns);
    if (rc == KS_OK)
        rc = ca_profile_each(&env, put_profile, &table, err);
    if (rc == KS_OK)
        rc = cli_table_end(&table, err);
    cli_table_clear(&table);
    return rc;
}

const struct cmd cmd_profile_list = {
    .noun = "profile",
    .verb = "list",
    .summary = "List the profiles: built in, and of caadm.conf",
    .args = "",
    .run = run,
    .example = "caadm profile list",
};
