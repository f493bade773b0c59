/*
 * caadm ca list.
 */
#include "ca_row.h"
#include "cmd.h"
#include "env.h"
#include "table.h"

static const struct cli_column columns[] = {
    {"name", "NAME"},      {"parent", "PARENT"}, {"subject", "SUBJECT"},
    {"not_after", "ENDS"}, {"status", "STATUS"}, {"key_uri", "KEY"},
    {NULL, NULL},
};

static ks_rc put_ca(void *arg, const struct ks_ca_row *row, struct ks_err *err)
{
    json_t *object = NULL;
    ks_rc rc = ca_row_json(row, false, &object, err);

    return rc != KS_OK ? rc : cli_table_row(arg, object, err);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct cli_table table;
    struct ca_env env;
    ks_rc rc;

    (void)args;
    cli_table_init(&table, cli, "cas", columns);
    rc = cli_env_open(cli, KS_INVENTORY_READ, false, NULL, &env, err);
    if (rc == KS_OK)
        rc = ks_ca_each(env.inv, put_ca, &table, err);
    if (rc == KS_OK)
        rc = cli_table_end(&table, err);
    cli_table_clear(&table);
    return rc;
}

const struct cmd cmd_ca_list = {
    .noun = "ca",
    .verb = "list",
    .summary = "List the CAs",
    .args = "",
    .run = run,
    .example = "caadm ca list --json",
};
