/*
 * URIs for messages: no pin-value, and no pin-source that is the secret
 * itself (pass:), is ever shown, however broken the text is.
 */
#include "ks_uri.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* What a secret follows. */
static const char *const leaders[] = {"pin-value=", "pin-source=pass:"};

/* What may follow a secret and be shown again; anything else could be the
 * rest of one that has a bare '&' in it. */
static const char *const followers[] = {
    "&type=", "&pin-source=", "&so-pin-source=", "&module-name=",
    "&module-path="};

/* The length of LEADER at TEXT in any case and encoding, or 0. */
static size_t length_of(const char *leader, const char *text)
{
    const char *start = text;

    for (const char *want = leader; *want != '\0'; want++) {
        char c = *text++;
        int high, low;

        if (c == '%' && (high = ks_hex_digit(text[0])) >= 0 &&
            (low = ks_hex_digit(text[1])) >= 0) {
            c = (char)(high * 16 + low);
            text += 2;
        }
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != *want)
            return 0;
    }
    return (size_t)(text - start);
}

/* The length of what a secret follows at TEXT, or 0. */
static size_t leader_len(const char *text)
{
    size_t len = 0;

    for (size_t i = 0; i < sizeof(leaders) / sizeof(leaders[0]) && len == 0;
         i++)
        len = length_of(leaders[i], text);
    return len;
}

static size_t secret_len(const char *value)
{
    const char *end = value;

    for (; *end != '\0'; end++)
        for (size_t i = 0; i < sizeof(followers) / sizeof(followers[0]); i++)
            if (strncmp(end, followers[i], strlen(followers[i])) == 0)
                return (size_t)(end - value);
    return (size_t)(end - value);
}

static size_t put(char *out, size_t size, size_t used, const char *text,
                  size_t len)
{
    for (size_t i = 0; i < len && used + 1 < size; i++) {
        unsigned char byte = (unsigned char)text[i];

        /* A terminal must not be driven by a URI. */
        out[used++] = byte < 0x20 || byte == 0x7f ? '?' : text[i];
    }
    return used;
}

void ks_uri_redact(const char *text, char *out, size_t size)
{
    size_t used = 0;

    if (size == 0)
        return;
    while (text != NULL && *text != '\0') {
        size_t len = leader_len(text);

        if (len == 0) {
            used = put(out, size, used, text, 1);
            text++;
            continue;
        }
        used = put(out, size, used, text, len);
        used = put(out, size, used, "***", 3);
        text += len + secret_len(text + len);
    }
    out[used] = '\0';
}
