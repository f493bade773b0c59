/*
 * PKCS#11 modules: loaded and initialised once in a process, however many
 * library contexts, backends and threads use them; anew in a forked child;
 * and finalised before the module's own destructors run.
 *
 * Traps: docs of this folder (README.md, "Process, fork, exit").
 */
#ifndef HSM_MODULE_H
#define HSM_MODULE_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "ks_err.h"

struct hsm_module;

/*
 * The module at PATH (absolute, or a name that dlopen finds), loaded and
 * initialised if it is not. Counted. KS_E_NOT_FOUND (no such file),
 * KS_E_CONFIG (not a PKCS#11 library), KS_E_UNSUPPORTED, KS_E_CRYPTO, each
 * with a text that names PATH.
 */
KS_MUST_CHECK ks_rc hsm_module_get(const char *path, struct hsm_module **out,
                                   struct ks_err *err);
void hsm_module_ref(struct hsm_module *module);
/* With the last reference the module is finalised and unloaded. Takes NULL;
 * does nothing once the process exits. */
void hsm_module_put(struct hsm_module *module);

/* Borrowed. */
const char *hsm_module_path(const struct hsm_module *module);

/* The module's functions, after making sure that this process (it may be a
 * child) has initialised it. CKR_OK, or why not. */
CK_RV hsm_module_use(struct hsm_module *module, CK_FUNCTION_LIST **functions);

/* Raised whenever every handle of the module has become invalid (fork). */
unsigned long hsm_module_epoch(const struct hsm_module *module);

/*
 * Loads and initialises PATH in a child process that ends at once, so that a
 * module which crashes does not take us along. KS_OK; KS_E_CONFIG with what
 * happened (missing, not PKCS#11, signal 11, hangs longer than 10 s).
 */
KS_MUST_CHECK ks_rc hsm_module_probe(const char *path, struct ks_err *err);

#endif
