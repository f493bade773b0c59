/*
 * Alternative names and name constraints: a SAN that was parsed parses again
 * from its text, and every refusal says why.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fuzz.h"
#include "san.h"

static void check_again(const GENERAL_NAME *name)
{
    GENERAL_NAME *again = NULL;
    char *text = ca_san_text(name);

    if (text == NULL)
        abort();
    /* other names of rare types are shown, not written */
    if (name->type != GEN_OTHERNAME &&
        (ca_san_parse(text, &again, NULL) != KS_OK ||
         again->type != name->type))
        abort();
    GENERAL_NAME_free(again);
    OPENSSL_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_err err = {0};
    GENERAL_NAME *name = NULL;
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (ca_san_parse(text, &name, &err) == KS_OK)
        check_again(name);
    else if (err.text[0] == '\0' || name != NULL)
        abort();
    GENERAL_NAME_free(name);
    name = NULL;
    if (ca_constraint_parse(text, &name, NULL) != KS_OK && name != NULL)
        abort();
    GENERAL_NAME_free(name);
    free(text);
    return 0;
}
