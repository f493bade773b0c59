/*
 * Doctor: caadm.conf, and what it says of secrets and sealing.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "ca/ca.h"
#include "doctor.h"

static ks_rc check_sealing(struct doctor *doctor,
                           const struct ks_section *section, struct ks_err *err)
{
    const char *sealing = ks_section_get(section, "sealing");

    if (sealing == NULL || strcmp(sealing, "none") != 0)
        return KS_OK;
    return doctor_say(doctor, false, "sealing",
                      doctor_hint(doctor,
                                  "set sealing = passphrase, or seal_to = URI "
                                  "in its place, in [backend %s] of %s; then "
                                  "\"caadm key reseal keystore://%s/\" seals "
                                  "its keys",
                                  section->name, ks_config_path(doctor->config),
                                  section->name),
                      err,
                      "backend %s keeps its keys unsealed: whoever reads its "
                      "files has them",
                      section->name);
}

ks_rc doctor_secret(struct doctor *doctor, const struct ks_section *section,
                    const char *setting, const char *secret, struct ks_err *err)
{
    const char *source = ks_section_get(section, setting);
    char *path;
    ks_rc rc;

    if (source == NULL)
        return KS_OK;
    if (strncmp(source, "pass:", 5) == 0)
        return doctor_say(doctor, false, secret,
                          doctor_hint(doctor,
                                      "move it to a file that only you can "
                                      "read, and set %s = file:PATH in "
                                      "[backend %s] of %s",
                                      setting, section->name,
                                      ks_config_path(doctor->config)),
                          err, "backend %s has its %s in caadm.conf itself",
                          section->name, secret);
    if (strncmp(source, "file:", 5) != 0)
        return KS_OK;
    path = ks_path_below(ks_config_dir(doctor->config), source + 5);
    if (path == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", section->name);
    rc = doctor_mode(doctor, secret, path, 077, err);
    OPENSSL_free(path);
    return rc;
}

static ks_rc ignore_profile(void *arg, const struct ca_profile *profile,
                            struct ks_err *err)
{
    (void)arg;
    (void)profile;
    (void)err;
    return KS_OK;
}

static ks_rc check_profiles(struct doctor *doctor, struct ks_err *err)
{
    struct ca_env env = {.config = doctor->config};
    struct ks_err why = {0};
    ks_rc rc = ca_profile_each(&env, ignore_profile, NULL, &why);

    if (rc == KS_OK)
        return KS_OK;
    return doctor_say(doctor, false, "profiles", why.hint, err, "%s", why.text);
}

ks_rc doctor_config(struct doctor *doctor, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = cli_config(doctor->cli, &doctor->config, &why);

    if (rc == KS_E_NOMEM || rc == KS_E_INTERNAL) {
        *err = why;
        return rc;
    }
    if (rc != KS_OK)
        return doctor_say(doctor, false, "configuration", why.hint, err, "%s",
                          why.text);
    rc = doctor_say(doctor, true, "configuration", NULL, err, "%s is sound",
                    ks_config_path(doctor->config));
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(doctor->config);
         i++) {
        const struct ks_section *section = ks_config_at(doctor->config, i);

        if (section->kind != KS_SECTION_BACKEND)
            continue;
        rc = check_sealing(doctor, section, err);
        if (rc == KS_OK)
            rc =
                doctor_secret(doctor, section, "passphrase", "passphrase", err);
    }
    if (rc == KS_OK)
        rc = check_profiles(doctor, err);
    return rc;
}
