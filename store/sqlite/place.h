/*
 * The file of a database of keys, before SQLite opens it: whose it is, who may
 * write beside it, and its making. The file is never opened here: closing it
 * again would drop the locks that SQLite has on it (fcntl(2)).
 */
#ifndef KS_SQLITE_PLACE_H
#define KS_SQLITE_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "ks_err.h"

/* PATH must be a regular file, no symbolic link, of root's or ours, and
 * private. *status tells one file from another. KS_E_NOT_FOUND without a text,
 * KS_E_DENIED, KS_E_CONFIG, KS_E_IO. */
KS_MUST_CHECK ks_rc ks_sqlite_file_check(const char *path, struct stat *status,
                                         struct ks_err *err);

/* The directory of PATH must be root's or ours, and nobody else may write
 * there: SQLite believes what lies beside a database under the right name.
 * KS_E_NOT_FOUND with a text. */
KS_MUST_CHECK ks_rc ks_sqlite_folder_check(const char *path,
                                           struct ks_err *err);

/* Makes PATH, empty and mode 0600, unless there is something of that name;
 * KS_OK in both cases. */
KS_MUST_CHECK ks_rc ks_sqlite_file_make(const char *path, struct ks_err *err);

/* Whether we can write nothing beside PATH, and nobody has begun to: then
 * SQLite may only be told that PATH is immutable, or it refuses to read it in
 * WAL mode. */
bool ks_sqlite_cannot_write(const char *path);

#endif
