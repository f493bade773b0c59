/*
 * Backends in shared objects. Nothing of one is believed before the file, the
 * size of its table, and the number at the table's start were checked, in
 * this order.
 */
#include "plugin.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ks_code.h"
#include "plugin_file.h"

struct plugin {
    struct plugin *next;
    char *path; /* as configured */
    void *handle;
    const struct ks_backend *backend; /* in it */
};

struct prov_plugins {
    pthread_mutex_t lock; /* of the list, and while one is loaded */
    struct plugin *first;
};

struct prov_plugins *prov_plugins_new(void)
{
    struct prov_plugins *plugins = OPENSSL_zalloc(sizeof(*plugins));

    if (plugins != NULL && pthread_mutex_init(&plugins->lock, NULL) != 0) {
        OPENSSL_free(plugins);
        return NULL;
    }
    return plugins;
}

static void plugin_free(struct plugin *plugin)
{
    if (plugin == NULL)
        return;
    if (plugin->handle != NULL)
        (void)dlclose(plugin->handle); /* nobody could do anything about it */
    OPENSSL_free(plugin->path);
    OPENSSL_free(plugin);
}

void prov_plugins_free(struct prov_plugins *plugins)
{
    if (plugins == NULL)
        return;
    while (plugins->first != NULL) {
        struct plugin *plugin = plugins->first;

        plugins->first = plugin->next;
        plugin_free(plugin);
    }
    (void)pthread_mutex_destroy(&plugins->lock);
    OPENSSL_free(plugins);
}

bool prov_plugin_is_path(const char *type)
{
    return strchr(type, '/') != NULL;
}

/* ---- the table of callbacks ---- */

struct member {
    const char *name;
    size_t at;
};
#define MEMBER(name)                                                           \
    {                                                                          \
#        name, offsetof(struct ks_backend, name)                               \
    }

static const struct member needed[] = {MEMBER(type),  MEMBER(open),
                                       MEMBER(close), MEMBER(list),
                                       MEMBER(info),  MEMBER(remove)};
/* All of them, or none. */
static const struct member material[] = {MEMBER(get), MEMBER(put),
                                         MEMBER(replace)};
/* None of them without open_key. */
static const struct member inside[] = {MEMBER(generate), MEMBER(import),
                                       MEMBER(extract)};
/* Which URIs a provider knows is settled when it is built. */
static const struct member never[] = {MEMBER(scheme), MEMBER(parse_uri)};
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Members are pointers, to data and to functions. */
static bool has(const struct ks_backend *backend, const struct member *member)
{
    static const void *const nothing;

    return memcmp((const char *)backend + member->at, &nothing,
                  sizeof(nothing)) != 0;
}

/* The first of N MEMBERS that is there, or is not; NULL: there is none. */
static const char *first(const struct ks_backend *backend, bool there,
                         const struct member *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (has(backend, &members[i]) == there)
            return members[i].name;
    return NULL;
}

/* What BACKEND lacks; NULL: nothing. */
static const char *missing_in(const struct ks_backend *backend)
{
    const char *missing = first(backend, false, needed, N_OF(needed));
    bool keeps = first(backend, true, material, N_OF(material)) != NULL;
    bool makes = first(backend, true, inside, N_OF(inside)) != NULL;

    if (missing == NULL && keeps)
        missing = first(backend, false, material, N_OF(material));
    if (missing != NULL || backend->open_key != NULL)
        return missing;
    if (makes)
        return "open_key";
    return keeps ? NULL : "get, put and replace, or open_key";
}

static ks_rc check_members(const char *path, const struct ks_backend *backend,
                           struct ks_err *err)
{
    const char *missing = missing_in(backend);
    const char *too_many = first(backend, true, never, N_OF(never));

    if (missing == NULL && too_many == NULL)
        return KS_OK;
    ks_hint(err, "ks_backend.h says which callbacks go together");
    if (missing != NULL)
        return ks_fail(err, KS_E_CONFIG, "%s: backend without %s", path,
                       missing);
    return ks_fail(err, KS_E_CONFIG,
                   "%s: backend with %s, which only a built-in one can have",
                   path, too_many);
}

/* ---- the file ---- */

static ks_rc not_ours(const char *path, struct ks_err *err)
{
    ks_hint(err, "a backend exports one variable, struct ks_backend "
                 "ks_backend; caadm's docs/backend.md");
    return ks_fail(err, KS_E_CONFIG, "%s: not a backend: no variable %s in it",
                   path, KS_BACKEND_SYMBOL);
}

/* The size of the variable at ADDRESS; 0 if it is none. */
static size_t size_of(const void *address)
{
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;

    if (dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0 ||
        symbol == NULL || info.dli_saddr != address ||
        ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
        return 0;
    return symbol->st_size;
}

static ks_rc check_table(const char *path, const struct ks_backend *backend,
                         struct ks_err *err)
{
    size_t size = backend != NULL ? size_of(backend) : 0;

    if (size < offsetof(struct ks_backend, abi) + sizeof(backend->abi))
        return not_ours(path, err);
    if (backend->abi != KS_BACKEND_ABI) {
        ks_hint(err, "build it with the ks_backend.h of this version");
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: made for version %u of the backend interface, and "
                       "this is version %u",
                       path, (unsigned)backend->abi, KS_BACKEND_ABI);
    }
    if (size < sizeof(*backend))
        return not_ours(path, err);
    return check_members(path, backend, err);
}

static ks_rc not_loaded(const char *path, const char *real, struct ks_err *err)
{
    const char *why = dlerror();
    size_t len = strlen(real);

    if (why == NULL)
        why = "no reason given";
    if (strncmp(why, real, len) == 0 && why[len] == ':')
        why += len + 1 + (why[len + 1] == ' ');
    if (strstr(why, "undefined symbol: ks_") != NULL)
        ks_hint(err, "link it with pkg-config --libs keystore-backend");
    else
        ks_hint(err,
                "it must be a shared object for this machine, and all "
                "that it needs must be there: ldd %s",
                path);
    return ks_fail(err, KS_E_CONFIG, "%s: cannot be loaded: %s", path, why);
}

static ks_rc load(const char *path, struct plugin *plugin, struct ks_err *err)
{
    char *real = NULL;
    ks_rc rc = ks_code_check(path, &real, err);

    if (rc == KS_OK)
        rc = prov_plugin_file_check(real, err);
    if (rc == KS_OK) {
        plugin->path = OPENSSL_strdup(path);
        if (plugin->path == NULL)
            rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    }
    if (rc != KS_OK)
        goto out;
    plugin->handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (plugin->handle == NULL) {
        rc = not_loaded(path, real, err);
        goto out;
    }
    plugin->backend = dlsym(plugin->handle, KS_BACKEND_SYMBOL);
    rc = check_table(path, plugin->backend, err);
out:
    OPENSSL_free(real);
    return rc;
}

static const struct plugin *find(const struct prov_plugins *plugins,
                                 const char *path)
{
    const struct plugin *plugin = plugins->first;

    while (plugin != NULL && strcmp(plugin->path, path) != 0)
        plugin = plugin->next;
    return plugin;
}

/* With plugins->lock held. What failed is tried again next time. */
static ks_rc add(struct prov_plugins *plugins, const char *path,
                 const struct ks_backend **out, struct ks_err *err)
{
    struct plugin *plugin = OPENSSL_zalloc(sizeof(*plugin));
    ks_rc rc = plugin != NULL
                   ? load(path, plugin, err)
                   : ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);

    if (rc == KS_OK) {
        *out = plugin->backend;
        plugin->next = plugins->first;
        plugins->first = plugin;
        plugin = NULL; /* given to the list */
    }
    plugin_free(plugin);
    return rc;
}

ks_rc prov_plugin_get(struct prov_plugins *plugins, const char *path,
                      const struct ks_backend **out, struct ks_err *err)
{
    const struct plugin *known;
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&plugins->lock);
    known = find(plugins, path);
    if (known != NULL)
        *out = known->backend;
    else
        rc = add(plugins, path, out, err);
    (void)pthread_mutex_unlock(&plugins->lock);
    return rc;
}
