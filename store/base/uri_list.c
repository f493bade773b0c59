/*
 * Lists of URIs, as settings and key files have them.
 */
#include "ks_uri.h"

#include <ctype.h>
#include <string.h>

/* RFC 3986, 3.1. */
static bool has_scheme(const char *text)
{
    size_t len = 0;

    if (!isalpha((unsigned char)text[0]))
        return false;
    while (isalnum((unsigned char)text[len]) ||
           (text[len] != '\0' && strchr("+-.", text[len]) != NULL))
        len++;
    return text[len] == ':';
}

/* The length of the URI at TEXT. */
static size_t uri_len(const char *text)
{
    size_t len = strcspn(text, " \t");

    for (size_t i = 0; i < len; i++)
        if (text[i] == ',' && (i + 1 == len || has_scheme(text + i + 1)))
            return i;
    return len;
}

const char *ks_uri_next(const char **at, size_t *len)
{
    const char *uri = *at + strspn(*at, " \t,");

    *len = uri_len(uri);
    *at = uri + *len;
    return *len > 0 ? uri : NULL;
}
