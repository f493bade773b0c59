/*
 * Key URIs: what is parsed must come out of format and parse the same; no
 * error shows a pin.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fuzz.h"
#include "ks_uri.h"

/* What a URI is when written and read again. */
static void check_again(const struct ks_uri *uri)
{
    struct ks_uri again;
    char *text = NULL;

    if (ks_uri_format_source(uri->backend, uri->key, uri->pin_source, &text) !=
        KS_OK)
        abort();
    if (strlen(text) <= KS_URI_MAX) {
        if (ks_uri_parse(text, &again, NULL) != KS_OK ||
            strcmp(again.backend, uri->backend) != 0 ||
            strcmp(again.key, uri->key) != 0)
            abort();
        ks_uri_clear(&again);
    }
    OPENSSL_free(text);
}

/* A marker that follows "pin-value=" may be in no text that is shown. */
static void check_no_pin(const char *text, const struct ks_err *err)
{
    const char *pin = strstr(text, "pin-value=");
    char shown[KS_URI_MAX + 2];

    ks_uri_redact(text, shown, sizeof(shown));
    if (pin == NULL || strncmp(pin + 10, "SESAME", 6) != 0 ||
        strstr(pin + 16, "SESAME") != NULL ||
        (size_t)(strstr(text, "SESAME") - text) != (size_t)(pin + 10 - text))
        return;
    if (strstr(shown, "SESAME") != NULL || strstr(err->text, "SESAME") != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_uri uri;
    struct ks_err err = {0};
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (ks_uri_parse(text, &uri, &err) == KS_OK) {
        check_again(&uri);
        ks_uri_clear(&uri);
    } else if (err.text[0] == '\0') {
        abort();
    }
    check_no_pin(text, &err);
    free(text);
    return 0;
}
