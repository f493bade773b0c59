/*
 * caadm backend list: what caadm.conf says.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "cmd.h"
#include "ks_uri.h"
#include "table.h"

static const struct cli_column columns[] = {
    {"name", "NAME"},   {"type", "TYPE"},       {"uri", "URI"},
    {"place", "PLACE"}, {"sealing", "SEALING"}, {"extractable", "EXTRACTABLE"},
    {NULL, NULL},
};

static const char *or_default(const struct ks_section *section, const char *key,
                              const char *fallback)
{
    const char *value = ks_section_get(section, key);

    return value != NULL ? value : fallback;
}

/* A source as it may be shown: pass: has the secret itself. */
static json_t *source_json(const char *source)
{
    static const char pass[] = "pass:";

    if (source != NULL && strncmp(source, pass, strlen(pass)) == 0)
        source = "pass:***";
    return cli_json_text(source);
}

/* How keys are sealed. A plug-in's may not have to be: what is not said of
 * them is not known. */
static json_t *sealing_json(const struct ks_section *section, bool plug_in)
{
    const char *passphrase = ks_section_get(section, "passphrase");
    const char *seal_to = ks_section_get(section, "seal_to");
    const char *sealing = plug_in && passphrase == NULL ? NULL : "passphrase";
    const char *ask = plug_in || seal_to != NULL ? NULL : "ask";

    if (seal_to != NULL)
        sealing = "keys";
    return json_pack("{s:o, s:o, s:o}", "sealing",
                     cli_json_text(or_default(section, "sealing", sealing)),
                     "seal_to", cli_json_text(seal_to), "passphrase",
                     source_json(or_default(section, "passphrase", ask)));
}

/* A folder or a file of keys; and a plug-in, whose "path" most likely is the
 * same. Its other settings are not shown: there may be secrets among them. */
static json_t *path_json(const struct ks_config *config,
                         const struct ks_section *section, bool plug_in)
{
    const char *path = ks_section_get(section, "path");
    char *whole =
        path != NULL ? ks_path_below(ks_config_dir(config), path) : NULL;
    json_t *object =
        json_pack("{s:o, s:o, s:o}", "place", cli_json_text(whole), "path",
                  cli_json_text(whole), "extractable",
                  cli_json_text(or_default(section, "extractable", "yes")));
    json_t *sealing = sealing_json(section, plug_in);

    OPENSSL_free(whole);
    if (object != NULL && json_object_update(object, sealing) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(sealing);
    return object;
}

/* Its keys are sealed by the token, and do not come out. */
static json_t *token_json(const struct ks_section *section)
{
    const char *module = ks_section_get(section, "module");
    const char *token = ks_section_get(section, "token");

    return json_pack(
        "{s:o, s:n, s:n, s:n, s:s, s:n, s:o, s:o, s:o, s:o, s:o}", "place",
        json_sprintf("%s in %s", token != NULL ? token : "?",
                     module != NULL ? module : "?"),
        "path", "sealing", "seal_to", "extractable", "no", "passphrase",
        "module", cli_json_text(module), "token", cli_json_text(token),
        "serial", cli_json_text(ks_section_get(section, "serial")), "user_pin",
        source_json(or_default(
            section, "user_pin",
            ks_section_get(section, "so_pin") != NULL ? NULL : "ask")),
        "so_pin", source_json(ks_section_get(section, "so_pin")));
}

static json_t *backend_json(const struct ks_config *config,
                            const struct ks_section *section)
{
    const char *type = ks_section_get(section, "type");
    char *uri = NULL;
    json_t *object = NULL, *more;

    if (ks_uri_format(section->name, NULL, &uri) == KS_OK)
        object = json_pack("{s:s, s:o, s:s}", "name", section->name, "type",
                           cli_json_text(type), "uri", uri);
    more = type != NULL && strcmp(type, "pkcs11") == 0
               ? token_json(section)
               : path_json(config, section,
                           type != NULL && strchr(type, '/') != NULL);
    if (object != NULL && json_object_update(object, more) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(more);
    OPENSSL_free(uri);
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
