/*
 * The configuration, and the backends that it names.
 */
#include "stores.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "backends.h"
#include "ks_config.h"
#include "stores_own.h"

struct prov_stores *prov_stores_new(const struct prov_ctx *ctx)
{
    struct prov_stores *stores = OPENSSL_zalloc(sizeof(*stores));

    if (stores == NULL)
        return NULL;
    stores->ctx = ctx;
    stores->lock = CRYPTO_THREAD_lock_new();
    stores->plugins = prov_plugins_new();
    if (stores->lock == NULL || stores->plugins == NULL) {
        prov_stores_free(stores);
        return NULL;
    }
    return stores;
}

static void slots_free(struct prov_slot *slots, size_t n_slots)
{
    size_t i;

    for (i = 0; i < n_slots; i++) {
        if (slots[i].open)
            prov_store_close(&slots[i].store);
        CRYPTO_THREAD_lock_free(slots[i].lock);
    }
    OPENSSL_free(slots);
}

void prov_stores_free(struct prov_stores *stores)
{
    if (stores == NULL)
        return;
    slots_free(stores->slots, stores->n_slots);
    prov_plugins_free(stores->plugins); /* their stores are closed */
    ks_config_close(stores->config);
    CRYPTO_THREAD_lock_free(stores->lock);
    OPENSSL_free(stores);
}

const char *prov_stores_own_setting(const struct prov_ctx *ctx, const char *key)
{
    char *value = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr(key, &value, 0), OSSL_PARAM_END};

    if (!ctx->core.get_params(ctx->handle, params))
        return NULL;
    return value;
}

static ks_rc make_slots(const struct ks_config *config, struct prov_slot **out,
                        size_t *n_out, struct ks_err *err)
{
    size_t count = ks_config_count(config), n = 0, i;
    struct prov_slot *slots = OPENSSL_zalloc((count + 1) * sizeof(*slots));

    if (slots == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    for (i = 0; i < count; i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind != KS_SECTION_BACKEND)
            continue;
        slots[n].section = section;
        slots[n].lock = CRYPTO_THREAD_lock_new();
        if (slots[n++].lock == NULL) {
            slots_free(slots, n);
            return ks_fail(err, KS_E_NOMEM, "out of memory");
        }
    }
    *out = slots;
    *n_out = n;
    return KS_OK;
}

/* With stores->lock held. */
static ks_rc read_config(struct prov_stores *stores, struct ks_err *err)
{
    struct ks_config *config = NULL;
    char *path = NULL;
    ks_rc rc = ks_config_find(prov_stores_own_setting(stores->ctx, "config"),
                              &path, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_config_open(path, &config, err);
    OPENSSL_free(path);
    if (rc != KS_OK)
        return rc;
    rc = make_slots(config, &stores->slots, &stores->n_slots, err);
    if (rc != KS_OK) {
        ks_config_close(config);
        return rc;
    }
    stores->config = config;
    return KS_OK;
}

ks_rc prov_stores_need_config(struct prov_stores *stores, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (!CRYPTO_THREAD_write_lock(stores->lock))
        return ks_fail(err, KS_E_INTERNAL, "cannot lock the configuration");
    if (stores->config == NULL)
        rc = read_config(stores, err);
    CRYPTO_THREAD_unlock(stores->lock);
    return rc;
}

/* The configuration has checked that it is yes or no. */
static bool is_extractable(const struct ks_section *section)
{
    const char *value = ks_section_get(section, "extractable");
    bool extractable = true;

    return value == NULL || !ks_bool_parse(value, &extractable) || extractable;
}

static ks_rc find_plugin(const struct prov_stores *stores,
                         const struct ks_section *section, const char *type,
                         const struct ks_backend **backend, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = prov_plugin_get(stores->plugins, type, backend, &why);

    if (rc == KS_OK)
        return KS_OK;
    ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s: [backend %s] type: %s",
                   ks_config_path(stores->config), section->name, why.text);
}

/* The type of SECTION; *backend is borrowed. */
static ks_rc find_type(const struct prov_stores *stores,
                       const struct ks_section *section,
                       const struct ks_backend **backend, struct ks_err *err)
{
    const char *type = ks_section_get(section, "type");
    const char *path = ks_config_path(stores->config);

    if (type == NULL)
        return ks_fail(err, KS_E_CONFIG, "%s: [backend %s]: no type", path,
                       section->name);
    *backend = prov_backend_find(type);
    if (*backend != NULL)
        return KS_OK;
    if (prov_plugin_is_path(type))
        return find_plugin(stores, section, type, backend, err);
    ks_hint(err, "built in: %s", prov_backend_types);
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: [backend %s]: type %s is not built into this "
                   "keystore module",
                   path, section->name, type);
}

ks_rc prov_stores_peers(const struct prov_stores *stores, const char *type,
                        const struct ks_section ***out, size_t *n_out,
                        struct ks_err *err)
{
    const struct ks_section **peers =
        OPENSSL_zalloc((stores->n_slots + 1) * sizeof(*peers));
    size_t i, n = 0;

    if (peers == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    for (i = 0; i < stores->n_slots; i++) {
        const char *other = ks_section_get(stores->slots[i].section, "type");

        if (other != NULL && strcmp(other, type) == 0)
            peers[n++] = stores->slots[i].section;
    }
    *out = peers;
    *n_out = n;
    return KS_OK;
}

/* What SECTION is opened with, but for the peers. */
static void fill_env(const struct prov_stores *stores,
                     const struct ks_section *section,
                     struct ks_backend_env *env)
{
    const struct ks_backend_env filled = {
        .name = section->name,
        .dir = ks_config_dir(stores->config),
        .settings = section->settings,
        .n_settings = section->n_settings,
        .libctx = stores->ctx->child,
        .propq = stores->ctx->propq,
    };

    *env = filled;
}

/* With slot->lock held. */
static ks_rc open_slot(struct prov_stores *stores, struct prov_slot *slot,
                       struct ks_err *err)
{
    const struct ks_section *section = slot->section;
    const struct ks_section **peers = NULL;
    struct prov_store *store = &slot->store;
    struct ks_backend_env env;
    ks_rc rc = find_type(stores, section, &store->backend, err);

    if (rc != KS_OK)
        return rc;
    fill_env(stores, section, &env);
    rc = prov_stores_peers(stores, ks_section_get(section, "type"), &peers,
                           &env.n_peers, err);
    if (rc != KS_OK)
        return rc;
    env.peers = peers;
    store->name = section->name;
    store->dir = env.dir;
    store->passphrase = ks_section_get(section, "passphrase");
    store->extractable = is_extractable(section);
    store->stores = stores;
    rc = prov_store_open(store, &env, err);
    OPENSSL_free(peers);
    return rc;
}

static ks_rc no_such_backend(const struct prov_stores *stores, const char *name,
                             struct ks_err *err)
{
    char names[128] = "";
    size_t i, used = 0;

    for (i = 0; i < stores->n_slots; i++) {
        const char *known = stores->slots[i].section->name;
        size_t len = strlen(known);

        if (used + len + 3 > sizeof(names))
            break;
        if (used > 0) {
            names[used++] = ',';
            names[used++] = ' ';
        }
        memcpy(names + used, known, len + 1);
        used += len;
    }
    ks_hint(err, "configured: %s", used > 0 ? names : "no backend at all");
    return ks_fail(err, KS_E_NOT_FOUND, "no backend \"%s\" in %s", name,
                   ks_config_path(stores->config));
}

static struct prov_slot *find_slot(const struct prov_stores *stores,
                                   const char *name)
{
    size_t i;

    for (i = 0; i < stores->n_slots; i++)
        if (strcmp(stores->slots[i].section->name, name) == 0)
            return &stores->slots[i];
    return NULL;
}

ks_rc prov_stores_get(struct prov_stores *stores, const char *name,
                      const struct prov_store **out, struct ks_err *err)
{
    struct prov_slot *slot;
    ks_rc rc = prov_stores_need_config(stores, err);

    if (rc != KS_OK)
        return rc;
    slot = find_slot(stores, name);
    if (slot == NULL)
        return no_such_backend(stores, name, err);
    if (!CRYPTO_THREAD_write_lock(slot->lock))
        return ks_fail(err, KS_E_INTERNAL, "cannot lock backend \"%s\"", name);
    if (!slot->open) {
        rc = open_slot(stores, slot, err);
        slot->open = rc == KS_OK;
    }
    CRYPTO_THREAD_unlock(slot->lock);
    if (rc == KS_OK)
        *out = &slot->store;
    return rc;
}

ks_rc prov_stores_env(struct prov_stores *stores, const char *name,
                      const struct ks_backend **backend,
                      struct ks_backend_env *env, struct ks_err *err)
{
    const struct prov_slot *slot;
    ks_rc rc = prov_stores_need_config(stores, err);

    if (rc != KS_OK)
        return rc;
    slot = find_slot(stores, name);
    if (slot == NULL)
        return no_such_backend(stores, name, err);
    fill_env(stores, slot->section, env);
    return find_type(stores, slot->section, backend, err);
}

const char *prov_store_setting(const struct prov_store *store,
                               const char *backend, const char *key)
{
    const struct prov_slot *slot = NULL;

    if (backend == NULL)
        backend = store->name;
    if (backend != NULL) /* then there is a configuration, read by now */
        slot = find_slot(store->stores, backend);
    return slot != NULL ? ks_section_get(slot->section, key) : NULL;
}
