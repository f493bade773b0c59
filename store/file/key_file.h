/*
 * The text of a key file: docs/formats.md. No file is opened here.
 */
#ifndef KS_KEY_FILE_H
#define KS_KEY_FILE_H

#include "ks_backend.h"
#include "ks_buf.h"
#include "seal/seal.h"

#define KS_KEY_FILE_MAX (64 * 1024)

struct ks_key_file {
    char *name; /* "Key:" line; NULL if it has none */
    struct ks_record record;
};
void ks_key_file_clear(struct ks_key_file *file);

/* Reads LEN bytes. Texts of errors begin with the fault, not with a name.
 * Caller clears *file. KS_E_DAMAGED, KS_E_UNSUPPORTED, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_key_file_parse(const struct ks_crypto *crypto,
                                      const uint8_t *data, size_t len,
                                      struct ks_key_file *file,
                                      struct ks_err *err);

/* Writes the text of a file of RECORD, the key NAME (may be NULL); *text is
 * secret because a plain key may be in it. Caller clears *text. KS_E_INVALID
 * (too large, or it could not be read again), KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_key_file_format(const struct ks_crypto *crypto,
                                       const char *name,
                                       const struct ks_record *record,
                                       struct ks_secret *text,
                                       struct ks_err *err);

#endif
