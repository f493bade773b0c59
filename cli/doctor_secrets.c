/*
 * Doctor: random secrets. A key and its secret are in two places, and one may
 * be restored, renamed or moved without the other.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "doctor.h"
#include "env.h"
#include "evp.h"
#include "key_facts.h"
#include "ks_inventory.h"
#include "ks_kdf.h"
#include "ks_secret.h"
#include "ks_uri.h"

struct look {
    struct doctor *doctor;
    struct ks_inventory *inventory;
    struct ca_env env;
    size_t keys; /* that are sealed under random secrets */
    size_t bad;
    char gone[KS_BACKEND_NAME_MAX + 1]; /* a backend that was told of */
};

/* What opens KEY's file is a random secret if trying one costs nothing. */
static bool is_random(const struct look *look, const char *uri)
{
    struct ks_err why = {0};
    json_t *facts = NULL;
    const char *kdf;
    ks_rc rc = KS_OK;
    bool random;

    key_facts_get(&look->env, uri, &facts, &rc, &why);
    kdf = json_string_value(json_object_get(facts, "kdf"));
    random = kdf != NULL && strcmp(kdf, KS_KDF_RANDOM) == 0;
    json_decref(facts);
    return random;
}

static ks_rc check_key(void *arg, const char *uri, struct ks_err *err)
{
    struct look *look = arg;
    struct doctor *doctor = look->doctor;
    int64_t count = 0;
    ks_rc rc;

    if (!is_random(look, uri))
        return KS_OK;
    look->keys++;
    rc = ks_random_count(look->inventory, uri, &count, err);
    if (rc != KS_OK || count > 0)
        return rc;
    look->bad++;
    return doctor_say(doctor, false, "secrets",
                      doctor_hint(doctor,
                                  "restore %s from a backup that has it",
                                  ks_config_database(doctor->config)),
                      err,
                      "%s cannot be opened: its random secret is not in the "
                      "inventory",
                      uri);
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
    if (rc != KS_OK || look->bad > 0)
        return KS_OK; /* what is wrong was told, here or by doctor_backends */
    return doctor_say(look->doctor, true, "secrets", NULL, err,
                      "%zu key%s of %s load%s with nobody there", look->keys,
                      look->keys == 1 ? "" : "s", name,
                      look->keys == 1 ? "s" : "");
}

/* A backend that has another name now has lost the secrets of its keys. */
static ks_rc check_owner(void *arg, const char *uri, int64_t count,
                         struct ks_err *err)
{
    struct look *look = arg;
    struct doctor *doctor = look->doctor;
    struct ks_uri parsed = {0};
    ks_rc rc = ks_uri_parse(uri, &parsed, NULL);

    (void)count;
    if (rc != KS_OK || strcmp(parsed.backend, look->gone) == 0 ||
        ks_config_section(doctor->config, KS_SECTION_BACKEND, parsed.backend) !=
            NULL) {
        ks_uri_clear(&parsed);
        return KS_OK;
    }
    (void)snprintf(look->gone, sizeof(look->gone), "%s", parsed.backend);
    ks_uri_clear(&parsed);
    return doctor_say(doctor, false, "secrets",
                      "if the backend was renamed, give it that name again: "
                      "secrets are kept under their keys' URIs",
                      err,
                      "there are random secrets of backend %s, which "
                      "caadm.conf does not have",
                      look->gone);
}

static ks_rc look_at(struct look *look, struct ks_err *err)
{
    const struct ks_config *config = look->doctor->config;
    ks_rc rc = ks_random_each(look->inventory, check_owner, look, err);

    for (size_t i = 0; rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind == KS_SECTION_BACKEND &&
            ks_secret_is_random(ks_section_get(section, "passphrase")))
            rc = check_backend(look, section->name, err);
    }
    return rc;
}

ks_rc doctor_secrets(struct doctor *doctor, struct ks_err *err)
{
    struct look look = {.doctor = doctor};
    ks_rc rc;

    if (doctor->config == NULL || doctor->cli->keystore_provider == NULL)
        return KS_OK; /* which was told */
    look.env.config = doctor->config;
    rc = ks_inventory_open(ks_config_database(doctor->config),
                           KS_INVENTORY_READ, &look.inventory, NULL);
    if (rc != KS_OK)
        return KS_OK; /* doctor_inventory tells */
    rc = look_at(&look, err);
    ks_inventory_close(look.inventory);
    return rc;
}
