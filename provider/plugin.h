/*
 * Backends in shared objects: "type = /PATH.so" in caadm.conf. What such a
 * file must be to be loaded is in docs/backend.md.
 */
#ifndef PROV_PLUGIN_H
#define PROV_PLUGIN_H

#include <stdbool.h>

#include "ks_backend.h"

/* The shared objects that are loaded so far. */
struct prov_plugins;

/* NULL when out of memory. */
struct prov_plugins *prov_plugins_new(void);
/* Unloads them all: when every store of theirs is closed. Takes NULL. */
void prov_plugins_free(struct prov_plugins *plugins);

/* True if TYPE, of caadm.conf, means a shared object. */
bool prov_plugin_is_path(const char *type);

/*
 * The backend in the shared object PATH, which is loaded when it is first
 * asked for. Borrowed from PLUGINS. Any thread may call it. KS_E_CONFIG (no
 * such file, not a backend), KS_E_DENIED (others may write it),
 * KS_E_UNSUPPORTED (made for another version of ks_backend.h).
 */
KS_MUST_CHECK ks_rc prov_plugin_get(struct prov_plugins *plugins,
                                    const char *path,
                                    const struct ks_backend **out,
                                    struct ks_err *err);

#endif
