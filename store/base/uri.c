/*
 * Key URIs: parsing by RFC 3986's own order, that is, scheme, authority, path
 * and query are cut apart first and percent-decoded after.
 */
#include "ks_uri.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/text.h"

#define SHOWN_MAX 160 /* bytes of a URI in an error text */

/* What may stand unencoded in the path of a URI that we write; the rest of
 * RFC 3986's pchar means something to shells. */
#define PATH_KEEP "-._~/@:+,="
#define QUERY_KEEP "-._~/@:,"

/* One parse: the parts of the text, and where the faults go. */
struct parse {
    const char *text;
    struct ks_uri *uri;
    struct ks_err *err;
};

static ks_rc refuse(const struct parse *parse, const char *why)
{
    char shown[SHOWN_MAX];

    ks_uri_redact(parse->text, shown, sizeof(shown));
    return ks_fail(parse->err, KS_E_INVALID, "%s: %s", shown, why);
}

bool ks_uri_is_keystore(const char *text)
{
    size_t len = strlen(KS_URI_SCHEME);

    return text != NULL && strncasecmp(text, KS_URI_SCHEME, len) == 0 &&
           text[len] == ':';
}

ks_rc ks_key_name_check(const char *name, struct ks_err *err)
{
    size_t len = name != NULL ? strlen(name) : 0;

    if (len == 0)
        return ks_fail(err, KS_E_INVALID, "key name is empty");
    if (len > KS_KEY_NAME_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "key name has %zu bytes, more than %d", len,
                       KS_KEY_NAME_MAX);
    if (ks_text_good(name, len) != len)
        return ks_fail(err, KS_E_INVALID,
                       "key name has a control character or is not UTF-8");
    return KS_OK;
}

ks_rc ks_backend_name_check(const char *name, struct ks_err *err)
{
    size_t len = name != NULL ? strlen(name) : 0;

    if (len == 0 || len > KS_BACKEND_NAME_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "backend name is not 1 to %d characters",
                       KS_BACKEND_NAME_MAX);
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
        return ks_fail(err, KS_E_INVALID,
                       "backend name has other characters than lower-case "
                       "letters, digits, '.', '_' and '-'");
    return KS_OK;
}

/* The authority is the backend's name; host names have no case (RFC 3986,
 * 3.2.2), and neither have sections of caadm.conf. */
static ks_rc parse_backend(const struct parse *parse, const char *text,
                           size_t len)
{
    struct ks_err why = {0};
    char *name;

    if (memchr(text, '@', len) != NULL || memchr(text, ':', len) != NULL)
        return refuse(parse, "a user or port has no meaning here");
    if (len == 0)
        name = OPENSSL_strdup("default");
    else
        name = OPENSSL_strndup(text, len);
    if (name == NULL)
        return KS_E_NOMEM;
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    parse->uri->backend = name;
    if (ks_backend_name_check(name, &why) != KS_OK)
        return refuse(parse, why.text);
    return KS_OK;
}

static ks_rc parse_key(const struct parse *parse, const char *text, size_t len)
{
    struct ks_err why = {0};
    size_t decoded = 0;

    parse->uri->key = OPENSSL_malloc(len + 1);
    if (parse->uri->key == NULL)
        return KS_E_NOMEM;
    if (!ks_percent_decode(text, len, parse->uri->key, &decoded))
        return refuse(parse, "bad percent encoding");
    if (strlen(parse->uri->key) != decoded)
        return refuse(parse, "key name has a NUL byte");
    if (decoded > 0 && ks_key_name_check(parse->uri->key, &why) != KS_OK)
        return refuse(parse, why.text);
    return KS_OK;
}

static ks_rc set_type(const struct parse *parse, const char *value, size_t len)
{
    static const struct {
        const char *name;
        enum ks_uri_type type;
    } types[] = {{"private", KS_URI_PRIVATE},
                 {"public", KS_URI_PUBLIC},
                 {"cert", KS_URI_CERT}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strlen(types[i].name) == len &&
            memcmp(types[i].name, value, len) == 0) {
            parse->uri->type = types[i].type;
            return KS_OK;
        }
    return refuse(parse, "type is not private, public or cert");
}

/* An empty source is one, and takes back what is configured. */
static ks_rc set_source(const struct parse *parse, const char *value,
                        size_t len, char **source)
{
    if (ks_text_good(value, len) != len)
        return refuse(parse, "a PIN's source has a control character or is "
                             "not UTF-8");
    *source = OPENSSL_strndup(value, len);
    return *source != NULL ? KS_OK : KS_E_NOMEM;
}

static ks_rc set_pin_source(const struct parse *parse, const char *value,
                            size_t len)
{
    return set_source(parse, value, len, &parse->uri->pin_source);
}

static ks_rc set_so_pin_source(const struct parse *parse, const char *value,
                               size_t len)
{
    return set_source(parse, value, len, &parse->uri->so_pin_source);
}

static ks_rc set_pin_value(const struct parse *parse, const char *value,
                           size_t len)
{
    if (memchr(value, '\0', len) != NULL)
        return refuse(parse, "pin-value has a NUL byte");
    parse->uri->has_pin_value = true;
    return ks_secret_set(&parse->uri->pin_value, value, len);
}

/* The bits are those of "attribute given twice", and of those that exclude
 * this one (RFC 7512, 2.4). */
static const struct attribute {
    const char *name;
    unsigned bit, excluded;
    ks_rc (*set)(const struct parse *parse, const char *value, size_t len);
} attributes[] = {
    {"type", 1, 0, set_type},
    {"pin-source", 2, 4, set_pin_source},
    {"pin-value", 4, 2, set_pin_value},
    {"so-pin-source", 8, 0, set_so_pin_source},
};
#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static const struct attribute *attribute_of(const char *name, size_t len)
{
    for (size_t i = 0; i < N_ATTRIBUTES; i++)
        if (strlen(attributes[i].name) == len &&
            memcmp(attributes[i].name, name, len) == 0)
            return &attributes[i];
    return NULL;
}

static bool is_secret(const char *source)
{
    return source != NULL && strncmp(source, "pass:", 5) == 0;
}

static bool has_secret(const struct ks_uri *uri)
{
    return uri->has_pin_value || is_secret(uri->pin_source) ||
           is_secret(uri->so_pin_source);
}

/* A secret with a bare '&' in it would be cut in two, and the rest of it
 * quoted as an unknown attribute: so nothing is quoted after a secret. */
static ks_rc refuse_attribute(const struct parse *parse, const char *name,
                              size_t len)
{
    char why[80] = "unknown attribute \"";
    size_t used = strlen(why);

    if (has_secret(parse->uri)) {
        ks_hint(parse->err, "write & in a secret as %%26");
        return refuse(parse, "unknown attribute after a secret");
    }
    if (len > 40 || ks_text_good(name, len) != len)
        return refuse(parse, "unknown attribute");
    memcpy(why + used, name, len);
    memcpy(why + used + len, "\"", 2);
    return refuse(parse, why);
}

static ks_rc set_attribute(const struct parse *parse, const char *text,
                           size_t len, unsigned *seen)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
    const struct attribute *attribute = attribute_of(text, name_len);
    struct ks_secret value = {0};
    size_t decoded = 0;
    ks_rc rc;

    if (attribute == NULL)
        return refuse_attribute(parse, text, name_len);
    if (equals == NULL)
        return refuse(parse, "attribute without a value");
    if ((*seen & attribute->bit) != 0)
        return refuse(parse, "attribute given twice");
    if ((*seen & attribute->excluded) != 0)
        return refuse(parse, "pin-source and pin-value exclude each other");
    *seen |= attribute->bit;
    rc = ks_secret_alloc(&value, len);
    if (rc != KS_OK)
        return rc;
    if (!ks_percent_decode(equals + 1, len - name_len - 1, (char *)value.data,
                           &decoded))
        rc = refuse(parse, "bad percent encoding");
    else
        rc = attribute->set(parse, (const char *)value.data, decoded);
    ks_secret_clear(&value);
    return rc;
}

ks_rc ks_uri_set_attribute(struct ks_uri *uri, const char *text,
                           const char *attribute, size_t len, unsigned *seen,
                           struct ks_err *err)
{
    struct parse parse = {.text = text, .uri = uri, .err = err};

    return set_attribute(&parse, attribute, len, seen);
}

static ks_rc parse_query(const struct parse *parse, const char *query)
{
    unsigned seen = 0;

    for (;;) {
        size_t len = strcspn(query, "&");
        ks_rc rc = set_attribute(parse, query, len, &seen);

        if (rc != KS_OK)
            return rc;
        if (query[len] == '\0')
            break;
        query += len + 1;
    }
    return KS_OK;
}

static ks_rc parse_parts(const struct parse *parse)
{
    const char *authority = parse->text + strlen(KS_URI_SCHEME ":");
    size_t len;
    const char *path, *query;
    ks_rc rc;

    if (strncmp(authority, "//", 2) != 0) {
        ks_hint(parse->err, "key URIs look like keystore://BACKEND/KEY");
        return refuse(parse, "\"//\" is missing after \"keystore:\"");
    }
    authority += 2;
    len = strcspn(authority, "/?");
    rc = parse_backend(parse, authority, len);
    if (rc != KS_OK)
        return rc;
    path = authority + len;
    if (*path == '/')
        path++;
    len = strcspn(path, "?");
    rc = parse_key(parse, path, len);
    if (rc != KS_OK)
        return rc;
    query = path + len;
    return *query == '?' ? parse_query(parse, query + 1) : KS_OK;
}

ks_rc ks_uri_parse(const char *text, struct ks_uri *uri, struct ks_err *err)
{
    struct parse parse = {.text = text, .uri = uri, .err = err};
    ks_rc rc;

    memset(uri, 0, sizeof(*uri));
    if (text == NULL || *text == '\0')
        return ks_fail(err, KS_E_INVALID, "key URI is empty");
    if (strnlen(text, KS_URI_MAX + 1) > KS_URI_MAX)
        return ks_fail(err, KS_E_INVALID, "key URI is longer than %d bytes",
                       KS_URI_MAX);
    if (!ks_uri_is_keystore(text))
        return refuse(&parse, "not a keystore: URI");
    if (strchr(text, '#') != NULL)
        rc = refuse(&parse, "a fragment has no meaning here (write # as %23)");
    else
        rc = parse_parts(&parse);
    if (rc != KS_OK)
        ks_uri_clear(uri);
    return rc;
}

/* It may be a pass: source. */
static void clear_source(char *source)
{
    if (source != NULL)
        OPENSSL_clear_free(source, strlen(source));
}

void ks_uri_clear(struct ks_uri *uri)
{
    if (uri == NULL)
        return;
    OPENSSL_free(uri->backend);
    OPENSSL_free(uri->key);
    OPENSSL_free(uri->alias);
    OPENSSL_free(uri->module);
    clear_source(uri->pin_source);
    clear_source(uri->so_pin_source);
    ks_secret_clear(&uri->pin_value);
    memset(uri, 0, sizeof(*uri));
}

ks_rc ks_uri_format_source(const char *backend, const char *key,
                           const char *pin_source, char **out)
{
    size_t size = sizeof("keystore:///?pin-source=") + strlen(backend) * 3 +
                  (key != NULL ? strlen(key) * 3 : 0) +
                  (pin_source != NULL ? strlen(pin_source) * 3 : 0) + 8;
    char *text = OPENSSL_malloc(size);
    static const char scheme[] = KS_URI_SCHEME "://";
    static const char query[] = "?pin-source=";
    size_t used = sizeof(scheme) - 1;
    bool fits;

    *out = NULL;
    if (text == NULL)
        return KS_E_NOMEM;
    memcpy(text, scheme, sizeof(scheme));
    fits = ks_percent_encode(backend, "-._~", text, size, &used);
    text[used++] = '/';
    fits = fits && ks_percent_encode(key != NULL ? key : "", PATH_KEEP, text,
                                     size, &used);
    if (fits && pin_source != NULL) {
        memcpy(text + used, query, sizeof(query));
        used += sizeof(query) - 1;
        fits = ks_percent_encode(pin_source, QUERY_KEEP, text, size, &used);
    }
    if (!fits) {
        OPENSSL_free(text);
        return KS_E_INTERNAL;
    }
    *out = text;
    return KS_OK;
}

ks_rc ks_uri_format(const char *backend, const char *key, char **out)
{
    return ks_uri_format_source(backend, key, NULL, out);
}
