/*
 * Doctor: what caadm.conf says of tokens. Their modules run in every program
 * that uses a key, and their PINs are all that stands before the keys.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "doctor.h"

#define CHECK_MODULE "module"
#define CHECK_PIN "PIN"

static ks_rc check_module_file(struct doctor *doctor, const char *backend,
                               const char *path, struct ks_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return doctor_say(doctor, false, CHECK_MODULE,
                          doctor_hint(doctor,
                                      "install the token's PKCS#11 library, or "
                                      "correct module = in [backend %s] of %s",
                                      backend, ks_config_path(doctor->config)),
                          err, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return doctor_say(doctor, false, CHECK_MODULE,
                          "module = is the path of a shared library", err,
                          "%s is no file", path);
    if ((st.st_mode & 022) != 0)
        return doctor_say(doctor, false, CHECK_MODULE,
                          doctor_chmod(doctor, "go-w", path), err,
                          "%s can be changed by others (mode %04o), and runs "
                          "in every program that uses a key",
                          path, (unsigned)st.st_mode & 07777);
    return doctor_say(doctor, true, CHECK_MODULE, NULL, err,
                      "%s is there and closed to others", path);
}

static ks_rc check_module(struct doctor *doctor,
                          const struct ks_section *section, struct ks_err *err)
{
    const char *module = ks_section_get(section, "module");
    char *path;
    ks_rc rc;

    /* A bare name is looked for by the dynamic linker. */
    if (module == NULL || strchr(module, '/') == NULL)
        return KS_OK;
    path = ks_path_below(ks_config_dir(doctor->config), module);
    if (path == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", section->name);
    rc = check_module_file(doctor, section->name, path, err);
    OPENSSL_free(path);
    return rc;
}

static ks_rc check_both(struct doctor *doctor, const struct ks_section *section,
                        struct ks_err *err)
{
    if (ks_section_get(section, "so_pin") == NULL)
        return KS_OK;
    if (ks_section_get(section, "user_pin") == NULL)
        return doctor_say(
            doctor, false, CHECK_PIN,
            "an SO PIN initialises tokens, keys want the user's: set user_pin "
            "in its place",
            err, "backend %s is opened with the security officer's PIN",
            section->name);
    return doctor_say(
        doctor, false, CHECK_PIN,
        doctor_hint(doctor, "take so_pin out of [backend %s] of %s",
                    section->name, ks_config_path(doctor->config)),
        err,
        "backend %s has both user_pin and so_pin: a token is "
        "opened by one of them",
        section->name);
}

ks_rc doctor_hsm(struct doctor *doctor, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (size_t i = 0; doctor->config != NULL && rc == KS_OK &&
                       i < ks_config_count(doctor->config);
         i++) {
        const struct ks_section *section = ks_config_at(doctor->config, i);
        const char *type = ks_section_get(section, "type");

        if (section->kind != KS_SECTION_BACKEND || type == NULL ||
            strcmp(type, "pkcs11") != 0)
            continue;
        rc = check_module(doctor, section, err);
        if (rc == KS_OK)
            rc = check_both(doctor, section, err);
        if (rc == KS_OK)
            rc = doctor_secret(doctor, section, "user_pin", CHECK_PIN, err);
        if (rc == KS_OK)
            rc = doctor_secret(doctor, section, "so_pin", CHECK_PIN, err);
    }
    return rc;
}
