/*
 * Modules of the process: one object for each, found by what dlopen makes of
 * its path, initialised once, anew after a fork.
 */
#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "gate.h"
#include "p11.h"

struct hsm_module {
    struct hsm_module *next;
    unsigned refs; /* under the lists' lock, as NEXT */
    char *path;
    void *library;
    CK_FUNCTION_LIST *f;
    struct hsm_p11 *p11; /* under LOADING; NULL until a token is made */
    /* The program (another library of it) had initialised the module before
     * us, and is who finalises it. */
    bool foreign;
    atomic_ulong epoch; /* from 1 */
    atomic_ulong ready; /* the epoch that is initialised; 0: none */
};

static struct hsm_module *modules;

/* Held while modules are loaded, initialised and unloaded, in the gate. */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static CK_RV initialise(struct hsm_module *module)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    bool again = atomic_load(&module->epoch) > 1;
    CK_RV rv = module->f->C_Initialize(&args);

    /* A module that does not notice forks goes on with the parent's state in
     * the child, and finalising that is ours if it was the parent's. */
    if (rv == CKR_OK)
        module->foreign = false;
    if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        if (!again)
            module->foreign = true;
        rv = CKR_OK;
    }
    if (rv == CKR_OK && !hsm_gate_arm()) {
        if (!module->foreign)
            (void)module->f->C_Finalize(NULL);
        rv = CKR_HOST_MEMORY;
    }
    if (rv == CKR_OK)
        atomic_store(&module->ready, atomic_load(&module->epoch));
    return rv;
}

static ks_rc get_functions(struct hsm_module *module, struct ks_err *err)
{
    CK_C_GetFunctionList get;
    CK_RV rv;

    /* ISO C has no cast from object to function pointers; POSIX does. */
    *(void **)&get = dlsym(module->library, "C_GetFunctionList");
    if (get == NULL)
        return ks_fail(err, KS_E_CONFIG,
                       "module %s: no PKCS#11 library (it has no "
                       "C_GetFunctionList)",
                       module->path);
    rv = get(&module->f);
    if (rv != CKR_OK || module->f == NULL)
        return hsm_ckr_fail(err, rv, "module %s: C_GetFunctionList",
                            module->path);
    if (module->f->version.major < 2)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "module %s: PKCS#11 %d.%d, at least 2.0 is needed",
                       module->path, module->f->version.major,
                       module->f->version.minor);
    return KS_OK;
}

/* *library, after looking whether there is such a file: dlerror's text does
 * not tell these cases apart for a program. */
static ks_rc open_library(const char *path, void **library, struct ks_err *err)
{
    const char *why;

    if (strchr(path, '/') != NULL && access(path, R_OK) != 0) {
        ks_hint(err, "set module to the PKCS#11 library of the HSM's maker");
        return ks_fail_errno(err, ks_rc_of_errno(errno), "module %s", path);
    }
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*library != NULL)
        return KS_OK;
    why = dlerror();
    return ks_fail(err,
                   strchr(path, '/') != NULL ? KS_E_CONFIG : KS_E_NOT_FOUND,
                   "module %s: cannot be loaded: %s", path,
                   why != NULL ? why : "no reason given");
}

static void discard(struct hsm_module *module)
{
    if (module->library != NULL)
        (void)dlclose(module->library);
    OPENSSL_free(module->path);
    OPENSSL_free(module);
}

/* Counted; by path, or by what dlopen gave for it if LIBRARY is not NULL. */
static struct hsm_module *find(const char *path, const void *library)
{
    struct hsm_module *module;

    hsm_lists_lock();
    for (module = modules; module != NULL; module = module->next)
        if (library != NULL ? module->library == library
                            : strcmp(module->path, path) == 0)
            break;
    if (module != NULL)
        module->refs++;
    hsm_lists_unlock();
    return module;
}

static ks_rc start(struct hsm_module *module, struct ks_err *err)
{
    CK_RV rv;
    ks_rc rc = get_functions(module, err);

    if (rc != KS_OK)
        return rc;
    rv = initialise(module);
    if (rv == CKR_OK)
        return KS_OK;
    rc = hsm_ckr_fail(err, rv, "module %s: C_Initialize", module->path);
    return rc == KS_E_UNSUPPORTED || rc == KS_E_NOMEM ? rc : KS_E_CRYPTO;
}

/* LOADING is held. */
static ks_rc load(const char *path, struct hsm_module **out, struct ks_err *err)
{
    struct hsm_module *module = find(path, NULL); /* another thread was first */
    void *library;
    ks_rc rc;

    if (module != NULL) {
        *out = module;
        return KS_OK;
    }
    rc = open_library(path, &library, err);
    if (rc != KS_OK)
        return rc;
    module = find(path, library); /* by another name */
    if (module != NULL) {
        (void)dlclose(library);
        *out = module;
        return KS_OK;
    }
    module = OPENSSL_zalloc(sizeof(*module));
    if (module == NULL) {
        (void)dlclose(library);
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    module->library = library;
    module->path = OPENSSL_strdup(path);
    module->refs = 1;
    atomic_init(&module->epoch, 1);
    rc = module->path == NULL ? ks_fail(err, KS_E_NOMEM, "out of memory")
                              : start(module, err);
    if (rc != KS_OK) {
        discard(module);
        return rc;
    }
    hsm_lists_lock();
    module->next = modules;
    modules = module;
    hsm_lists_unlock();
    *out = module;
    return KS_OK;
}

ks_rc hsm_module_get(const char *path, struct hsm_module **out,
                     struct ks_err *err)
{
    ks_rc rc;

    *out = find(path, NULL);
    if (*out != NULL)
        return KS_OK;
    if (!hsm_gate_enter())
        return ks_fail(err, KS_E_CRYPTO, "module %s: the process is exiting",
                       path);
    (void)pthread_mutex_lock(&loading);
    rc = load(path, out, err);
    (void)pthread_mutex_unlock(&loading);
    hsm_gate_leave();
    return rc;
}

void hsm_module_ref(struct hsm_module *module)
{
    hsm_lists_lock();
    module->refs++;
    hsm_lists_unlock();
}

/* True if that was the last one; the module is then on no list. */
static bool drop(struct hsm_module *module)
{
    struct hsm_module **link = &modules;
    bool last;

    hsm_lists_lock();
    last = --module->refs == 0;
    while (last && *link != NULL && *link != module)
        link = &(*link)->next;
    if (last && *link != NULL)
        *link = module->next;
    hsm_lists_unlock();
    return last;
}

static void finalise(struct hsm_module *module)
{
    bool ready = hsm_module_is_ready(module);

    hsm_p11_free(module->p11, ready && !module->foreign);
    module->p11 = NULL;
    if (ready && !module->foreign)
        (void)module->f->C_Finalize(NULL);
    atomic_store(&module->ready, 0);
}

void hsm_module_put(struct hsm_module *module)
{
    if (module == NULL)
        return;
    if (!hsm_gate_enter()) {
        if (drop(module)) {
            module->library = NULL; /* its destructors are about to run */
            discard(module);
        }
        return;
    }
    /* One that is loaded again at this moment waits for LOADING. */
    (void)pthread_mutex_lock(&loading);
    if (drop(module)) {
        finalise(module);
        discard(module);
    }
    (void)pthread_mutex_unlock(&loading);
    hsm_gate_leave();
}

const char *hsm_module_path(const struct hsm_module *module)
{
    return module->path;
}

bool hsm_module_is_ready(const struct hsm_module *module)
{
    return atomic_load(&module->ready) == atomic_load(&module->epoch);
}

unsigned long hsm_module_epoch(const struct hsm_module *module)
{
    return atomic_load(&module->epoch);
}

static CK_RV initialise_again(struct hsm_module *module)
{
    CK_RV rv = CKR_OK;

    (void)pthread_mutex_lock(&loading);
    if (!hsm_module_is_ready(module))
        rv = initialise(module);
    (void)pthread_mutex_unlock(&loading);
    return rv;
}

CK_RV hsm_module_enter(struct hsm_module *module, CK_FUNCTION_LIST **functions)
{
    CK_RV rv = CKR_OK;

    if (!hsm_gate_enter())
        return CKR_FUNCTION_CANCELED;
    if (!hsm_module_is_ready(module))
        rv = initialise_again(module);
    if (rv != CKR_OK) {
        hsm_gate_leave();
        return rv;
    }
    *functions = module->f;
    return CKR_OK;
}

void hsm_module_leave(struct hsm_module *module)
{
    (void)module;
    hsm_gate_leave();
}

CK_RV hsm_module_use(struct hsm_module *module, CK_FUNCTION_LIST **functions)
{
    CK_RV rv = hsm_module_enter(module, functions);

    if (rv == CKR_OK)
        hsm_module_leave(module);
    return rv;
}

void hsm_module_lost(struct hsm_module *module, unsigned long epoch)
{
    hsm_lists_lock();
    if (atomic_load(&module->epoch) == epoch)
        atomic_store(&module->epoch, epoch + 1);
    hsm_lists_unlock();
}

struct renewal {
    struct hsm_module *module;
    unsigned long epoch;
    bool done;
};

static void renew(void *arg)
{
    struct renewal *renewal = arg;
    struct hsm_module *module = renewal->module;

    (void)pthread_mutex_lock(&loading);
    renewal->done = atomic_load(&module->epoch) != renewal->epoch;
    if (!renewal->done && !module->foreign) {
        finalise(module);
        hsm_module_lost(module, renewal->epoch);
        renewal->done = true;
    }
    (void)pthread_mutex_unlock(&loading);
}

bool hsm_module_renew(struct hsm_module *module, unsigned long epoch)
{
    struct renewal renewal = {module, epoch, false};

    return hsm_gate_alone(renew, &renewal) && renewal.done;
}

ks_rc hsm_module_p11(struct hsm_module *module, struct hsm_p11 **p11,
                     struct ks_err *err)
{
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&loading);
    if (module->p11 == NULL)
        rc = hsm_p11_new(module->path, &module->p11, err);
    *p11 = module->p11;
    (void)pthread_mutex_unlock(&loading);
    return rc;
}

void hsm_modules_in_child(void)
{
    (void)pthread_mutex_init(&loading, NULL);
    for (struct hsm_module *m = modules; m != NULL; m = m->next) {
        (void)atomic_fetch_add(&m->epoch, 1);
        m->p11 = NULL; /* the parent's; its locks may be held */
    }
}

/* Counted: one that is initialised in this process. */
static struct hsm_module *find_ready(void)
{
    struct hsm_module *module;

    hsm_lists_lock();
    for (module = modules; module != NULL; module = module->next)
        if (hsm_module_is_ready(module))
            break;
    if (module != NULL)
        module->refs++;
    hsm_lists_unlock();
    return module;
}

/* Nobody is inside a module and nobody comes in any more. */
void hsm_modules_at_exit(void)
{
    struct hsm_module *module;

    while ((module = find_ready()) != NULL) {
        finalise(module);
        hsm_module_put(module);
    }
}
