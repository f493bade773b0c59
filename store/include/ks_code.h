/*
 * Files of code that a configuration names: who can have written them.
 */
#ifndef KS_CODE_H
#define KS_CODE_H

#include "ks_err.h"

/*
 * Checks that only root and the user of this process can have written the
 * shared object PATH, or can put another in its place: a regular file at an
 * absolute path, and every folder above it, belong to one of the two and are
 * closed to others' writing (a folder may be sticky instead). *real is its
 * path without symbolic links, to load it by; OPENSSL_free. REAL may be NULL.
 * KS_E_CONFIG (absent, no file, a symbolic link, relative), KS_E_DENIED.
 */
KS_MUST_CHECK ks_rc ks_code_check(const char *path, char **real,
                                  struct ks_err *err);

#endif
