/*
 * Lists of texts, and hashes as texts.
 */
#include "texts.h"

#include <stdarg.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

ks_rc ca_nomem(struct ks_err *err)
{
    return ks_fail(err, KS_E_NOMEM, "out of memory");
}

void ca_strings_clear(struct ca_strings *strings)
{
    if (strings == NULL)
        return;
    for (size_t i = 0; i < strings->n; i++)
        OPENSSL_free(strings->items[i]);
    OPENSSL_free(strings->items);
    *strings = (struct ca_strings){0};
}

ks_rc ca_strings_take(struct ca_strings *strings, char *text)
{
    char **items;

    if (text == NULL)
        return KS_E_NOMEM;
    items = OPENSSL_realloc(strings->items, (strings->n + 1) * sizeof(*items));
    if (items == NULL) {
        OPENSSL_free(text);
        return KS_E_NOMEM;
    }
    items[strings->n++] = text;
    strings->items = items;
    return KS_OK;
}

ks_rc ca_strings_add(struct ca_strings *strings, const char *format, ...)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (bio != NULL && BIO_vprintf(bio, format, args) >= 0)
        text = ca_bio_text(bio);
    va_end(args);
    BIO_free(bio);
    return ca_strings_take(strings, text);
}

void ca_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}

ks_rc ca_sha256(const void *data, size_t len, uint8_t out[KS_HASH_LEN],
                struct ks_err *err)
{
    if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1)
        return KS_OK;
    return ks_fail(err, KS_E_CRYPTO, "cannot hash");
}

char *ca_bio_text(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return OPENSSL_strndup(len > 0 ? data : "", len > 0 ? (size_t)len : 0);
}
