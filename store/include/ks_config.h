/*
 * caadm.conf, parsed and checked: docs/man/caadm.conf.5. Unknown sections
 * and keys, duplicates, bad values and a file that others may write are
 * errors that name file, section and key.
 */
#ifndef KS_CONFIG_H
#define KS_CONFIG_H

#include <stddef.h>

#include "ks_err.h"
#include "ks_setting.h"

struct ks_config;

/*
 * The file that would be read, by DESIGN's order: PATH if not NULL; else
 * CAADM_CONFIG; else CAADM_HOME/caadm.conf; else /etc/caadm/caadm.conf if it
 * exists; else $XDG_CONFIG_HOME/caadm/caadm.conf (~/.config). Environment by
 * secure_getenv. Caller frees *out with OPENSSL_free. KS_E_NOMEM,
 * KS_E_NOT_FOUND where not even a name can be made (no HOME).
 */
KS_MUST_CHECK ks_rc ks_config_find(const char *path, char **out,
                                   struct ks_err *err);

/* Reads and checks PATH. KS_E_NOT_FOUND if there is no such file (with a
 * text and a hint), KS_E_CONFIG, KS_E_DENIED, KS_E_IO, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_config_open(const char *path, struct ks_config **out,
                                   struct ks_err *err);
void ks_config_close(struct ks_config *config);

/* All borrowed from CONFIG. */
const char *ks_config_path(const struct ks_config *config);
const char *ks_config_dir(const struct ks_config *config); /* absolute */
/* Absolute path of the inventory; "caadm.db" beside the file by default. */
const char *ks_config_database(const struct ks_config *config);

size_t ks_config_count(const struct ks_config *config);
const struct ks_section *ks_config_at(const struct ks_config *config,
                                      size_t index);
/* NULL if there is no such section. */
const struct ks_section *ks_config_section(const struct ks_config *config,
                                           enum ks_section_kind kind,
                                           const char *name);

/* One row per setting that caadm.conf may hold: for checking, for help, and
 * compared with the man page by a test. Ends with a NULL key. */
struct ks_setting_doc {
    const char *section; /* "caadm", "backend", "backend file", "profile" */
    const char *key;
    const char *kind;     /* "path", "source", "passphrase", "bool", "uint",
                              "word", "text", "kdf", or choices such as
                              "none|passphrase" */
    const char *fallback; /* text of the default; NULL: none */
    const char *help;
};
extern const struct ks_setting_doc ks_setting_docs[];

#endif
