/*
 * caadm.conf: iniparser reads it, the table in config_keys.c judges it. This
 * is the only file that knows iniparser.
 */
#include "ks_config.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iniparser.h>

#include <openssl/crypto.h>

#include "config/config_file.h"
#include "config/config_keys.h"
#include "config/config_scan.h"
#include "ks_uri.h"

#define DATABASE_NAME "caadm.db"

struct ks_config {
    char *path;
    char *dir;
    char *database;
    struct ks_section *sections;
    size_t n_sections;
};

/* iniparser's way to report is one pointer for the whole process. */
static pthread_mutex_t iniparser_lock = PTHREAD_MUTEX_INITIALIZER;

static int say_nothing(const char *format, ...)
{
    (void)format; /* it would quote the line, and with it a secret */
    return 0;
}

static dictionary *load_ini(const char *path)
{
    dictionary *ini;

    (void)pthread_mutex_lock(&iniparser_lock);
    iniparser_set_error_callback(say_nothing);
    ini = iniparser_load(path);
    iniparser_set_error_callback(NULL); /* we may be unloaded */
    (void)pthread_mutex_unlock(&iniparser_lock);
    return ini;
}

static void free_ini(dictionary *ini)
{
    if (ini == NULL)
        return;
    /* iniparser 4.1 has a signed size, 4.2 an unsigned one. */
    for (size_t i = 0; i < (size_t)ini->size; i++)
        if (ini->key[i] != NULL && ini->val[i] != NULL)
            OPENSSL_cleanse(ini->val[i], strlen(ini->val[i]));
    iniparser_freedict(ini);
}

static const struct section_kind {
    const char *word;
    enum ks_section_kind kind;
    bool named;
} section_kinds[] = {
    {"caadm", KS_SECTION_CAADM, false},
    {"backend", KS_SECTION_BACKEND, true},
    {"profile", KS_SECTION_PROFILE, true},
};
#define N_SECTION_KINDS (sizeof(section_kinds) / sizeof(section_kinds[0]))

static ks_rc open_section(const char *path, const char *title,
                          struct ks_section *section, struct ks_err *err)
{
    size_t word_len = strcspn(title, " ");
    const char *name = title + word_len;
    struct ks_err why = {0};

    for (size_t i = 0; i < N_SECTION_KINDS; i++) {
        const struct section_kind *kind = &section_kinds[i];

        if (strlen(kind->word) != word_len ||
            memcmp(kind->word, title, word_len) != 0 ||
            kind->named != (*name == ' '))
            continue;
        if (kind->named && ks_backend_name_check(++name, &why) != KS_OK)
            return ks_fail(err, KS_E_CONFIG, "%s: [%s]: bad name", path, title);
        section->kind = kind->kind;
        section->name = OPENSSL_strdup(name);
        return section->name != NULL ? KS_OK : KS_E_NOMEM;
    }
    ks_hint(err, "sections are [caadm], [backend NAME] and [profile NAME]");
    return ks_fail(err, KS_E_CONFIG, "%s: [%s]: unknown section", path, title);
}

/* Where the table has this section's rows: "backend file" for a [backend x]
 * with type = file. */
static ks_rc table_of(const char *path, const char *title,
                      enum ks_section_kind kind, const char *type, char *out,
                      size_t size, struct ks_err *err)
{
    static const char prefix[] = "backend ";
    size_t len = type != NULL ? strlen(type) : 0;

    out[0] = '\0';
    if (kind != KS_SECTION_BACKEND)
        return KS_OK;
    if (type == NULL)
        return ks_fail(err, KS_E_CONFIG, "%s: [%s] type: is missing", path,
                       title);
    if (strchr(type, '/') != NULL) {
        memcpy(out, KS_SETTING_PLUGIN, sizeof(KS_SETTING_PLUGIN));
        return KS_OK;
    }
    if (len < size - sizeof(prefix)) {
        memcpy(out, prefix, sizeof(prefix));
        memcpy(out + sizeof(prefix) - 1, type, len + 1);
        if (ks_setting_section_known(out))
            return KS_OK;
    }
    return ks_fail(err, KS_E_CONFIG,
                   "%s: [%s] type: not file, pkcs11, sqlite or the absolute "
                   "path of a backend's shared object",
                   path, title);
}

/* "seal-to" is "seal_to" in the table; no other guess is made. */
static ks_rc unknown_key(const char *path, const char *title,
                         const char *common, const char *table, const char *key,
                         struct ks_err *err)
{
    char *guess = OPENSSL_strdup(key);
    const struct ks_setting_doc *doc = NULL;

    for (char *at = guess; at != NULL && *at != '\0'; at++)
        if (*at == '-')
            *at = '_';
    if (guess != NULL)
        doc = ks_setting_find(common, guess);
    if (guess != NULL && doc == NULL && table[0] != '\0')
        doc = ks_setting_find(table, guess);
    OPENSSL_free(guess);
    if (doc != NULL)
        ks_hint(err, "write %s", doc->key);
    else
        ks_hint(err, "man caadm.conf lists what there is for each section");
    return ks_fail(err, KS_E_CONFIG, "%s: [%s] %s: unknown key", path, title,
                   key);
}

static ks_rc add_setting(const char *path, const char *title, const char *table,
                         struct ks_section *section, const char *key,
                         const char *value, struct ks_err *err)
{
    const char *common = section_kinds[section->kind].word;
    const struct ks_setting_doc *doc = ks_setting_find(common, key);
    /* The other keys of a plug-in's section only the plug-in knows. */
    bool foreign = strcmp(table, KS_SETTING_PLUGIN) == 0;
    struct ks_setting *setting;
    struct ks_err why = {0};

    if (doc == NULL && table[0] != '\0')
        doc = ks_setting_find(table, key);
    if (doc == NULL && !foreign)
        return unknown_key(path, title, common, table, key, err);
    if (doc != NULL && ks_setting_check(doc, value, &why) != KS_OK)
        return ks_fail(err, KS_E_CONFIG, "%s: [%s] %s: %s", path, title,
                       doc->key, why.text);
    /* Room was made for all of the section's keys. */
    setting = (struct ks_setting *)&section->settings[section->n_settings];
    setting->key = OPENSSL_strdup(doc != NULL ? doc->key : key);
    setting->value = OPENSSL_strdup(value);
    section->n_settings++;
    return setting->key != NULL && setting->value != NULL ? KS_OK : KS_E_NOMEM;
}

static const char *type_of(const dictionary *ini, const char *const *keys,
                           int n, size_t skip)
{
    for (int i = 0; i < n; i++)
        if (strcmp(keys[i] + skip, "type") == 0)
            return iniparser_getstring(ini, keys[i], NULL);
    return NULL;
}

static ks_rc fill_section(const char *path, const dictionary *ini,
                          const char *title, struct ks_section *section,
                          struct ks_err *err)
{
    int n = iniparser_getsecnkeys(ini, title);
    size_t skip = strlen(title) + 1; /* keys are "title:key" */
    const char **keys = OPENSSL_zalloc(((size_t)n + 1) * sizeof(*keys));
    char table[64];
    ks_rc rc = KS_E_NOMEM;

    section->settings =
        OPENSSL_zalloc(((size_t)n + 1) * sizeof(*section->settings));
    if (keys == NULL || section->settings == NULL)
        goto out;
    if (n > 0 && iniparser_getseckeys(ini, title, keys) == NULL) {
        rc = KS_E_INTERNAL;
        goto out;
    }
    rc = table_of(path, title, section->kind, type_of(ini, keys, n, skip),
                  table, sizeof(table), err);
    for (int i = 0; rc == KS_OK && i < n; i++)
        rc = add_setting(path, title, table, section, keys[i] + skip,
                         iniparser_getstring(ini, keys[i], ""), err);
out:
    OPENSSL_free(keys);
    return rc;
}

static ks_rc fill_config(struct ks_config *config, const dictionary *ini,
                         struct ks_err *err)
{
    int n = iniparser_getnsec(ini);
    ks_rc rc = KS_OK;

    if (n < 0)
        return KS_E_INTERNAL;
    config->sections =
        OPENSSL_zalloc(((size_t)n + 1) * sizeof(*config->sections));
    if (config->sections == NULL)
        return KS_E_NOMEM;
    for (int i = 0; rc == KS_OK && i < n; i++) {
        struct ks_section *section = &config->sections[config->n_sections++];
        const char *title = iniparser_getsecname(ini, i);

        rc = open_section(config->path, title, section, err);
        if (rc == KS_OK)
            rc = fill_section(config->path, ini, title, section, err);
    }
    return rc;
}

/* Reads PATH by iniparser, which takes a name only: so it is made sure that
 * it read the file that was checked. */
static ks_rc parse_checked(struct ks_config *config, struct ks_err *err)
{
    struct ks_secret text = {0};
    struct stat before, after;
    dictionary *ini = NULL;
    ks_rc rc = ks_config_read(config->path, &text, &before, err);

    if (rc == KS_OK)
        rc = ks_config_scan(config->path, (const char *)text.data, text.len,
                            err);
    ks_secret_clear(&text);
    if (rc != KS_OK)
        return rc;
    ini = load_ini(config->path);
    if (ini == NULL || stat(config->path, &after) != 0)
        rc = ks_fail(err, KS_E_CONFIG, "%s: cannot be parsed", config->path);
    else if (before.st_dev != after.st_dev || before.st_ino != after.st_ino ||
             before.st_size != after.st_size ||
             before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
             before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)
        rc = ks_fail(err, KS_E_BUSY, "%s: was changed while it was read",
                     config->path);
    else
        rc = fill_config(config, ini, err);
    free_ini(ini);
    return rc;
}

static ks_rc set_paths(struct ks_config *config, const char *path)
{
    char *here = getcwd(NULL, 0);
    const char *slash;

    config->path = ks_path_below(here != NULL ? here : "/", path);
    free(here);
    if (config->path == NULL)
        return KS_E_NOMEM;
    slash = strrchr(config->path, '/');
    if (slash == config->path)
        config->dir = OPENSSL_strdup("/");
    else
        config->dir =
            OPENSSL_strndup(config->path, (size_t)(slash - config->path));
    return config->dir != NULL ? KS_OK : KS_E_NOMEM;
}

static ks_rc set_database(struct ks_config *config)
{
    const char *name = ks_section_get(
        ks_config_section(config, KS_SECTION_CAADM, ""), "database");

    config->database =
        ks_path_below(config->dir, name != NULL ? name : DATABASE_NAME);
    return config->database != NULL ? KS_OK : KS_E_NOMEM;
}

ks_rc ks_config_open(const char *path, struct ks_config **out,
                     struct ks_err *err)
{
    struct ks_config *config = OPENSSL_zalloc(sizeof(*config));
    ks_rc rc;

    *out = NULL;
    if (config == NULL)
        return KS_E_NOMEM;
    rc = set_paths(config, path);
    if (rc == KS_OK)
        rc = parse_checked(config, err);
    if (rc == KS_OK)
        rc = set_database(config);
    if (rc == KS_OK) {
        *out = config;
        config = NULL; /* given to the caller */
    }
    ks_config_close(config);
    return rc;
}

static void clear_section(struct ks_section *section)
{
    for (size_t i = 0; i < section->n_settings; i++) {
        const struct ks_setting *setting = &section->settings[i];

        OPENSSL_free((void *)setting->key);
        if (setting->value != NULL) /* it may be a pass: source */
            OPENSSL_clear_free((void *)setting->value, strlen(setting->value));
    }
    OPENSSL_free((void *)section->settings);
    OPENSSL_free((void *)section->name);
}

void ks_config_close(struct ks_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->n_sections; i++)
        clear_section(&config->sections[i]);
    OPENSSL_free(config->sections);
    OPENSSL_free(config->path);
    OPENSSL_free(config->dir);
    OPENSSL_free(config->database);
    OPENSSL_free(config);
}

const char *ks_config_path(const struct ks_config *config)
{
    return config->path;
}

const char *ks_config_dir(const struct ks_config *config)
{
    return config->dir;
}

const char *ks_config_database(const struct ks_config *config)
{
    return config->database;
}

size_t ks_config_count(const struct ks_config *config)
{
    return config->n_sections;
}

const struct ks_section *ks_config_at(const struct ks_config *config,
                                      size_t index)
{
    return index < config->n_sections ? &config->sections[index] : NULL;
}

const struct ks_section *ks_config_section(const struct ks_config *config,
                                           enum ks_section_kind kind,
                                           const char *name)
{
    for (size_t i = 0; i < config->n_sections; i++)
        if (config->sections[i].kind == kind &&
            strcasecmp(config->sections[i].name, name) == 0)
            return &config->sections[i];
    return NULL;
}
