/*
 * Every setting of caadm.conf, and the check of its value. A value that means
 * something only to its backend or to X.509 is checked there.
 */
#include "config/config_keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ks_kdf.h"
#include "ks_secret.h"

/* The kinds: path, source, passphrase (a source, or random), bool, uint, word,
 * text, kdf, or choices "a|b". */
const struct ks_setting_doc ks_setting_docs[] = {
    {"caadm", "database", "path", "caadm.db", "SQLite file of the inventory"},

    {"backend", "type", "word", NULL,
     "file, pkcs11, sqlite, or the path of a backend's shared object"},
    {"backend", "extractable", "bool", "yes",
     "whether keys may be handed to the application's own cryptography"},

    {"backend file", "path", "path", NULL, "directory of the key files"},
    {"backend file", "passphrase", "passphrase", NULL,
     "where the passphrase comes from; absent: ask"},
    {"backend file", "seal_to", "text", NULL,
     "URIs of the keys that keys are sealed to"},
    {"backend file", "sealing", "none|passphrase", "passphrase",
     "whether keys are encrypted"},
    {"backend file", "kdf", "kdf", KS_KDF_DEFAULT,
     "cost of a passphrase, scrypt:N:r:p"},

    {"backend pkcs11", "module", "path", NULL, "PKCS#11 module"},
    {"backend pkcs11", "token", "text", NULL, "label of the token"},
    {"backend pkcs11", "serial", "text", NULL,
     "serial number of the token, where labels are shared"},
    {"backend pkcs11", "user_pin", "source", NULL,
     "where the user PIN comes from; absent: ask"},
    {"backend pkcs11", "so_pin", "source", NULL,
     "where the security officer's PIN comes from; not beside user_pin"},

    {"backend sqlite", "path", "path", NULL, "SQLite file of the keys"},
    {"backend sqlite", "passphrase", "passphrase", NULL,
     "where the passphrase comes from; absent: ask"},
    {"backend sqlite", "seal_to", "text", NULL,
     "URIs of the keys that keys are sealed to"},
    {"backend sqlite", "sealing", "none|passphrase", "passphrase",
     "whether keys are encrypted"},
    {"backend sqlite", "kdf", "kdf", KS_KDF_DEFAULT,
     "cost of a passphrase, scrypt:N:r:p"},

    /* And whatever else the backend itself knows. */
    {KS_SETTING_PLUGIN, "passphrase", "passphrase", NULL,
     "where the passphrase comes from; absent: ask"},
    {KS_SETTING_PLUGIN, "seal_to", "text", NULL,
     "URIs of the keys that keys are sealed to"},
    {KS_SETTING_PLUGIN, "sealing", "none|passphrase", "passphrase",
     "whether keys are encrypted"},
    {KS_SETTING_PLUGIN, "kdf", "kdf", KS_KDF_DEFAULT,
     "cost of a passphrase, scrypt:N:r:p"},

    {"profile", "based_on", "word", NULL, "profile that this one changes"},
    {"profile", "description", "text", NULL, "what the profile is for"},
    {"profile", "days", "uint", NULL, "validity of a certificate"},
    {"profile", "subject", "text", NULL, "subject where none is given"},
    {"profile", "copy", "text", NULL,
     "extensions that are copied from a request"},
    {"profile", "authorityInfoAccess", "text", NULL, "extension"},
    {"profile", "authorityKeyIdentifier", "text", NULL, "extension"},
    {"profile", "basicConstraints", "text", NULL, "extension"},
    {"profile", "certificatePolicies", "text", NULL, "extension"},
    {"profile", "crlDistributionPoints", "text", NULL, "extension"},
    {"profile", "extendedKeyUsage", "text", NULL, "extension"},
    {"profile", "freshestCRL", "text", NULL, "extension"},
    {"profile", "inhibitAnyPolicy", "text", NULL, "extension"},
    {"profile", "issuerAltName", "text", NULL, "extension"},
    {"profile", "keyUsage", "text", NULL, "extension"},
    {"profile", "nameConstraints", "text", NULL, "extension"},
    {"profile", "noCheck", "text", NULL, "extension"},
    {"profile", "nsCertType", "text", NULL, "extension"},
    {"profile", "nsComment", "text", NULL, "extension"},
    {"profile", "policyConstraints", "text", NULL, "extension"},
    {"profile", "policyMappings", "text", NULL, "extension"},
    {"profile", "subjectAltName", "text", NULL, "extension"},
    {"profile", "subjectInfoAccess", "text", NULL, "extension"},
    {"profile", "subjectKeyIdentifier", "text", NULL, "extension"},
    {"profile", "tlsfeature", "text", NULL, "extension"},
    {NULL, NULL, NULL, NULL, NULL},
};

const struct ks_setting_doc *ks_setting_find(const char *section,
                                             const char *key)
{
    const struct ks_setting_doc *doc;

    for (doc = ks_setting_docs; doc->key != NULL; doc++)
        if (strcmp(doc->section, section) == 0 &&
            strcasecmp(doc->key, key) == 0)
            return doc;
    return NULL;
}

bool ks_setting_section_known(const char *section)
{
    const struct ks_setting_doc *doc;

    for (doc = ks_setting_docs; doc->key != NULL; doc++)
        if (strcmp(doc->section, section) == 0)
            return true;
    return false;
}

static ks_rc check_bool(const char *value, struct ks_err *err)
{
    bool out;

    return ks_bool_parse(value, &out)
               ? KS_OK
               : ks_fail(err, KS_E_CONFIG, "neither yes nor no");
}

static ks_rc check_uint(const char *value, struct ks_err *err)
{
    if (strspn(value, "0123456789") != strlen(value) || strlen(value) > 9)
        return ks_fail(err, KS_E_CONFIG, "not a number");
    return KS_OK;
}

static ks_rc check_word(const char *value, struct ks_err *err)
{
    if (strpbrk(value, " \t") != NULL)
        return ks_fail(err, KS_E_CONFIG, "not one word");
    return KS_OK;
}

static ks_rc check_text(const char *value, struct ks_err *err)
{
    (void)value; /* any text that is not empty */
    (void)err;
    return KS_OK;
}

static ks_rc check_kdf(const char *value, struct ks_err *err)
{
    struct ks_kdf kdf;

    return ks_kdf_parse(value, &kdf, err) == KS_OK ? KS_OK : KS_E_CONFIG;
}

static ks_rc check_source(const char *value, struct ks_err *err)
{
    return ks_secret_source_check(value, err) == KS_OK ? KS_OK : KS_E_CONFIG;
}

static ks_rc check_passphrase(const char *value, struct ks_err *err)
{
    return ks_secret_passphrase_check(value, err) == KS_OK ? KS_OK
                                                           : KS_E_CONFIG;
}

static const struct {
    const char *kind;
    ks_rc (*check)(const char *value, struct ks_err *err);
} kinds[] = {
    {"path", check_text}, {"text", check_text},
    {"bool", check_bool}, {"uint", check_uint},
    {"word", check_word}, {"source", check_source},
    {"kdf", check_kdf},   {"passphrase", check_passphrase},
};

/* CHOICES is "a|b|c". */
static ks_rc check_choice(const char *choices, const char *value,
                          struct ks_err *err)
{
    size_t value_len = strlen(value);

    for (const char *at = choices;; at++) {
        size_t len = strcspn(at, "|");

        if (len == value_len && strncmp(at, value, len) == 0)
            return KS_OK;
        at += len;
        if (*at == '\0')
            break;
    }
    return ks_fail(err, KS_E_CONFIG, "not one of %s", choices);
}

ks_rc ks_setting_check(const struct ks_setting_doc *doc, const char *value,
                       struct ks_err *err)
{
    if (*value == '\0')
        return ks_fail(err, KS_E_CONFIG, "has no value");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].kind, doc->kind) == 0)
            return kinds[i].check(value, err);
    return check_choice(doc->kind, value, err);
}
