/*
 * pkcs11: URIs: the canonical text of what is parsed parses to itself; no
 * error shows a PIN, and no PIN gets into the canonical text.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fuzz.h"
#include "uri.h"

/* No longer than when all of it is written in percent encoding. */
static void check_again(const struct ks_uri *uri)
{
    struct ks_uri again;
    bool listing;

    if (strlen(uri->key) > KS_URI_MAX)
        return;
    if (hsm_uri_for_provider(uri->key, &again, &listing, NULL) != KS_OK ||
        strcmp(again.key, uri->key) != 0 ||
        (again.type != KS_URI_ANY && !listing) || again.has_pin_value ||
        again.pin_source != NULL)
        abort();
    ks_uri_clear(&again);
}

/* What follows a PIN's attribute and is nowhere else may be shown nowhere. */
static void check_no_pin(const char *text, const struct ks_uri *uri,
                         const struct ks_err *err)
{
    const char *pin = strstr(text, "pin-value=SESAME");
    const char *query = strchr(text, '?');

    /* Elsewhere it is a part of some name. */
    if (pin == NULL || query == NULL || query >= pin ||
        (pin - 1 != query && pin[-1] != '&') ||
        strstr(text, "SESAME") != pin + 10 ||
        strstr(pin + 16, "SESAME") != NULL)
        return;
    if (strstr(err->text, "SESAME") != NULL ||
        strstr(err->hint, "SESAME") != NULL ||
        (uri->key != NULL && strstr(uri->key, "SESAME") != NULL))
        abort();
}

/* Whatever a token says of itself can be written and read. */
static void check_format(const uint8_t *data, size_t size)
{
    static const char *const label = "a;b?c%d";
    CK_TOKEN_INFO token;
    struct hsm_name name = {(char *)label, NULL, 0};
    struct hsm_uri uri;
    char *text;

    memset(&token, ' ', sizeof(token));
    memcpy(&token, data, size < sizeof(token) ? size : sizeof(token));
    if (size > 0 && size <= HSM_ID_MAX) {
        name.id = (uint8_t *)data;
        name.id_len = size;
    }
    text = hsm_uri_format(&token, &name, KS_URI_ANY, NULL);
    if (text == NULL || hsm_uri_parse(text, &uri, NULL) != KS_OK)
        abort();
    if (strcmp(uri.name.label, label) != 0 || uri.name.id_len != name.id_len)
        abort();
    hsm_uri_clear(&uri);
    OPENSSL_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_uri uri = {0};
    struct ks_err err = {0};
    char *text = malloc(size + 1);
    bool listing;

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (hsm_uri_for_provider(text, &uri, &listing, &err) == KS_OK)
        check_again(&uri);
    else if (err.text[0] == '\0' || uri.key != NULL)
        abort();
    check_no_pin(text, &uri, &err);
    ks_uri_clear(&uri);
    check_format(data, size);
    free(text);
    return 0;
}
