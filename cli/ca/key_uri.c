/*
 * Key URIs as the CA library handles them: by text, whichever program parses
 * them in the end. keystore: URIs have a parser (ks_uri.h); of a pkcs11: URI
 * (RFC 7512) only the query is touched, which has the same form.
 */
#include "key.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ks_uri.h"

#define PKCS11_SCHEME "pkcs11:"

/* Attributes of a query that are about PINs. */
enum {
    PIN_USER = 1,
    PIN_SO = 2,
    PIN_VALUE = 4
};
static const struct {
    const char *name; /* with its "=" */
    unsigned bit;
} pin_attributes[] = {
    {"pin-source=", PIN_USER},
    {"so-pin-source=", PIN_SO},
    {"pin-value=", PIN_VALUE},
};

bool ca_key_uri_is_pkcs11(const char *uri)
{
    return OPENSSL_strncasecmp(uri, PKCS11_SCHEME, strlen(PKCS11_SCHEME)) == 0;
}

bool ca_key_uri_is_ours(const char *uri)
{
    return ks_uri_is_keystore(uri) || ca_key_uri_is_pkcs11(uri);
}

/* A scheme that is not known must never be tried as a file's name. */
ks_rc ca_key_scheme_check(const char *uri, struct ks_err *err)
{
    static const char *const schemes[] = {"keystore:", PKCS11_SCHEME, "file:"};
    size_t len = strspn(uri, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    char shown[80];

    if (uri[0] == '\0')
        return ks_fail(err, KS_E_INVALID, "an empty key URI");
    if (len < 2 || uri[len] != ':')
        return KS_OK;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (OPENSSL_strncasecmp(uri, schemes[i], strlen(schemes[i])) == 0)
            return KS_OK;
    }
    ks_uri_redact(uri, shown, sizeof(shown));
    ks_hint(err, "a file with a colon in its name is \"./NAME\"");
    return ks_fail(err, KS_E_INVALID,
                   "%s: unknown scheme; keystore:, pkcs11: and file: are known",
                   shown);
}

/* --- the query ------------------------------------------------------------ */

static unsigned bit_of(const char *attribute)
{
    for (size_t i = 0; i < sizeof(pin_attributes) / sizeof(pin_attributes[0]);
         i++) {
        if (strncmp(attribute, pin_attributes[i].name,
                    strlen(pin_attributes[i].name)) == 0)
            return pin_attributes[i].bit;
    }
    return 0;
}

/* Appends the attributes of QUERY (after the '?') of which BITS has or, with
 * KEEP false, has not the bit. */
static void copy_query(const char *query, unsigned bits, bool keep, char *out)
{
    char *end = out + strlen(out);
    const char *separator = strchr(out, '?') != NULL ? "&" : "?";

    while (*query != '\0') {
        size_t len = strcspn(query, "&");

        if (((bit_of(query) & bits) != 0) == keep && len > 0) {
            end += sprintf(end, "%s%.*s", separator, (int)len, query);
            separator = "&";
        }
        query += len + (query[len] == '&');
    }
}

/* URI without those attributes; caller frees with OPENSSL_clear_free. */
static char *without(const char *uri, unsigned bits)
{
    const char *query = strchr(uri, '?');
    size_t path = query != NULL ? (size_t)(query - uri) : strlen(uri);
    char *out = OPENSSL_zalloc(strlen(uri) + 1);

    if (out == NULL)
        return NULL;
    memcpy(out, uri, path);
    if (query != NULL)
        copy_query(query + 1, bits, false, out);
    return out;
}

static void wipe(char *text)
{
    OPENSSL_clear_free(text, text != NULL ? strlen(text) : 0);
}

/* *URI with NAME=VALUE behind it, percent-encoded. */
static ks_rc append(char **uri, const char *name, const char *value)
{
    char *encoded = NULL;
    char *longer;
    size_t size;
    ks_rc rc = ks_uri_format_source("x", "x", value, &encoded);

    if (rc != KS_OK)
        return rc;
    size = strlen(*uri) + strlen(name) + strlen(encoded) + 2;
    longer = OPENSSL_malloc(size);
    if (longer != NULL) {
        (void)snprintf(longer, size, "%s%c%s%s", *uri,
                       strchr(*uri, '?') != NULL ? '&' : '?', name,
                       strchr(encoded, '=') + 1);
        wipe(*uri);
        *uri = longer;
    }
    wipe(encoded);
    return longer != NULL ? KS_OK : KS_E_NOMEM;
}

ks_rc ca_key_uri_with(const char *uri, const struct ca_pins *pins, char **out,
                      struct ks_err *err)
{
    unsigned drop = (pins->user != NULL ? PIN_USER | PIN_VALUE : 0u) |
                    (pins->so != NULL ? (unsigned)PIN_SO : 0u);
    char *full = without(uri, drop);
    ks_rc rc = full != NULL ? KS_OK : KS_E_NOMEM;

    if (rc == KS_OK && pins->user != NULL)
        rc = append(&full, "pin-source=", pins->user);
    if (rc == KS_OK && pins->so != NULL)
        rc = append(&full, "so-pin-source=", pins->so);
    if (rc != KS_OK) {
        wipe(full);
        return ks_fail(err, rc, "key URI: %s", ks_rc_text(rc));
    }
    *out = full;
    return KS_OK;
}

/* What URI says of PINs, decoded. The query of a pkcs11: URI is given to the
 * parser of keystore: ones, which knows these attributes. */
static ks_rc parse_pins(const char *uri, struct ks_uri *pins,
                        struct ks_err *err)
{
    static const char stand_in[] = "keystore://x/x";
    const char *query = strchr(uri, '?');
    struct ks_err why = {0};
    char shown[200];
    char *text;
    ks_rc rc;

    *pins = (struct ks_uri){0};
    if (ks_uri_is_keystore(uri))
        return ks_uri_parse(uri, pins, err);
    if (query == NULL || !ca_key_uri_is_pkcs11(uri))
        return KS_OK;
    text = OPENSSL_zalloc(sizeof(stand_in) + strlen(query) + 1);
    if (text == NULL)
        return ca_nomem(err);
    memcpy(text, stand_in, sizeof(stand_in));
    copy_query(query + 1, PIN_USER | PIN_SO | PIN_VALUE, true, text);
    rc = ks_uri_parse(text, pins, &why);
    wipe(text);
    if (rc == KS_OK)
        return rc;
    ks_uri_redact(uri, shown, sizeof(shown));
    text = strstr(why.text, ": ");
    return ks_fail(err, rc, "%s: %s", shown,
                   text != NULL ? text + 2 : why.text);
}

bool ca_key_uri_has_pin(const char *uri)
{
    struct ks_uri pins = {0};
    struct ks_err ignored = {0};
    bool has = parse_pins(uri, &pins, &ignored) == KS_OK &&
               (pins.pin_source != NULL || pins.so_pin_source != NULL ||
                pins.has_pin_value);

    ks_uri_clear(&pins);
    return has;
}

/* --- canonical forms -------------------------------------------------------
 */

/* The attribute "type" of the path says which half is meant, and a key's name
 * means both (RFC 7512, 2.3). */
static void drop_type(char *uri)
{
    char *at = uri + strlen(PKCS11_SCHEME);

    while (*at != '\0' && *at != '?') {
        size_t len = strcspn(at, ";?");
        size_t gone = len + (at[len] == ';');

        if (strncmp(at, "type=", strlen("type=")) != 0) {
            at += gone;
            continue;
        }
        if (at[len] != ';' && at[-1] == ';')
            at--, gone++; /* the last one takes the ';' before it along */
        memmove(at, at + gone, strlen(at + gone) + 1);
    }
}

ks_rc ca_key_uri(const char *uri, char **out, struct ks_err *err)
{
    struct ks_uri parsed = {0};
    char shown[KS_URI_MAX];
    ks_rc rc = ca_key_scheme_check(uri, err);

    *out = NULL;
    if (rc != KS_OK)
        return rc;
    if (ks_uri_is_keystore(uri)) {
        rc = ks_uri_parse(uri, &parsed, err);
        if (rc == KS_OK)
            rc = ks_uri_format(parsed.backend, parsed.key, out);
        ks_uri_clear(&parsed);
        return rc;
    }
    if (ca_key_uri_is_pkcs11(uri)) {
        *out = without(uri, PIN_USER | PIN_SO | PIN_VALUE);
        if (*out != NULL)
            drop_type(*out);
    } else {
        ks_uri_redact(uri, shown, sizeof(shown));
        *out = OPENSSL_strdup(shown);
    }
    return *out != NULL ? KS_OK : ca_nomem(err);
}

/* A source that will mean the same to the commands that come after this one;
 * a relative path is made absolute. SHOWN is for messages. */
static ks_rc keep_source(const char *shown, const char *source, char **out,
                         struct ks_err *err)
{
    static const char file[] = "file:";
    char folder[KS_URI_MAX];
    char *kept;
    size_t size;

    if (strncmp(source, "pass:", strlen("pass:")) == 0)
        return ks_fail(err, KS_E_INVALID,
                       "%s: a PIN or passphrase itself is never kept with a "
                       "key's URI",
                       shown);
    if (strcmp(source, "stdin") == 0 || strncmp(source, "fd:", 3) == 0)
        return ks_fail(err, KS_E_INVALID,
                       "%s: its pin-source is there for this command only",
                       shown);
    if (strncmp(source, file, strlen(file)) != 0 ||
        source[strlen(file)] == '/') {
        *out = OPENSSL_strdup(source);
        return *out != NULL ? KS_OK : ca_nomem(err);
    }
    if (getcwd(folder, sizeof(folder)) == NULL)
        return ks_fail(err, KS_E_IO, "%s: the working directory is gone",
                       shown);
    size = strlen(folder) + strlen(source) + 2;
    kept = OPENSSL_malloc(size);
    if (kept == NULL)
        return ca_nomem(err);
    (void)snprintf(kept, size, "%s%s/%s", file, folder, source + strlen(file));
    *out = kept;
    return KS_OK;
}

static ks_rc keep_pins(const char *shown, const struct ks_uri *parsed,
                       char **uri, struct ks_err *err)
{
    struct ca_pins kept = {0};
    char *user = NULL, *so = NULL, *full = NULL;
    ks_rc rc = KS_OK;

    if (parsed->has_pin_value)
        rc = ks_fail(err, KS_E_INVALID,
                     "%s: a pin-value is never kept with a key's URI", shown);
    if (rc == KS_OK && parsed->pin_source != NULL)
        rc = keep_source(shown, parsed->pin_source, &user, err);
    if (rc == KS_OK && parsed->so_pin_source != NULL)
        rc = keep_source(shown, parsed->so_pin_source, &so, err);
    if (rc == KS_E_INVALID)
        ks_hint(err, "the inventory and its backups would have it; name a "
                     "place: pin-source=file:PATH, env:NAME or prompt");
    kept.user = user;
    kept.so = so;
    if (rc == KS_OK)
        rc = ca_key_uri_with(*uri, &kept, &full, err);
    if (rc == KS_OK) {
        OPENSSL_free(*uri);
        *uri = full;
    }
    OPENSSL_free(user);
    OPENSSL_free(so);
    return rc;
}

ks_rc ca_key_uri_kept(const char *uri, char **out, struct ks_err *err)
{
    struct ks_uri parsed = {0};
    char shown[200];
    ks_rc rc = ca_key_uri(uri, out, err);

    if (rc == KS_OK)
        rc = parse_pins(uri, &parsed, err);
    ks_uri_redact(uri, shown, sizeof(shown));
    if (rc == KS_OK)
        rc = keep_pins(shown, &parsed, out, err);
    ks_uri_clear(&parsed);
    if (rc != KS_OK) {
        OPENSSL_free(*out);
        *out = NULL;
    }
    return rc;
}

/* --- what stands behind it ---------------------------------------------------
 */

const struct ks_section *ca_key_section(const struct ca_env *env,
                                        const char *uri)
{
    const struct ks_section *section = NULL;
    struct ks_uri parsed = {0};
    struct ks_err ignored = {0};

    if (env->config == NULL || !ks_uri_is_keystore(uri))
        return NULL;
    if (ks_uri_parse(uri, &parsed, &ignored) == KS_OK)
        section =
            ks_config_section(env->config, KS_SECTION_BACKEND, parsed.backend);
    ks_uri_clear(&parsed);
    return section;
}

bool ca_key_on_token(const struct ca_env *env, const char *uri)
{
    const char *type = ks_section_get(ca_key_section(env, uri), "type");

    return ca_key_uri_is_pkcs11(uri) ||
           (type != NULL && strcmp(type, "pkcs11") == 0);
}
