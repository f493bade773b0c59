/*
 * Key names as file names. What a key may be called is wider than what a file
 * may: names can have slashes, begin with a dot, or be too long.
 */
#ifndef KS_FILE_NAME_H
#define KS_FILE_NAME_H

#include <stdbool.h>

#include "file/key_file_lines.h"
#include "ks_uri.h"
#include "seal/seal.h"

#define KS_FILE_NAME_SIZE 256 /* NAME_MAX and a NUL */

enum ks_file_kind {
    KS_FILE_OTHER, /* none of ours */
    KS_FILE_KEY,   /* a key, whose name the file's name says */
    KS_FILE_LONG,  /* a key, whose name only its "Key:" line says */
};

/* The name of NAME's file: letters, digits, '-', '_' and inner '.' as they
 * are, all else percent-encoded, and ".pem"; where that is too long,
 * "%sha256-" and the hash of NAME. KS_E_CRYPTO. */
KS_MUST_CHECK ks_rc ks_file_name(const struct ks_crypto *crypto,
                                 const char *name,
                                 char out[static KS_FILE_NAME_SIZE],
                                 struct ks_err *err);

/* What FILE_NAME is; for KS_FILE_KEY the key's name is written to OUT. */
enum ks_file_kind ks_file_name_read(const char *file_name,
                                    char out[static KS_KEY_NAME_MAX + 1]);

#endif
