/*
 * Keys of names for the index; see names.h.
 */
#include "names.h"

#include <string.h>

#include <openssl/crypto.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_reversed(enum ks_name_kind kind, const char *value)
{
    return kind == KS_NAME_DNS || kind == KS_NAME_EMAIL ||
           (kind == KS_NAME_CN && strchr(value, '.') != NULL &&
            strchr(value, ' ') == NULL);
}

char *inv_name_key(enum ks_name_kind kind, const char *value)
{
    size_t len = strlen(value);
    bool reversed = is_reversed(kind, value);
    char *key = OPENSSL_malloc(len + 1);

    if (key == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        key[i] = lower(value[reversed ? len - 1 - i : i]);
    key[len] = '\0';
    return key;
}
