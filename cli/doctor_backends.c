/*
 * Doctor: every backend opens, and every key in it has a public half. Asks
 * for no secret.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "doctor.h"
#include "env.h"
#include "evp.h"
#include "ks_uri.h"

struct look {
    struct doctor *doctor;
    struct ca_env env;
    size_t keys;
    size_t bad;
};

/* Refused for what doctor_files has told. */
static bool is_told(const struct look *look, ks_rc rc)
{
    return rc == KS_E_DENIED && look->doctor->open_told;
}

static ks_rc check_key(void *arg, const char *uri, struct ks_err *err)
{
    struct look *look = arg;
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load_public(&look->env, uri, &pkey, &why);

    EVP_PKEY_free(pkey);
    look->keys++;
    /* Not found: deleted since it was listed. */
    if (rc == KS_OK || rc == KS_E_NOT_FOUND || is_told(look, rc))
        return KS_OK;
    look->bad++;
    return doctor_say(
        look->doctor, false, "keys",
        why.hint[0] != '\0'
            ? why.hint
            : doctor_hint(look->doctor, "restore %s from a backup", uri),
        err, "%s", why.text);
}

ks_rc doctor_each_key(struct doctor *doctor, const char *backend,
                      cli_uri_fn *each, void *arg, struct ks_err *err)
{
    char *uri = NULL;
    ks_rc rc = ks_uri_format(backend, NULL, &uri);

    if (rc == KS_OK)
        rc = cli_key_each(doctor->cli, uri, each, arg, err);
    OPENSSL_free(uri);
    return rc;
}

static ks_rc check_backend(struct look *look, const char *name,
                           struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    look->keys = 0;
    look->bad = 0;
    rc = doctor_each_key(look->doctor, name, check_key, look, &why);
    if (rc == KS_E_INTERRUPTED || rc == KS_E_NOMEM) {
        *err = why;
        return rc;
    }
    if (is_told(look, rc))
        return KS_OK;
    if (rc != KS_OK)
        return doctor_say(look->doctor, false, "backend", why.hint, err,
                          "%s: %s", name, why.text);
    if (look->bad > 0)
        return KS_OK;
    return doctor_say(look->doctor, true, "backend", NULL, err,
                      "%s has %zu key%s that can be read", name, look->keys,
                      look->keys == 1 ? "" : "s");
}

ks_rc doctor_backends(struct doctor *doctor, struct ks_err *err)
{
    struct look look = {.doctor = doctor};
    ks_rc rc = KS_OK;

    if (doctor->config == NULL || doctor->cli->keystore_provider == NULL)
        return KS_OK; /* which was told */
    look.env.config = doctor->config;
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(doctor->config);
         i++) {
        const struct ks_section *section = ks_config_at(doctor->config, i);

        if (section->kind == KS_SECTION_BACKEND)
            rc = check_backend(&look, section->name, err);
    }
    return rc;
}
