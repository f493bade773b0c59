/*
 * The content of a URI-PEM, which may come from an untrusted place: whatever
 * is read must be a URI within limits, and be read back from its own DER.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fuzz.h"
#include "ks_uri.h"
#include "uripem.h"

/* URI, written and read again. */
static void check_round_trip(const char *uri)
{
    struct ks_buf der = {0};
    struct ks_err err = {0};
    char *again = NULL;

    if (prov_uripem_make(uri, &der, &err) != KS_OK ||
        prov_uripem_parse(der.data, der.len, &again, &err) != KS_OK ||
        strcmp(uri, again) != 0)
        abort();
    OPENSSL_free(again);
    ks_buf_clear(&der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_err err = {0};
    struct ks_uri parsed = {0};
    char *uri = NULL;
    char shown[64];

    if (prov_uripem_parse(data, size, &uri, &err) != KS_OK) {
        if (uri != NULL || err.text[0] == '\0')
            abort();
        return 0;
    }
    if (uri[0] == '\0' || strlen(uri) > KS_URI_MAX)
        abort();
    check_round_trip(uri);
    /* What the decoder does next with it, short of loading. */
    ks_uri_redact(uri, shown, sizeof(shown));
    if (ks_uri_is_keystore(uri) && ks_uri_parse(uri, &parsed, &err) == KS_OK)
        ks_uri_clear(&parsed);
    OPENSSL_free(uri);
    return 0;
}
