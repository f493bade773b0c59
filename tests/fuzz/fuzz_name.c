/*
 * Distinguished names: what is parsed comes out as a text that parses to the
 * same name.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ca.h"
#include "fuzz.h"

static void check_again(const X509_NAME *name)
{
    X509_NAME *again = NULL;
    char *text = ca_name_text(name);

    if (text == NULL || ca_name_parse(text, &again, NULL) != KS_OK ||
        X509_NAME_cmp(name, again) != 0)
        abort();
    X509_NAME_free(again);
    OPENSSL_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_err err = {0};
    X509_NAME *name = NULL;
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (ca_name_parse(text, &name, &err) == KS_OK)
        check_again(name);
    else if (err.text[0] == '\0' || name != NULL)
        abort();
    X509_NAME_free(name);
    free(text);
    return 0;
}
