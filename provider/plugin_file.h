/*
 * A shared object as a file, before it is loaded.
 */
#ifndef PROV_PLUGIN_FILE_H
#define PROV_PLUGIN_FILE_H

#include "ks_err.h"

/* KS_E_CONFIG if PATH is cut short: the dynamic linker maps what is not there
 * too, and the program dies of a signal (SIGBUS) where it is touched. All else
 * that can be wrong with it the linker tells. */
KS_MUST_CHECK ks_rc prov_plugin_file_check(const char *path,
                                           struct ks_err *err);

#endif
