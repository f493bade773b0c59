/*
 * The table of settings, for the parser of caadm.conf.
 */
#ifndef KS_CONFIG_KEYS_H
#define KS_CONFIG_KEYS_H

#include <stdbool.h>

#include "ks_config.h"

/* The section of the table for backends in shared objects. No type that is a
 * word can lead to it. */
#define KS_SETTING_PLUGIN "backend /PATH"

/* The row of KEY, in any case, in SECTION as the table names it; or NULL. */
const struct ks_setting_doc *ks_setting_find(const char *section,
                                             const char *key);

/* Whether the table has a row for SECTION. */
bool ks_setting_section_known(const char *section);

/* KS_E_CONFIG, with a text that names neither section nor key, unless VALUE
 * is of DOC's kind. */
KS_MUST_CHECK ks_rc ks_setting_check(const struct ks_setting_doc *doc,
                                     const char *value, struct ks_err *err);

#endif
