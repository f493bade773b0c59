/*
 * One setting among those of a section, and what many of them are.
 */
#include "ks_setting.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

const char *ks_setting_get(const struct ks_setting *settings, size_t n,
                           const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(settings[i].key, key) == 0)
            return settings[i].value;
    return NULL;
}

const char *ks_section_get(const struct ks_section *section, const char *key)
{
    return section != NULL
               ? ks_setting_get(section->settings, section->n_settings, key)
               : NULL;
}

static const struct {
    const char *word;
    bool value;
} bool_words[] = {
    {"yes", true}, {"true", true},   {"on", true},   {"1", true},
    {"no", false}, {"false", false}, {"off", false}, {"0", false},
};

bool ks_bool_parse(const char *text, bool *out)
{
    for (size_t i = 0; i < sizeof(bool_words) / sizeof(bool_words[0]); i++)
        if (strcasecmp(text, bool_words[i].word) == 0) {
            *out = bool_words[i].value;
            return true;
        }
    return false;
}

char *ks_path_below(const char *dir, const char *path)
{
    size_t dir_len = strlen(dir), path_len = strlen(path);
    char *out;

    if (path[0] == '/')
        return OPENSSL_strdup(path);
    out = OPENSSL_malloc(dir_len + path_len + 2);
    if (out == NULL)
        return NULL;
    memcpy(out, dir, dir_len);
    if (dir_len == 0 || dir[dir_len - 1] != '/')
        out[dir_len++] = '/';
    memcpy(out + dir_len, path, path_len + 1);
    return out;
}
