/*
 * What a backend tells of its place.
 */
#include "backend_facts.h"

#include <string.h>

#include "key_facts.h"

ks_rc backend_facts_get(const struct ca_env *env,
                        const struct ks_section *section, json_t **facts,
                        struct ks_err *err)
{
    const char *type = ks_section_get(section, "type");

    *facts = json_object();
    if (*facts == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", section->name);
    /* A folder of files tells all when it is listed. */
    if (type == NULL || strcmp(type, "file") == 0)
        return KS_OK;
    return ca_backend_check(env, section->name, key_facts_add, *facts, err);
}
