/*
 * What a key made inside a backend may be used for.
 */
#include "usage.h"

#include <stddef.h>
#include <string.h>

#include "ks_backend.h"
#include "params.h"

static const struct {
    const char *word;
    unsigned usage;
} words[] = {
    {"sign", KS_USAGE_SIGN},
    {"decrypt", KS_USAGE_DECRYPT},
    {"derive", KS_USAGE_DERIVE},
};

/* What there are operations for (provider-signature(7) and its like). */
static const struct {
    const char *type;
    unsigned usage;
} types[] = {
    {"RSA", KS_USAGE_SIGN | KS_USAGE_DECRYPT},
    {"RSA-PSS", KS_USAGE_SIGN},
    {"EC", KS_USAGE_SIGN | KS_USAGE_DERIVE},
    {"ED25519", KS_USAGE_SIGN},
    {"ED448", KS_USAGE_SIGN},
    {"X25519", KS_USAGE_DERIVE},
    {"X448", KS_USAGE_DERIVE},
};

static unsigned word_usage(const char *word, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == len &&
            strncmp(words[i].word, word, len) == 0)
            return words[i].usage;
    return 0;
}

static unsigned type_usage(const char *type)
{
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].usage;
    return 0;
}

ks_rc prov_usage_parse(const char *text, const char *type, unsigned *usage,
                       struct ks_err *err)
{
    const unsigned possible = type_usage(type);
    const char *word = text;
    unsigned all = 0;

    for (;;) {
        const size_t len = strcspn(word, ",");
        const unsigned one = word_usage(word, len);

        if (one == 0) {
            ks_hint(err, "known: sign, decrypt, derive");
            return ks_fail(err, KS_E_INVALID, PROV_PARAM_USAGE ": \"%.*s\"",
                           (int)(len < 64 ? len : 64), word);
        }
        if ((one & possible) == 0)
            return ks_fail(err, KS_E_INVALID,
                           PROV_PARAM_USAGE ": keys of type %s cannot %.*s",
                           type, (int)len, word);
        all |= one;
        if (word[len] == '\0')
            break;
        word += len + 1;
    }
    *usage = all;
    return KS_OK;
}
