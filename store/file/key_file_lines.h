/*
 * The lines before the first PEM block of a key file. All of them may be
 * absent: such a file comes from openssl(1).
 */
#ifndef KS_KEY_FILE_LINES_H
#define KS_KEY_FILE_LINES_H

#include <stdbool.h>
#include <time.h>

#include <openssl/types.h>

#include "file/key_file.h"

#define KS_DIGEST_TEXT_LEN 64 /* SHA-256 in hexadecimal */

struct ks_key_lines {
    char *name; /* OPENSSL_malloc; NULL if absent */
    time_t created;
    char origin[KS_ORIGIN_SIZE];                /* "" if absent */
    char *recipients;                           /* as in ks_record */
    char sealed_digest[KS_DIGEST_TEXT_LEN + 1]; /* "" if absent */
    char public_digest[KS_DIGEST_TEXT_LEN + 1];
    char certs_digest[KS_DIGEST_TEXT_LEN + 1];
};
void ks_key_lines_clear(struct ks_key_lines *lines);

/* Reads the lines of a file's LEN bytes. *lines is { 0 } on failure.
 * KS_E_DAMAGED, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_key_lines_parse(const uint8_t *data, size_t len,
                                       struct ks_key_lines *lines,
                                       struct ks_err *err);

/* Writes the lines of RECORD, the key NAME (may be NULL), to BIO. */
bool ks_key_lines_write(const struct ks_crypto *crypto, const char *name,
                        const struct ks_record *record, BIO *bio);

/* SHA-256 of DER in lower-case hexadecimal, with a NUL; false where there is
 * no SHA-256. It finds accidents; whoever can write the file can write this
 * too. */
bool ks_key_file_digest(const struct ks_crypto *crypto,
                        const struct ks_buf *der,
                        char out[static KS_DIGEST_TEXT_LEN + 1]);

#endif
