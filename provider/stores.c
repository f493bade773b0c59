/*
 * The configured backends, opened on first use.
 */
#include "stores.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "backends.h"
#include "ks_config.h"

/* One [backend NAME]. LOCK guards the opening only: an open store does not
 * change. A backend that is slow to open holds up nobody but its users. */
struct slot {
    CRYPTO_RWLOCK *lock;
    const struct ks_section *section;
    bool open;
    struct prov_store store;
};

struct prov_stores {
    const struct prov_ctx *ctx;
    CRYPTO_RWLOCK *lock; /* guards the fields below, until they are set */
    struct ks_config *config;
    struct slot *slots;
    size_t n_slots;
};

struct prov_stores *prov_stores_new(const struct prov_ctx *ctx)
{
    struct prov_stores *stores = OPENSSL_zalloc(sizeof(*stores));

    if (stores == NULL)
        return NULL;
    stores->ctx = ctx;
    stores->lock = CRYPTO_THREAD_lock_new();
    if (stores->lock == NULL) {
        OPENSSL_free(stores);
        return NULL;
    }
    return stores;
}

static void slots_free(struct slot *slots, size_t n_slots)
{
    size_t i;

    for (i = 0; i < n_slots; i++) {
        if (slots[i].open)
            slots[i].store.backend->close(slots[i].store.handle);
        CRYPTO_THREAD_lock_free(slots[i].lock);
    }
    OPENSSL_free(slots);
}

void prov_stores_free(struct prov_stores *stores)
{
    if (stores == NULL)
        return;
    slots_free(stores->slots, stores->n_slots);
    ks_config_close(stores->config);
    CRYPTO_THREAD_lock_free(stores->lock);
    OPENSSL_free(stores);
}

/* "config = PATH" of the provider's section in openssl.cnf, or NULL. */
static const char *configured_path(const struct prov_ctx *ctx)
{
    char *path = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr("config", &path, 0),
                           OSSL_PARAM_END};

    if (!ctx->core.get_params(ctx->handle, params))
        return NULL;
    return path;
}

static ks_rc make_slots(const struct ks_config *config, struct slot **out,
                        size_t *n_out, struct ks_err *err)
{
    size_t count = ks_config_count(config), n = 0, i;
    struct slot *slots = OPENSSL_zalloc((count + 1) * sizeof(*slots));

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
    ks_rc rc = ks_config_find(configured_path(stores->ctx), &path, err);

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

static ks_rc need_config(struct prov_stores *stores, struct ks_err *err)
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

static bool is_sealing(const struct ks_section *section)
{
    const char *value = ks_section_get(section, "sealing");

    return value == NULL || strcmp(value, "none") != 0;
}

/* With slot->lock held. */
static ks_rc open_slot(const struct prov_stores *stores, struct slot *slot,
                       struct ks_err *err)
{
    const struct ks_section *section = slot->section;
    struct prov_store *store = &slot->store;
    const char *type = ks_section_get(section, "type");
    const char *path = ks_config_path(stores->config);
    struct ks_backend_env env = {
        .name = section->name,
        .dir = ks_config_dir(stores->config),
        .settings = section->settings,
        .n_settings = section->n_settings,
        .libctx = stores->ctx->child,
        .propq = stores->ctx->propq,
    };

    if (type == NULL)
        return ks_fail(err, KS_E_CONFIG, "%s: [backend %s]: no type", path,
                       section->name);
    store->backend = prov_backend_find(type);
    if (store->backend == NULL) {
        ks_hint(err, "built in: %s", prov_backend_types);
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: [backend %s]: type %s is not built into this "
                       "keystore module",
                       path, section->name, type);
    }
    store->name = section->name;
    store->dir = env.dir;
    store->passphrase = ks_section_get(section, "passphrase");
    store->extractable = is_extractable(section);
    store->sealing = is_sealing(section);
    return store->backend->open(&env, &store->handle, err);
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

ks_rc prov_stores_get(struct prov_stores *stores, const char *name,
                      const struct prov_store **out, struct ks_err *err)
{
    struct slot *slot = NULL;
    size_t i;
    ks_rc rc = need_config(stores, err);

    if (rc != KS_OK)
        return rc;
    for (i = 0; i < stores->n_slots && slot == NULL; i++)
        if (strcmp(stores->slots[i].section->name, name) == 0)
            slot = &stores->slots[i];
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
