/*
 * caadm backend check: opens a backend and reads every key in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "backend_facts.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "key_io.h"
#include "ks_uri.h"
#include "out.h"
#include "table.h"

struct check_args {
    bool secrets;
};

static const struct opt opts[] = {
    {"secrets", 0, OPT_FLAG, offsetof(struct check_args, secrets), NULL,
     "open the private keys too, with the backend's own secret"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"name", "BACKEND"},  {"keys", "KEYS"}, {"problems", "PROBLEMS"},
    {"status", "STATUS"}, {NULL, NULL},
};

/* Of one backend that has something to tell of its place. */
static const struct cli_column fact_fields[] = {
    {"module", "Module"},
    {"library", "Library"},
    {"slot", "Slot"},
    {"token", "Token"},
    {"serial", "Serial number"},
    {"user_pin", "User PIN"},
    {"so_pin", "SO PIN"},
    {"mechanisms", "Mechanisms"},
    {NULL, NULL},
};

struct check {
    struct cli *cli;
    struct ca_env env;
    bool secrets;
    bool one;    /* backend was named */
    bool no_pin; /* of the backend that is looked at */
    json_int_t keys;
    json_int_t problems;
    json_t *messages; /* what is wrong with the backend */
    struct cli_table table;
    bool bad; /* any backend */
};

/* Of a place whose one PIN was not to be had, the other keys say the same. */
static bool is_about_pin(const struct check *check, const char *uri, ks_rc rc)
{
    return (rc == KS_E_SECRET_WRONG || rc == KS_E_SECRET_MISSING) &&
           ca_key_on_token(&check->env, uri);
}

/* WHY is wrong with a backend or one of its keys. */
static void complain(struct check *check, const struct ks_err *why)
{
    check->problems++;
    cli_warn(check->cli, "%s", why->text);
    if (why->hint[0] != '\0' && !check->cli->globals.json)
        cli_note(check->cli, "hint: %s", why->hint);
    (void)json_array_append_new(check->messages, cli_json_text(why->text));
}

static ks_rc check_key(void *arg, const char *uri, struct ks_err *err)
{
    struct check *check = arg;
    /* Our provider's keys, whether or not they may leave their backend. */
    struct ca_env wrapped = check->env;
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load_public(&check->env, uri, &pkey, &why);

    (void)err;
    EVP_PKEY_free(pkey);
    pkey = NULL;
    wrapped.propq = CLI_PROVIDER_PROPQ;
    if (rc == KS_OK && check->secrets && !check->no_pin) {
        rc = ca_key_load(&wrapped, uri, &pkey, &why);
        check->no_pin = is_about_pin(check, uri, rc);
    }
    EVP_PKEY_free(pkey);
    if (rc == KS_E_INTERRUPTED) {
        *err = why;
        return rc;
    }
    check->keys++;
    if (rc != KS_OK)
        complain(check, &why);
    cli_progress(check->cli, "checking keys", (size_t)check->keys, 0);
    return KS_OK;
}

/* For people: of the mechanisms those that have a name. */
static json_t *for_people(const json_t *facts)
{
    json_t *shown = json_deep_copy(facts);
    json_t *all = json_object_get(facts, "mechanisms");
    json_t *named = json_array();
    char others[32];
    json_t *word;
    size_t i;

    json_array_foreach(all, i, word)
    {
        if (strncmp(json_string_value(word), "CKM_", 4) == 0)
            (void)json_array_append(named, word);
    }
    (void)snprintf(others, sizeof(others), "%zu others",
                   json_array_size(all) - json_array_size(named));
    if (json_array_size(all) > json_array_size(named))
        (void)json_array_append_new(named, json_string(others));
    if (json_array_size(all) > 0)
        (void)json_object_set(shown, "mechanisms", named);
    json_decref(named);
    return shown;
}

static bool is_known(const char *key)
{
    const struct cli_column *at = fact_fields;

    while (at->key != NULL && strcmp(at->key, key) != 0)
        at++;
    return at->key != NULL;
}

/* The facts that are known by name come first; those that only a plug-in has
 * follow by their own. Borrows from FACTS. Caller frees. */
static struct cli_column *fields_of(json_t *facts)
{
    size_t n = sizeof(fact_fields) / sizeof(fact_fields[0]) - 1;
    struct cli_column *fields =
        calloc(n + json_object_size(facts) + 1, sizeof(*fields));
    const char *key;
    json_t *fact;

    if (fields == NULL)
        return NULL;
    memcpy(fields, fact_fields, n * sizeof(*fields));
    json_object_foreach(facts, key, fact)
    {
        if (!is_known(key))
            fields[n++] = (struct cli_column){key, key};
    }
    return fields;
}

static ks_rc show_facts(struct check *check, json_t *facts, struct ks_err *err)
{
    struct cli_column *fields = fields_of(facts);
    ks_rc rc = KS_E_NOMEM;

    if (fields != NULL)
        rc = cli_show(check->cli, "facts", for_people(facts), fields, err);
    free(fields);
    return rc;
}

/* Takes FACTS. */
static ks_rc put_row(struct check *check, const char *name, json_t *facts,
                     struct ks_err *err)
{
    json_t *row = json_pack("{s:s, s:I, s:I, s:s, s:O, s:O}", "name", name,
                            "keys", check->keys, "problems", check->problems,
                            "status", check->problems == 0 ? "ok" : "problem",
                            "facts", facts, "messages", check->messages);
    ks_rc rc = cli_table_row(&check->table, row, err);

    if (rc == KS_OK && check->one && !check->cli->globals.json &&
        json_object_size(facts) > 0) {
        rc = cli_table_end(&check->table, err);
        cli_table_clear(&check->table);
        if (rc == KS_OK)
            rc = show_facts(check, facts, err);
    }
    json_decref(facts);
    return rc;
}

/* A token that cannot be reached is not listed: it would fail likewise. */
static ks_rc look(struct check *check, const struct ks_section *section,
                  json_t **facts, struct ks_err *err)
{
    char *uri = NULL;
    ks_rc rc = backend_facts_get(&check->env, section, facts, err);

    if (rc == KS_OK)
        rc = ks_uri_format(section->name, NULL, &uri);
    if (rc == KS_OK)
        rc = cli_key_each(check->cli, uri, check_key, check, err);
    OPENSSL_free(uri);
    return rc;
}

static ks_rc check_backend(struct check *check, const char *name,
                           struct ks_err *err)
{
    const struct ks_section *section =
        ks_config_section(check->env.config, KS_SECTION_BACKEND, name);
    struct ks_err why = {0};
    json_t *facts = NULL;
    ks_rc rc;

    check->keys = 0;
    check->problems = 0;
    check->no_pin = false;
    json_decref(check->messages);
    check->messages = json_array();
    rc = look(check, section, &facts, &why);
    cli_progress_end();
    if (rc == KS_E_INTERRUPTED || facts == NULL) {
        json_decref(facts);
        *err = why;
        return rc;
    }
    if (rc != KS_OK)
        complain(check, &why);
    check->bad = check->bad || check->problems > 0;
    return put_row(check, name, facts, err);
}

static ks_rc check_all(struct check *check, const struct cmd_args *args,
                       struct ks_err *err)
{
    const struct ks_config *config = check->env.config;
    ks_rc rc = KS_OK;

    if (args->argc == 1 &&
        ks_config_section(config, KS_SECTION_BACKEND, args->argv[0]) == NULL) {
        ks_hint(err, "caadm backend list shows them");
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no such backend",
                       args->argv[0]);
    }
    if (args->argc == 1)
        return check_backend(check, args->argv[0], err);
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind == KS_SECTION_BACKEND)
            rc = check_backend(check, section->name, err);
    }
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct check_args *check_args = args->opts;
    struct check check = {
        .cli = cli, .secrets = check_args->secrets, .one = args->argc == 1};
    ks_rc rc;

    cli_table_init(&check.table, cli, "backends", columns);
    rc = cli_env_keys(cli, KS_INVENTORY_READ, NULL, &check.env, err);
    if (rc == KS_OK)
        rc = check_all(&check, args, err);
    if (rc == KS_OK)
        rc = cli_table_end(&check.table, err);
    cli_table_clear(&check.table);
    json_decref(check.messages);
    if (rc == KS_OK && check.bad)
        rc = ks_fail(err, KS_E_VERIFY, "problems were found");
    return rc;
}

const struct cmd cmd_backend_check = {
    .noun = "backend",
    .verb = "check",
    .summary = "Open backends and read every key in them",
    .args = "[BACKEND]",
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct check_args),
    .run = run,
    .about = "Of a token it tells module, serial number, the state of its PINs "
             "and its mechanisms, without trying a PIN; of a plug-in what it "
             "has to tell. Ends with exit code 6 if there is a problem.",
    .example = "caadm backend check default --secrets",
};
