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

/* As hsm_module_use, and until hsm_module_leave neither fork nor exit of
 * another thread finds the module in the middle of a call. Every direct call
 * stands between the two (those of a task of hsm_run do). Ask nobody for
 * anything in between. */
CK_RV hsm_module_enter(struct hsm_module *module, CK_FUNCTION_LIST **functions);
void hsm_module_leave(struct hsm_module *module);

/* True if this process has initialised it, and no use has to do that first. */
bool hsm_module_is_ready(const struct hsm_module *module);

/* Raised whenever every handle of the module has become invalid: after a
 * fork, and after hsm_module_lost. */
unsigned long hsm_module_epoch(const struct hsm_module *module);

/* Somebody else has finalised the module that was good in EPOCH: the next
 * use initialises it anew. */
void hsm_module_lost(struct hsm_module *module, unsigned long epoch);

/* Finalises the module that was good in EPOCH, when no thread is inside it;
 * the next use initialises it anew. Nothing to do if that has happened since.
 * False if it cannot be done: others are at work, or the module is somebody
 * else's. Not between enter and leave. */
bool hsm_module_renew(struct hsm_module *module, unsigned long epoch);

/* libp11's view of the module, made when it is first asked for; borrowed.
 * Between enter and leave. */
struct hsm_p11;
KS_MUST_CHECK ks_rc hsm_module_p11(struct hsm_module *module,
                                   struct hsm_p11 **p11, struct ks_err *err);

/*
 * Loads and initialises PATH in a child process that ends at once, so that a
 * module which crashes does not take us along. KS_OK; KS_E_CONFIG with what
 * happened (missing, not PKCS#11, signal 11, hangs longer than 10 s).
 */
KS_MUST_CHECK ks_rc hsm_module_probe(const char *path, struct ks_err *err);

#endif
