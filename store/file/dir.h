/*
 * The directory of a file backend: private, and locked while it is written.
 */
#ifndef KS_FILE_DIR_H
#define KS_FILE_DIR_H

#include <stdbool.h>

#include "ks_err.h"

/* Opens PATH, making it (not its parents) if CREATE. It must be a directory,
 * no symbolic link, of root's or ours, and private to its owner.
 * KS_E_NOT_FOUND with a text, KS_E_DENIED, KS_E_CONFIG, KS_E_IO. */
KS_MUST_CHECK ks_rc ks_file_dir_open(const char *path, bool create, int *dir,
                                     struct ks_err *err);

/* Waits for the one writer's lock and takes it. KS_E_BUSY after some time,
 * KS_E_DENIED on a read-only file system. */
KS_MUST_CHECK ks_rc ks_file_dir_lock(const char *path, int dir, int *lock,
                                     struct ks_err *err);

/* Gives the lock back, and closes it; -1 for none. */
void ks_file_dir_unlock(int lock);

/* Makes changes of the directory last. */
KS_MUST_CHECK ks_rc ks_file_dir_sync(const char *path, int dir,
                                     struct ks_err *err);

/* close(2), with none for -1. */
void ks_file_close(int fd);

#endif
