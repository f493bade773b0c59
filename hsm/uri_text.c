/*
 * What p11-kit passes over in silence is looked for here: attributes that it
 * does not know, or that come twice, values too long for a token, white space
 * (it drops that). And PINs are taken out, so that it has no copy of one.
 */
#include "uri_text.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "name.h"

#define SCHEME_LEN (sizeof(HSM_URI_SCHEME) - 1)
#define SHOWN_MAX 160 /* bytes of a URI in an error text */

ks_rc hsm_uri_refuse(const char *text, struct ks_err *err, const char *format,
                     ...)
{
    char shown[SHOWN_MAX], why[SHOWN_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    ks_uri_redact(text, shown, sizeof(shown));
    return ks_fail(err, KS_E_INVALID, "%s: %s", shown, why);
}

/* One scan: the text, what is kept of it, and where faults go. */
struct parse {
    const char *text;
    struct ks_uri *out; /* type and PINs */
    struct ks_err *err;
    char *clean;
    size_t used;
    unsigned seen, seen_pins;
};

#define refuse(parse, ...)                                                     \
    hsm_uri_refuse((parse)->text, (parse)->err, __VA_ARGS__)

/* A piece of the text: "name=value". */
struct piece {
    const char *start, *value;
    size_t len, name_len, value_len;
};

struct attribute;
typedef ks_rc check_fn(struct parse *parse, const struct attribute *attribute,
                       const struct piece *piece);
static check_fn check_length, check_there, check_slot_id, check_path, take_type,
    take_pin;

/* The attributes of RFC 7512, 2.3 and 2.4, with what their values may have
 * (PKCS#11 3.0, 3.1 and 3.2), and our own so-pin-source. */
static const struct attribute {
    const char *name;
    bool query;
    size_t max; /* bytes, decoded */
    check_fn *check;
} attributes[] = {
    {"token", false, 32, check_length},
    {"manufacturer", false, 32, check_length},
    {"model", false, 16, check_length},
    {"serial", false, 16, check_length},
    {"library-manufacturer", false, 32, check_length},
    {"library-description", false, 32, check_length},
    {"library-version", false, 7, check_length},
    {"slot-manufacturer", false, 32, check_length},
    {"slot-description", false, 64, check_length},
    {"slot-id", false, 20, check_slot_id},
    {"object", false, KS_KEY_NAME_MAX, check_there},
    {"id", false, HSM_ID_MAX, check_there},
    {"type", false, 0, take_type},
    {"module-path", true, KS_URI_MAX, check_path},
    {"module-name", true, KS_URI_MAX, check_there},
    {"pin-value", true, 0, take_pin},
    {"pin-source", true, 0, take_pin},
    {"so-pin-source", true, 0, take_pin},
};
#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static size_t decoded_len(const struct piece *piece)
{
    size_t len = piece->value_len;

    for (size_t i = 0; i < piece->value_len; i++)
        if (piece->value[i] == '%' && len >= 2)
            len -= 2;
    return len;
}

static ks_rc check_length(struct parse *parse,
                          const struct attribute *attribute,
                          const struct piece *piece)
{
    if (decoded_len(piece) > attribute->max)
        return refuse(parse, "%s has more than %zu bytes", attribute->name,
                      attribute->max);
    return KS_OK;
}

/* Tokens may have no serial number and yet a URI that says so; keys are not
 * found by nothing. */
static ks_rc check_there(struct parse *parse, const struct attribute *attribute,
                         const struct piece *piece)
{
    if (piece->value_len == 0)
        return refuse(parse, "%s is empty", attribute->name);
    return check_length(parse, attribute, piece);
}

static ks_rc check_slot_id(struct parse *parse,
                           const struct attribute *attribute,
                           const struct piece *piece)
{
    size_t digits = strspn(piece->value, "0123456789");

    errno = 0;
    if (digits == 0 || digits != piece->value_len ||
        (strtoul(piece->value, NULL, 10) == ULONG_MAX && errno == ERANGE))
        return refuse(parse, "%s is not a slot's number", attribute->name);
    return KS_OK;
}

/* A relative path would name another file wherever the program runs, and a
 * module is code that is run. */
static ks_rc check_path(struct parse *parse, const struct attribute *attribute,
                        const struct piece *piece)
{
    if (piece->value[0] != '/' && strncasecmp(piece->value, "%2f", 3) != 0)
        return refuse(parse, "%s is not an absolute path", attribute->name);
    return check_length(parse, attribute, piece);
}

static bool equals(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static ks_rc take_type(struct parse *parse, const struct attribute *attribute,
                       const struct piece *piece)
{
    static const struct {
        const char *name;
        enum ks_uri_type type;
    } types[] = {{"private", KS_URI_PRIVATE},
                 {"public", KS_URI_PUBLIC},
                 {"cert", KS_URI_CERT}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (equals(piece->value, piece->value_len, types[i].name)) {
            parse->out->type = types[i].type;
            return KS_OK;
        }
    return refuse(parse, "%s is not private, public or cert", attribute->name);
}

static ks_rc take_pin(struct parse *parse, const struct attribute *attribute,
                      const struct piece *piece)
{
    (void)attribute;
    return ks_uri_set_attribute(parse->out, parse->text, piece->start,
                                piece->len, &parse->seen_pins, parse->err);
}

/* Nothing is quoted after a PIN: it could be the rest of one that has a bare
 * '&' in it. */
static ks_rc refuse_name(const struct parse *parse, const struct piece *piece,
                         bool query)
{
    for (size_t i = 0; i < N_ATTRIBUTES; i++)
        if (equals(piece->start, piece->name_len, attributes[i].name))
            return refuse(parse, "%s belongs %s the \"?\"", attributes[i].name,
                          query ? "before" : "after");
    if (parse->seen_pins != 0) {
        ks_hint(parse->err, "write & in a PIN as %%26");
        return refuse(parse, "unknown attribute after a PIN");
    }
    if (piece->name_len == 0)
        return refuse(parse, "an attribute has no name");
    return refuse(parse, "unknown attribute \"%.*s\"",
                  piece->name_len < 40 ? (int)piece->name_len : 40,
                  piece->start);
}

static void keep(struct parse *parse, const char *text, size_t len)
{
    memcpy(parse->clean + parse->used, text, len);
    parse->used += len;
    parse->clean[parse->used] = '\0';
}

static ks_rc take_piece(struct parse *parse, const char *start, size_t len,
                        bool query, char *separator)
{
    const char *sign = memchr(start, '=', len);
    struct piece piece = {.start = start, .len = len};
    const struct attribute *attribute = NULL;
    size_t i;
    ks_rc rc;

    piece.name_len = sign != NULL ? (size_t)(sign - start) : len;
    for (i = 0; i < N_ATTRIBUTES && attribute == NULL; i++)
        if (attributes[i].query == query &&
            equals(start, piece.name_len, attributes[i].name))
            attribute = &attributes[i];
    if (attribute == NULL)
        return refuse_name(parse, &piece, query);
    if (sign == NULL)
        return refuse(parse, "%s has no value", attribute->name);
    piece.value = sign + 1;
    piece.value_len = len - piece.name_len - 1;
    if (attribute->check != take_pin) { /* which sees to it itself */
        if ((parse->seen & 1u << i) != 0)
            return refuse(parse, "%s is given twice", attribute->name);
        parse->seen |= 1u << i;
    }
    rc = attribute->check(parse, attribute, &piece);
    if (rc == KS_OK && attribute->max > 0) {
        if (*separator != '\0')
            keep(parse, separator, 1);
        keep(parse, start, len);
        *separator = query ? '&' : ';';
    }
    return rc;
}

static ks_rc take_pieces(struct parse *parse, const char *start, size_t len,
                         bool query)
{
    const char *end = start + len;
    char separator = query ? '?' : '\0';
    ks_rc rc = KS_OK;

    if (len == 0)
        return KS_OK;
    while (rc == KS_OK) {
        const char *stop =
            memchr(start, query ? '&' : ';', (size_t)(end - start));
        size_t piece_len = (size_t)((stop != NULL ? stop : end) - start);

        rc = take_piece(parse, start, piece_len, query, &separator);
        if (stop == NULL)
            break;
        start = stop + 1;
    }
    return rc;
}

static ks_rc take_text(struct parse *parse)
{
    const char *path = parse->text + SCHEME_LEN;
    const char *query = strchr(path, '?');
    size_t path_len = query != NULL ? (size_t)(query - path) : strlen(path);
    ks_rc rc;

    for (const char *c = parse->text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            ks_hint(parse->err, "write a space as %%20");
            return refuse(parse, "has a space or a control character");
        }
    if (strchr(path, '#') != NULL)
        return refuse(parse,
                      "a fragment has no meaning here (write # as %%23)");
    if (path[0] == '/')
        return refuse(parse, "no slash can follow \"pkcs11:\"");
    keep(parse, HSM_URI_SCHEME, SCHEME_LEN);
    rc = take_pieces(parse, path, path_len, false);
    if (rc == KS_OK && query != NULL)
        rc = take_pieces(parse, query + 1, strlen(query + 1), true);
    return rc;
}

ks_rc hsm_uri_scan(const char *text, struct ks_uri *out, char **clean,
                   struct ks_err *err)
{
    struct parse parse = {.text = text, .out = out, .err = err};
    ks_rc rc;

    *clean = NULL;
    if (text == NULL || strncasecmp(text, HSM_URI_SCHEME, SCHEME_LEN) != 0)
        return ks_fail(err, KS_E_INVALID, "not a pkcs11: URI");
    if (strnlen(text, KS_URI_MAX + 1) > KS_URI_MAX)
        return ks_fail(err, KS_E_INVALID, "pkcs11: URI is longer than %d bytes",
                       KS_URI_MAX);
    parse.clean = OPENSSL_malloc(strlen(text) + 1);
    if (parse.clean == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = take_text(&parse);
    if (rc == KS_OK)
        *clean = parse.clean;
    else
        OPENSSL_free(parse.clean);
    return rc;
}
