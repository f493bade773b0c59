/*
 * caadm backend list: what caadm.conf says.
 */
#include <openssl/crypto.h>

#include "cmd.h"
#include "ks_uri.h"
#include "table.h"

static const struct cli_column columns[] = {
    {"name", "NAME"},  {"type", "TYPE"},       {"uri", "URI"},
    {"path", "PLACE"}, {"sealing", "SEALING"}, {"extractable", "EXTRACTABLE"},
    {NULL, NULL},
};

static const char *or_default(const struct ks_section *section, const char *key,
                              const char *fallback)
{
    const char *value = ks_section_get(section, key);

    return value != NULL ? value : fallback;
}

static json_t *backend_json(const struct ks_config *config,
                            const struct ks_section *section)
{
    const char *path = ks_section_get(section, "path");
    char *whole =
        path != NULL ? ks_path_below(ks_config_dir(config), path) : NULL;
    char *uri = NULL;
    json_t *object = NULL;

    if (ks_uri_format(section->name, NULL, &uri) == KS_OK)
        object = json_pack(
            "{s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "name", section->name,
            "type", cli_json_text(ks_section_get(section, "type")), "uri", uri,
            "path", cli_json_text(whole), "sealing",
            cli_json_text(or_default(section, "sealing", "passphrase")),
            "extractable",
            cli_json_text(or_default(section, "extractable", "yes")),
            "passphrase",
            cli_json_text(or_default(section, "passphrase", "ask")));
    OPENSSL_free(uri);
    OPENSSL_free(whole);
    return object;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct ks_config *config = NULL;
    struct cli_table table;
    ks_rc rc = cli_config(cli, &config, err);

    (void)args;
    cli_table_init(&table, cli, "backends", columns);
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind == KS_SECTION_BACKEND)
            rc = cli_table_row(&table, backend_json(config, section), err);
    }
    if (rc == KS_OK)
        rc = cli_table_end(&table, err);
    cli_table_clear(&table);
    return rc;
}

const struct cmd cmd_backend_list = {
    .noun = "backend",
    .verb = "list",
    .summary = "List the backends of caadm.conf",
    .args = "",
    .run = run,
    .example = "caadm backend list",
};
