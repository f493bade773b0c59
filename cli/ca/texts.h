/*
 * Lists of texts, and hashes as texts.
 */
#ifndef CA_TEXTS_H
#define CA_TEXTS_H

#include "ca.h"

/* Appends a formatted text. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ca_strings_add(struct ca_strings *strings,
                                   const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes TEXT (OPENSSL_malloc; NULL: out of memory). KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ca_strings_take(struct ca_strings *strings, char *text);

/* KS_E_NOMEM with its text. */
ks_rc ca_nomem(struct ks_err *err);

/* Lower-case digits of DATA into OUT, which has room for 2 * LEN + 1. */
void ca_hex(const uint8_t *data, size_t len, char *out);

/* SHA-256. KS_E_CRYPTO. */
KS_MUST_CHECK ks_rc ca_sha256(const void *data, size_t len,
                              uint8_t out[KS_HASH_LEN], struct ks_err *err);

/* The rest of a memory BIO as a text with a NUL; NULL when out of memory.
 * Caller frees with OPENSSL_free. */
char *ca_bio_text(BIO *bio);

#endif
