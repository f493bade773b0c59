/*
 * Lists of the keys that keys are sealed to.
 */
#include "seal/seal_to.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "ks_uri.h"
#include "seal/cms.h"

#define SHOWN_MAX 160 /* bytes of a URI in an error text */
#define FILE_SCHEME "file:"

void ks_seal_to_clear(struct ks_seal_to *list)
{
    for (size_t i = 0; i < list->n; i++)
        OPENSSL_free(list->uris[i]);
    OPENSSL_free(list->uris);
    *list = (struct ks_seal_to){0};
}

static bool is_file(const char *uri)
{
    return strncasecmp(uri, FILE_SCHEME, strlen(FILE_SCHEME)) == 0;
}

/* ---- what a URI may be ---- */

static ks_rc refuse(struct ks_err *err, const char *uri, const char *why)
{
    char shown[SHOWN_MAX];

    ks_uri_redact(uri, shown, sizeof(shown));
    return ks_fail(err, KS_E_CONFIG, "%s: %s", shown, why);
}

static ks_rc check_parsed(const char *text, const struct ks_uri *uri,
                          const char *backend, struct ks_err *err)
{
    if (uri->key[0] == '\0')
        return refuse(err, text, "names a backend, not a key");
    if (uri->type == KS_URI_CERT)
        return refuse(err, text, "names a certificate, not a key");
    if (uri->has_pin_value ||
        (uri->pin_source != NULL && strncmp(uri->pin_source, "pass:", 5) == 0))
        return refuse(err, text, "a PIN does not stand here; say pin-source");
    if (backend != NULL && strcmp(uri->backend, backend) == 0) {
        ks_hint(err, "name a key of another backend, best one on a token");
        return refuse(err, text,
                      "is kept in this backend itself, which would be sealed "
                      "to what is in it");
    }
    return KS_OK;
}

static ks_rc check_keystore(const char *text, const char *backend,
                            struct ks_err *err)
{
    struct ks_uri uri;
    struct ks_err why = {0};
    ks_rc rc = ks_uri_parse(text, &uri, &why);

    if (rc == KS_E_INVALID)
        return ks_fail(err, KS_E_CONFIG, "%s", why.text);
    if (rc != KS_OK)
        return ks_fail(err, rc, "%s", why.text);
    rc = check_parsed(text, &uri, backend, err);
    ks_uri_clear(&uri);
    return rc;
}

/* RFC 8089, 2: file:/path or file:///path. */
static ks_rc check_file(const char *text, struct ks_err *err)
{
    const char *path = text + strlen(FILE_SCHEME);

    if (path[0] != '/' || (path[1] == '/' && path[2] != '/')) {
        ks_hint(err, "write file:/path/to/escrow.pem");
        return refuse(err, text, "is not the absolute path of a file");
    }
    return KS_OK;
}

/* The length of the scheme at TEXT, RFC 3986, 3.1; 0 if there is none. */
static size_t scheme_len(const char *text)
{
    size_t len = 0;

    if (!isalpha((unsigned char)text[0]))
        return 0;
    while (isalnum((unsigned char)text[len]) ||
           (text[len] != '\0' && strchr("+-.", text[len]) != NULL))
        len++;
    return text[len] == ':' ? len : 0;
}

/* RFC 3986, 2: what it has is kept in lines of text with what is sealed. */
static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* Schemes of backends are for the keyring to know. */
static ks_rc check_scheme(const char *text, const char *backend,
                          struct ks_err *err)
{
    if (ks_uri_is_keystore(text))
        return check_keystore(text, backend, err);
    if (is_file(text))
        return check_file(text, err);
    if (scheme_len(text) == 0) {
        ks_hint(err, "name keys by URI: keystore://hsm/kek, pkcs11:..., "
                     "file:/path/to/escrow.pem");
        return refuse(err, text, "not a URI");
    }
    return strstr(text, "pin-value=") == NULL &&
                   strstr(text, "pin-source=pass") == NULL
               ? KS_OK
               : refuse(err, text, "a PIN does not stand here; say pin-source");
}

static ks_rc check_uri(const char *text, const char *backend,
                       struct ks_err *err)
{
    if (strlen(text) > KS_URI_MAX)
        return refuse(err, text, "is too long");
    if (!is_printable(text)) {
        ks_hint(err, "write %%XX for it in a key's name; give a file another "
                     "path");
        return refuse(err, text, "has a byte that does not stand in a URI");
    }
    return check_scheme(text, backend, err);
}

/* ---- lists ---- */

/* Takes URI. */
static ks_rc append(struct ks_seal_to *list, char *uri, struct ks_err *err)
{
    char **grown =
        OPENSSL_realloc(list->uris, (list->n + 1) * sizeof(*list->uris));

    if (uri == NULL || grown == NULL) {
        if (grown != NULL)
            list->uris = grown;
        OPENSSL_free(uri);
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    list->uris = grown;
    list->uris[list->n++] = uri;
    return KS_OK;
}

static ks_rc check_new(const struct ks_seal_to *list, const char *uri,
                       struct ks_err *err)
{
    if (list->n == KS_CMS_RECIPIENTS_MAX)
        return ks_fail(err, KS_E_CONFIG, "names more than %d keys",
                       KS_CMS_RECIPIENTS_MAX);
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->uris[i], uri) == 0)
            return refuse(err, uri, "is named twice");
    return KS_OK;
}

/* Cuts the next URI off *AT; NULL in *uri at the end. Caller frees *uri. */
static ks_rc next_uri(const char **at, char **uri, struct ks_err *err)
{
    size_t len = 0;
    const char *next = ks_uri_next(at, &len);

    *uri = NULL;
    if (next == NULL)
        return KS_OK;
    *uri = OPENSSL_strndup(next, len);
    return *uri != NULL ? KS_OK : ks_fail(err, KS_E_NOMEM, "out of memory");
}

ks_rc ks_seal_to_parse(const char *text, const char *backend,
                       struct ks_seal_to *list, struct ks_err *err)
{
    char *uri = NULL;
    ks_rc rc = next_uri(&text, &uri, err);

    *list = (struct ks_seal_to){0};
    while (rc == KS_OK && uri != NULL) {
        rc = check_uri(uri, backend, err);
        if (rc == KS_OK)
            rc = check_new(list, uri, err);
        if (rc != KS_OK)
            break;
        rc = append(list, uri, err);
        uri = NULL; /* given to list */
        if (rc == KS_OK)
            rc = next_uri(&text, &uri, err);
    }
    OPENSSL_free(uri);
    if (rc == KS_OK && list->n == 0)
        rc = ks_fail(err, KS_E_CONFIG, "names no key");
    if (rc != KS_OK)
        ks_seal_to_clear(list);
    return rc;
}

/* ---- hints ---- */

ks_rc ks_seal_to_hints(const struct ks_seal_to *list, char **out,
                       struct ks_err *err)
{
    size_t size = 1;
    char *text, *end;

    for (size_t i = 0; i < list->n; i++)
        size += strlen(list->uris[i]) + 2;
    text = end = OPENSSL_zalloc(size);
    if (text == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    for (size_t i = 0; i < list->n; i++) {
        const char *uri = list->uris[i];
        size_t len = is_file(uri) ? strlen(uri) : strcspn(uri, "?");

        if (i > 0) {
            memcpy(end, ", ", 2);
            end += 2;
        }
        memcpy(end, uri, len);
        end += len;
    }
    *out = text;
    return KS_OK;
}

static bool may_be_tried(const char *uri)
{
    struct ks_err why = {0};

    return !is_file(uri) && strchr(uri, '?') == NULL &&
           check_uri(uri, NULL, &why) == KS_OK;
}

ks_rc ks_seal_to_from_hints(const char *text, struct ks_seal_to *list,
                            struct ks_err *err)
{
    char *uri = NULL;
    ks_rc rc = next_uri(&text, &uri, err);

    *list = (struct ks_seal_to){0};
    while (rc == KS_OK && uri != NULL && list->n < KS_CMS_RECIPIENTS_MAX) {
        if (may_be_tried(uri))
            rc = append(list, uri, err);
        else
            OPENSSL_free(uri);
        uri = NULL; /* given to list, or freed */
        if (rc == KS_OK)
            rc = next_uri(&text, &uri, err);
    }
    OPENSSL_free(uri);
    if (rc != KS_OK)
        ks_seal_to_clear(list);
    return rc;
}
