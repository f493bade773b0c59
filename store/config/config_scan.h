/*
 * What iniparser lets pass in silence, found before it reads the file:
 * duplicates, values cut short by ';' and '#', lines that swallow the next.
 */
#ifndef KS_CONFIG_SCAN_H
#define KS_CONFIG_SCAN_H

#include <stddef.h>

#include "ks_err.h"

#define KS_CONFIG_SIZE_MAX (64 * 1024)

/* Checks LEN bytes of TEXT, read from PATH. KS_E_CONFIG with a text that
 * names PATH, the line and, where there are any, section and key; it quotes
 * no value. */
KS_MUST_CHECK ks_rc ks_config_scan(const char *path, const char *text,
                                   size_t len, struct ks_err *err);

#endif
