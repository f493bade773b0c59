/*
 * Doctor: the provider's module, and what openssl.cnf makes of it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "doctor.h"
#include "evp.h"

/* Every place that was looked at. */
static ks_rc say_places(struct doctor *doctor, const char *why,
                        struct ks_err *err)
{
    char places[1024] = "";
    char *folder = NULL;
    size_t len = 0;

    for (size_t i = 0; cli_module_folder(i, &folder) == KS_OK; i++) {
        int n = snprintf(places + len, sizeof(places) - len, "%s%s",
                         i > 0 ? ", " : "", folder);

        OPENSSL_free(folder);
        if (n < 0 || (size_t)n >= sizeof(places) - len)
            break;
        len += (size_t)n;
    }
    return doctor_say(doctor, false, "provider",
                      "install keystore.so into one of these folders", err,
                      "%s; looked in: %s", why, places);
}

static ks_rc check_module(struct doctor *doctor, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    if (doctor->config == NULL)
        return KS_OK;
    rc = cli_evp(doctor->cli, &why);
    if (rc == KS_OK)
        return doctor_say(doctor, true, "provider", NULL, err,
                          "%s is loaded by %s", doctor->cli->module_path,
                          OpenSSL_version(OPENSSL_VERSION));
    if (strstr(why.text, "not found") != NULL)
        return say_places(doctor, why.text, err);
    return doctor_say(doctor, false, "provider",
                      doctor_hint(doctor, "build keystore.so anew for %s",
                                  OpenSSL_version(OPENSSL_VERSION)),
                      err, "%s", why.text);
}

/* What openssl.cnf says of providers. */
struct activation {
    bool any;
    bool keystore;
    bool deflt;
    const char *module;
    const char *config;
};

static bool is_on(const CONF *conf, const char *section)
{
    const char *value = NCONF_get_string(conf, section, "activate");

    /* Before 3.2 any value activates. */
    return value != NULL && strcmp(value, "0") != 0 &&
           OPENSSL_strcasecmp(value, "no") != 0 &&
           OPENSSL_strcasecmp(value, "off") != 0 &&
           OPENSSL_strcasecmp(value, "false") != 0;
}

static void read_providers(const CONF *conf, struct activation *found)
{
    const char *init = NCONF_get_string(conf, NULL, "openssl_conf");
    const char *providers =
        init == NULL ? NULL : NCONF_get_string(conf, init, "providers");
    STACK_OF(CONF_VALUE) *rows =
        providers == NULL ? NULL : NCONF_get_section(conf, providers);

    for (int i = 0; i < sk_CONF_VALUE_num(rows); i++) {
        const CONF_VALUE *row = sk_CONF_VALUE_value(rows, i);
        const char *name = NCONF_get_string(conf, row->value, "identity");
        const char *module = NCONF_get_string(conf, row->value, "module");

        if (!is_on(conf, row->value))
            continue;
        found->any = true;
        name = name != NULL ? name : row->name;
        if (strcmp(name, "default") == 0)
            found->deflt = true;
        if (strcmp(name, CLI_PROVIDER) == 0 ||
            (module != NULL && strstr(module, "keystore") != NULL)) {
            found->keystore = true;
            found->module = module;
            found->config = NCONF_get_string(conf, row->value, "config");
        }
    }
}

static bool same_file(const char *a, const char *b)
{
    char *real_a = realpath(a, NULL);
    char *real_b = realpath(b, NULL);
    bool same = real_a != NULL && real_b != NULL && strcmp(real_a, real_b) == 0;

    free(real_a);
    free(real_b);
    return same;
}

static ks_rc judge(struct doctor *doctor, const char *path,
                   const struct activation *found, struct ks_err *err)
{
    if (!found->keystore)
        return doctor_say(doctor, true, "openssl.cnf", NULL, err,
                          "%s does not activate keystore: openssl commands "
                          "need -provider default -provider keystore",
                          path);
    if (!found->deflt)
        return doctor_say(doctor, false, "openssl.cnf",
                          doctor_hint(doctor,
                                      "give %s a section for default with "
                                      "activate = 1, or include keystore.cnf "
                                      "in place of its own lines",
                                      path),
                          err,
                          "%s activates keystore but not default, and so "
                          "switches default off: nearly every program that "
                          "uses OpenSSL fails",
                          path);
    if (found->module != NULL && found->module[0] == '/' &&
        access(found->module, R_OK) != 0)
        return doctor_say(
            doctor, false, "openssl.cnf",
            doctor_hint(doctor, "correct the line module = in %s", path), err,
            "%s names %s, which cannot be read", path, found->module);
    if (found->config != NULL && doctor->config != NULL &&
        !same_file(found->config, ks_config_path(doctor->config)))
        return doctor_say(doctor, false, "openssl.cnf",
                          doctor_hint(doctor,
                                      "correct the line config = in %s, or "
                                      "run caadm --config %s",
                                      path, found->config),
                          err, "%s has keystore read %s, not %s", path,
                          found->config, ks_config_path(doctor->config));
    return doctor_say(doctor, true, "openssl.cnf", NULL, err,
                      "%s activates default and keystore", path);
}

static ks_rc check_cnf(struct doctor *doctor, struct ks_err *err)
{
    char *path = CONF_get1_default_config_file();
    CONF *conf = NCONF_new(NULL);
    struct activation found = {0};
    long line = 0;
    ks_rc rc;

    if (path == NULL || conf == NULL) {
        rc = ks_fail(err, KS_E_NOMEM, "openssl.cnf: out of memory");
    } else if (access(path, F_OK) != 0) {
        rc = doctor_say(doctor, true, "openssl.cnf", NULL, err,
                        "%s is not there: openssl commands need -provider "
                        "default -provider keystore",
                        path);
    } else if (NCONF_load(conf, path, &line) != 1) {
        rc = doctor_say(
            doctor, false, "openssl.cnf",
            doctor_hint(doctor, "correct line %ld of %s", line, path), err,
            "%s cannot be read, line %ld", path, line);
    } else {
        read_providers(conf, &found);
        rc = judge(doctor, path, &found, err);
    }
    ERR_clear_error();
    NCONF_free(conf);
    OPENSSL_free(path);
    return rc;
}

ks_rc doctor_openssl(struct doctor *doctor, struct ks_err *err)
{
    ks_rc rc = check_module(doctor, err);

    return rc == KS_OK ? check_cnf(doctor, err) : rc;
}
