/*
 * One file of a directory of keys: read with care, written wholly or not at
 * all.
 */
#ifndef KS_FILE_IO_H
#define KS_FILE_IO_H

#include <stdbool.h>

#include "ks_buf.h"

/* A directory that is open. */
struct ks_file_dir {
    const char *path; /* for messages */
    int fd;
};

/* Reads FILE_NAME, at most KS_KEY_FILE_MAX bytes of it, into *text. It must
 * be a regular file, no symbolic link, of root's or ours, and private.
 * KS_E_NOT_FOUND without a text, KS_E_DENIED, KS_E_DAMAGED, KS_E_IO. Caller
 * clears *text. */
KS_MUST_CHECK ks_rc ks_file_read(const struct ks_file_dir *dir,
                                 const char *file_name, struct ks_secret *text,
                                 struct ks_err *err);

/* Whether there is something by that name. */
bool ks_file_exists(const struct ks_file_dir *dir, const char *file_name);

/* Writes TEXT as FILE_NAME, mode 0600, under the directory's lock; in place
 * of the one that is there if REPLACE, else KS_E_EXISTS if there is one. On
 * stable storage when it returns. KS_E_FULL, KS_E_DENIED, KS_E_IO. */
KS_MUST_CHECK ks_rc ks_file_write(const struct ks_file_dir *dir,
                                  const char *file_name,
                                  const struct ks_secret *text, bool replace,
                                  struct ks_err *err);

/* Removes FILE_NAME under the directory's lock. KS_E_NOT_FOUND without a
 * text. */
KS_MUST_CHECK ks_rc ks_file_remove(const struct ks_file_dir *dir,
                                   const char *file_name, struct ks_err *err);

/* Removes what writers that died left behind, under the directory's lock. */
void ks_file_sweep(const struct ks_file_dir *dir);

#endif
