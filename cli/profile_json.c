/*
 * Profiles for output.
 */
#include "profile_json.h"

#include <stdio.h>

#include "out.h"

ks_rc profile_env(struct cli *cli, struct ca_env *env, struct ks_err *err)
{
    struct ks_config *config = NULL;
    struct ks_err why = {0};
    ks_rc rc = cli_config(cli, &config, &why);

    if (rc == KS_E_NOT_FOUND && cli->globals.config == NULL &&
        cli->globals.home == NULL)
        return KS_OK;
    if (rc != KS_OK)
        *err = why;
    env->config = config;
    return rc;
}

static json_t *exts_json(const struct ca_profile *profile)
{
    json_t *object = json_object();

    for (size_t i = 0; i < profile->n_exts; i++)
        if (json_object_set_new(object, profile->exts[i].name,
                                cli_json_text(profile->exts[i].value)) != 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *copy_json(const struct ca_profile *profile)
{
    json_t *array = json_array();

    for (size_t i = 0; i < profile->n_copy; i++)
        if (json_array_append_new(array, cli_json_text(profile->copy[i])) !=
            0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

json_t *profile_json(const struct ca_profile *profile)
{
    char hash[2 * KS_HASH_LEN + 1] = "";

    for (size_t i = 0; i < KS_HASH_LEN; i++)
        (void)snprintf(hash + 2 * i, 3, "%02x", profile->hash[i]);
    return json_pack(
        "{s:s, s:o, s:s, s:b, s:o, s:I, s:o, s:o, s:s}", "name", profile->name,
        "description", cli_json_text(profile->description), "origin",
        profile->built_in ? "built in" : "caadm.conf", "is_ca",
        (int)profile->is_ca, "days",
        profile->seconds % 86400 == 0
            ? json_integer((json_int_t)(profile->seconds / 86400))
            : json_null(),
        "seconds", (json_int_t)profile->seconds, "extensions",
        exts_json(profile), "copy", copy_json(profile), "hash", hash);
}
