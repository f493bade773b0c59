/*
 * The keys of a directory.
 */
#ifndef KS_FILE_LIST_H
#define KS_FILE_LIST_H

#include "file/io.h"
#include "ks_backend.h"
#include "seal/seal.h"

/* Calls EACH with every key's name, sorted. Files that are no keys by their
 * name are passed over. */
KS_MUST_CHECK ks_rc ks_file_list(const struct ks_crypto *crypto,
                                 const struct ks_file_dir *dir,
                                 ks_list_fn *each, void *arg,
                                 struct ks_err *err);

#endif
