/*
 * caadm.conf as a file: who may write it, and its bytes.
 */
#ifndef KS_CONFIG_FILE_H
#define KS_CONFIG_FILE_H

#include <sys/stat.h>

#include "ks_buf.h"

/* Reads PATH into *text, after checking that nobody but root, its reader and
 * its reader's groups can have written it. *status tells which file it was.
 * It may hold secrets, so it is one. KS_E_NOT_FOUND, KS_E_DENIED,
 * KS_E_CONFIG, KS_E_IO, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_config_read(const char *path, struct ks_secret *text,
                                   struct stat *status, struct ks_err *err);

#endif
