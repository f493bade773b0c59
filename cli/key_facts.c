/*
 * What its place tells of a key, as JSON.
 */
#include "key_facts.h"

#include <stdio.h>
#include <string.h>

#include "out.h"

#define NAME_MAX_LEN 64

/* The words of a list, parted by commas. */
static json_t *words(const char *text)
{
    json_t *list = json_array();

    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        if (json_array_append_new(list, json_stringn(text, len)) != 0) {
            json_decref(list);
            return NULL;
        }
        text += len;
        text += strspn(text, ", ");
    }
    return list;
}

static bool is_list(const char *name)
{
    return strcmp(name, "usage") == 0 || strcmp(name, "mechanisms") == 0;
}

/* A fact that is told for each of several. */
static json_t *one_more(json_t *list, const char *value)
{
    json_t *longer = list != NULL ? json_incref(list) : json_array();

    if (json_array_append_new(longer, cli_json_text(value)) == 0)
        return longer;
    json_decref(longer);
    return NULL;
}

ks_rc key_facts_add(void *arg, const char *name, const char *value,
                    struct ks_err *err)
{
    json_t *facts = arg;
    char key[NAME_MAX_LEN];
    json_t *fact;

    (void)snprintf(key, sizeof(key), "%s", name);
    for (char *c = key; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    if (is_list(name))
        fact = words(value);
    else if (strcmp(name, "sealed-to") == 0)
        fact = one_more(json_object_get(facts, key), value);
    else if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
        fact = json_boolean(value[0] == 'y');
    else
        fact = cli_json_text(value);
    if (json_object_set_new(facts, key, fact) != 0)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", name);
    return KS_OK;
}

void key_facts_get(const struct ca_env *env, const char *uri, json_t **out,
                   ks_rc *rc, struct ks_err *err)
{
    *rc = KS_OK;
    *out = json_object();
    if (*out != NULL)
        *rc = ca_key_describe(env, uri, key_facts_add, *out, err);
}
