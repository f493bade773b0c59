/*
 * Is one key meant by two URIs? A token's object has several, and two backends
 * may have one place.
 */
#include "key.h"
#include "texts.h"

#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "ks_uri.h"

static ks_rc note_fact(void *arg, const char *name, const char *value,
                       struct ks_err *err)
{
    struct ca_strings *facts = arg;

    if (strcmp(name, "token") != 0 && strcmp(name, "id") != 0 &&
        strcmp(name, "label") != 0)
        return KS_OK;
    return ca_strings_add(facts, "%s=%s", name, value) == KS_OK ? KS_OK
                                                                : ca_nomem(err);
}

/* Two URIs of one object, as far as its token tells. */
static bool same_facts(const struct ca_env *env, const char *a, const char *b)
{
    const char *const uris[] = {a, b};
    struct ca_strings facts[2] = {{0}};
    struct ks_err ignored = {0};
    bool same = true;

    for (size_t i = 0; same && i < 2; i++)
        same = ca_key_describe(env, uris[i], note_fact, &facts[i], &ignored) ==
                   KS_OK &&
               facts[i].n > 1;
    same = same && facts[0].n == facts[1].n;
    for (size_t i = 0; same && i < facts[0].n; i++)
        same = strcmp(facts[0].items[i], facts[1].items[i]) == 0;
    ca_strings_clear(&facts[0]);
    ca_strings_clear(&facts[1]);
    return same;
}

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* True unless the two sections' places are surely two. */
static bool same_path(const struct ca_env *env, const struct ks_section *a,
                      const struct ks_section *b)
{
    const struct ks_section *const sections[] = {a, b};
    struct stat st[2];

    for (size_t i = 0; i < 2; i++) {
        const char *path = ks_section_get(sections[i], "path");
        char *full = path != NULL
                         ? ks_path_below(ks_config_dir(env->config), path)
                         : NULL;
        bool seen = full != NULL && stat(full, &st[i]) == 0;

        OPENSSL_free(full);
        if (!seen)
            return true;
    }
    return st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino;
}

static bool same_record(const struct ca_env *env, const char *a, const char *b)
{
    const struct ks_section *at = ca_key_section(env, a);
    const struct ks_section *other = ca_key_section(env, b);
    struct ks_uri one = {0}, two = {0};
    struct ks_err ignored = {0};
    bool same;

    if (at == NULL || other == NULL)
        return false;
    same = ks_uri_parse(a, &one, &ignored) == KS_OK &&
           ks_uri_parse(b, &two, &ignored) == KS_OK &&
           same_text(one.key, two.key);
    ks_uri_clear(&one);
    ks_uri_clear(&two);
    return same && (at == other || (same_text(ks_section_get(at, "type"),
                                              ks_section_get(other, "type")) &&
                                    same_path(env, at, other)));
}

bool ca_key_is_same_object(const struct ca_env *env, const char *a,
                           const char *b)
{
    if (ca_key_on_token(env, a) != ca_key_on_token(env, b))
        return false;
    return ca_key_on_token(env, a) ? same_facts(env, a, b)
                                   : same_record(env, a, b);
}
