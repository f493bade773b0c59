/*
 * Profiles: the built-in ones, changed and added to by [profile NAME]
 * sections of caadm.conf. Every value is built when the profile is loaded, so
 * a mistake is found before anything is issued.
 */
#include "profile.h"
#include "ext.h"
#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#define DAY INT64_C(86400)
#define DAYS_DEFAULT 90
#define DAYS_MAX 36500
#define EXTS_MAX 24
#define COPY_MAX 16
#define BASES_MAX 8 /* based_on of based_on ... */

void ca_profile_free(struct ca_profile *profile)
{
    struct ca_profile_full *full = (struct ca_profile_full *)(void *)profile;

    if (full == NULL)
        return;
    for (size_t i = 0; full->copy != NULL && i < full->show.n_copy; i++)
        OPENSSL_free(full->copy[i]);
    OPENSSL_free(full->copy);
    OPENSSL_free(full->exts);
    sk_X509_EXTENSION_pop_free(full->built, X509_EXTENSION_free);
    OPENSSL_free(full);
}

static const struct ca_profile_row *find_row(const char *name)
{
    for (size_t i = 0; i < ca_profile_n_rows; i++) {
        if (strcmp(ca_profile_rows[i].name, name) == 0)
            return &ca_profile_rows[i];
    }
    return NULL;
}

static const struct ks_section *find_section(const struct ca_env *env,
                                             const char *name)
{
    return env->config == NULL
               ? NULL
               : ks_config_section(env->config, KS_SECTION_PROFILE, name);
}

/* "none" takes an extension out that a base has. */
static ks_rc set_ext(struct ca_profile_full *full, const char *name,
                     const char *value, struct ks_err *err)
{
    bool remove = OPENSSL_strcasecmp(value, "none") == 0;
    size_t n = full->show.n_exts;

    for (size_t i = 0; i < n; i++) {
        if (OPENSSL_strcasecmp(full->exts[i].name, name) != 0)
            continue;
        if (remove)
            memmove(&full->exts[i], &full->exts[i + 1],
                    (n - i - 1) * sizeof(full->exts[0]));
        else
            full->exts[i].value = value;
        full->show.n_exts = remove ? n - 1 : n;
        return KS_OK;
    }
    if (remove)
        return KS_OK;
    if (n == EXTS_MAX)
        return ks_fail(err, KS_E_CONFIG, "over %d extensions", EXTS_MAX);
    full->exts[n] = (struct ca_ext){.name = name, .value = value};
    full->show.n_exts++;
    return KS_OK;
}

static ks_rc set_days(struct ca_profile_full *full, const char *value,
                      struct ks_err *err)
{
    char *end = NULL;
    long days = strtol(value, &end, 10);

    if (end == value || *end != '\0' || days < 1 || days > DAYS_MAX)
        return ks_fail(err, KS_E_CONFIG, "days = %.40s: not 1 to %d", value,
                       DAYS_MAX);
    full->show.seconds = days * DAY;
    full->has_days = true;
    return KS_OK;
}

static ks_rc set_copy(struct ca_profile_full *full, const char *value,
                      struct ks_err *err)
{
    full->show.n_copy = 0;
    while (*value != '\0') {
        size_t len;

        value += strspn(value, " ,");
        len = strcspn(value, " ,");
        if (len == 0)
            break;
        if (full->show.n_copy == COPY_MAX)
            return ks_fail(err, KS_E_CONFIG, "copy: over %d names", COPY_MAX);
        OPENSSL_free(full->copy[full->show.n_copy]);
        full->copy[full->show.n_copy] = OPENSSL_strndup(value, len);
        if (full->copy[full->show.n_copy++] == NULL)
            return ca_nomem(err);
        value += len;
    }
    return KS_OK;
}

static ks_rc set_subject(struct ca_profile_full *full, const char *value,
                         struct ks_err *err)
{
    X509_NAME *name = NULL;
    ks_rc rc = ca_name_parse(value, &name, err);

    X509_NAME_free(name);
    full->subject = value;
    return rc == KS_E_INVALID ? KS_E_CONFIG : rc;
}

static ks_rc apply_setting(struct ca_profile_full *full, const char *key,
                           const char *value, struct ks_err *err)
{
    if (OPENSSL_strcasecmp(key, "based_on") == 0)
        return KS_OK; /* see apply */
    if (OPENSSL_strcasecmp(key, "days") == 0)
        return set_days(full, value, err);
    if (OPENSSL_strcasecmp(key, "copy") == 0)
        return set_copy(full, value, err);
    if (OPENSSL_strcasecmp(key, "subject") == 0)
        return set_subject(full, value, err);
    if (OPENSSL_strcasecmp(key, "description") == 0) {
        full->show.description = value;
        return KS_OK;
    }
    return set_ext(full, key, value, err);
}

static ks_rc apply_row(struct ca_profile_full *full,
                       const struct ca_profile_row *row, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    full->show.description = row->description;
    full->show.seconds = row->days * DAY;
    for (const struct ca_ext *ext = row->exts;
         rc == KS_OK && ext < row->exts + 4 && ext->name != NULL; ext++)
        rc = set_ext(full, ext->name, ext->value, err);
    return rc;
}

static ks_rc apply(const struct ca_env *env, struct ca_profile_full *full,
                   const char *name, unsigned depth, struct ks_err *err)
{
    const struct ks_section *section = find_section(env, name);
    const struct ca_profile_row *row = find_row(name);
    const char *base = ks_section_get(section, "based_on");
    ks_rc rc = KS_OK;

    if (section == NULL && row == NULL)
        return ks_fail(err, KS_E_CONFIG, "based_on = %.60s: no such profile",
                       name);
    if (depth == BASES_MAX)
        return ks_fail(err, KS_E_CONFIG, "based_on: a circle, or too deep");
    if (base != NULL)
        rc = apply(env, full, base, depth + 1, err);
    else if (row != NULL)
        rc = apply_row(full, row, err);
    for (size_t i = 0;
         rc == KS_OK && section != NULL && i < section->n_settings; i++)
        rc = apply_setting(full, section->settings[i].key,
                           section->settings[i].value, err);
    return rc;
}

/* --- made ready --------------------------------------------------------------
 */

static ks_rc build_ext(struct ca_profile_full *full, const struct ca_ext *ext,
                       struct ks_err *err)
{
    X509_EXTENSION *built = NULL;
    int nid = ca_ext_nid(ext->name);
    ks_rc rc;

    if (ca_ext_is_ours(nid) || nid == NID_subject_alt_name)
        return ks_fail(err, KS_E_CONFIG, "%s: %s", ext->name,
                       nid == NID_subject_alt_name
                           ? "names are given when issuing"
                           : "the CA sets this itself");
    rc = ca_ext_build(ext->name, ext->value, NULL, &built, err);
    if (rc != KS_OK)
        return rc == KS_E_INVALID ? KS_E_CONFIG : rc;
    return ca_ext_set(full->built, built, err);
}

static bool put(EVP_MD_CTX *md, const char *text)
{
    return EVP_DigestUpdate(md, text, strlen(text) + 1) == 1;
}

/* Of what it means, so that a record can show which version was used. */
static ks_rc hash(struct ca_profile_full *full, struct ks_err *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    char seconds[32];
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    (void)snprintf(seconds, sizeof(seconds), "%lld",
                   (long long)full->show.seconds);
    ok = ok && put(md, full->show.name) && put(md, seconds) &&
         put(md, full->subject != NULL ? full->subject : "");
    for (size_t i = 0; ok && i < full->show.n_exts; i++)
        ok = put(md, OBJ_nid2sn(ca_ext_nid(full->exts[i].name))) &&
             put(md, full->exts[i].name) && put(md, full->exts[i].value);
    for (size_t i = 0; ok && i < full->show.n_copy; i++)
        ok = put(md, full->copy[i]);
    ok = ok && EVP_DigestFinal_ex(md, full->show.hash, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok ? KS_OK : ks_fail(err, KS_E_CRYPTO, "cannot hash");
}

static ks_rc make(const struct ca_env *env, const char *name,
                  struct ca_profile_full *full, struct ks_err *err)
{
    ks_rc rc;

    full->show.seconds = DAYS_DEFAULT * DAY;
    full->show.description = "";
    full->built = sk_X509_EXTENSION_new_null();
    full->exts = OPENSSL_zalloc(EXTS_MAX * sizeof(full->exts[0]));
    full->copy = OPENSSL_zalloc(COPY_MAX * sizeof(full->copy[0]));
    if (full->built == NULL || full->exts == NULL || full->copy == NULL)
        return ca_nomem(err);
    full->show.built_in = find_section(env, name) == NULL;
    full->show.name = full->show.built_in ? find_row(name)->name
                                          : find_section(env, name)->name;
    rc = apply(env, full, name, 0, err);
    full->show.exts = full->exts;
    full->show.copy = (const char *const *)full->copy;
    for (size_t i = 0; rc == KS_OK && i < full->show.n_exts; i++)
        rc = build_ext(full, &full->exts[i], err);
    if (rc == KS_OK)
        rc = ca_profile_check(full, find_row(full->show.name), err);
    if (rc == KS_OK)
        rc = hash(full, err);
    return rc;
}

static ks_rc fail_unknown(const struct ca_env *env, const char *name,
                          struct ks_err *err)
{
    char known[200] = "";

    for (size_t i = 0; i < ca_profile_n_rows; i++) {
        (void)OPENSSL_strlcat(known, i == 0 ? "" : ", ", sizeof(known));
        (void)OPENSSL_strlcat(known, ca_profile_rows[i].name, sizeof(known));
    }
    for (size_t i = 0; env->config != NULL && i < ks_config_count(env->config);
         i++) {
        const struct ks_section *section = ks_config_at(env->config, i);

        if (section->kind != KS_SECTION_PROFILE ||
            find_row(section->name) != NULL)
            continue;
        (void)OPENSSL_strlcat(known, ", ", sizeof(known));
        (void)OPENSSL_strlcat(known, section->name, sizeof(known));
    }
    ks_hint(err, "there are: %s", known);
    return ks_fail(err, KS_E_NOT_FOUND, "%.60s: no such profile", name);
}

ks_rc ca_profile_load(const struct ca_env *env, const char *name,
                      struct ca_profile_full **out, struct ks_err *err)
{
    struct ca_profile_full *full;
    struct ks_err why = {0};
    ks_rc rc;

    *out = NULL;
    if (find_section(env, name) == NULL && find_row(name) == NULL)
        return fail_unknown(env, name, err);
    full = OPENSSL_zalloc(sizeof(*full));
    if (full == NULL)
        return ca_nomem(err);
    rc = make(env, name, full, &why);
    if (rc == KS_OK) {
        *out = full;
        return KS_OK;
    }
    ca_profile_free(&full->show);
    return ks_fail(err, rc, "%s: [profile %s]: %s",
                   env->config != NULL ? ks_config_path(env->config)
                                       : "built-in",
                   name, why.text);
}

ks_rc ca_profile_find(const struct ca_env *env, const char *name,
                      struct ca_profile **out, struct ks_err *err)
{
    struct ca_profile_full *full = NULL;
    ks_rc rc = ca_profile_load(env, name, &full, err);

    *out = full != NULL ? &full->show : NULL;
    return rc;
}

static ks_rc visit(const struct ca_env *env, const char *name,
                   ca_profile_fn *each, void *arg, struct ks_err *err)
{
    struct ca_profile *profile = NULL;
    ks_rc rc = ca_profile_find(env, name, &profile, err);

    if (rc == KS_OK)
        rc = each(arg, profile, err);
    ca_profile_free(profile);
    return rc;
}

ks_rc ca_profile_each(const struct ca_env *env, ca_profile_fn *each, void *arg,
                      struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < ca_profile_n_rows; i++)
        rc = visit(env, ca_profile_rows[i].name, each, arg, err);
    for (size_t i = 0;
         rc == KS_OK && env->config != NULL && i < ks_config_count(env->config);
         i++) {
        const struct ks_section *section = ks_config_at(env->config, i);

        if (section->kind == KS_SECTION_PROFILE &&
            find_row(section->name) == NULL)
            rc = visit(env, section->name, each, arg, err);
    }
    return rc;
}
