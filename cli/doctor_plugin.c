/*
 * Doctor: backends in shared objects. They run in every program that uses a
 * key, with all of its rights; so nobody else may write them.
 */
#include <string.h>

#include "doctor.h"
#include "ks_code.h"

/* What else may be wrong with it is told when it is opened. */
static ks_rc check_file(struct doctor *doctor, const char *path,
                        struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ks_code_check(path, NULL, &why);

    if (rc == KS_E_NOMEM)
        return ks_fail(err, rc, "%s: out of memory", path);
    if (rc == KS_OK)
        return doctor_say(doctor, true, "plug-in", NULL, err,
                          "%s is there and closed to others", path);
    if (rc != KS_E_DENIED)
        return KS_OK;
    doctor->open_told = true;
    return doctor_say(
        doctor, false, "plug-in", why.hint, err,
        "%s is not loaded, because it would run in every program that uses a "
        "key: %s",
        path, why.text);
}

ks_rc doctor_plugins(struct doctor *doctor, struct ks_err *err)
{
    const struct ks_config *config = doctor->config;
    ks_rc rc = KS_OK;

    for (size_t i = 0;
         config != NULL && rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);
        const char *type = ks_section_get(section, "type");

        if (section->kind == KS_SECTION_BACKEND && type != NULL &&
            type[0] == '/')
            rc = check_file(doctor, type, err);
    }
    return rc;
}
