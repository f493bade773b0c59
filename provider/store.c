/*
 * One open store: for a URI, its count, its certificates.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "keyring.h"
#include "stores.h"
#include "stores_own.h"

/* In the provider's section; the name that pkcs11-provider has for it. */
#define PROV_MODULE_SETTING "pkcs11-module-path"

/* Of a store that is opened for a URI. */
struct prov_store_refs {
    atomic_int n;
};

/* For material keys: how they are sealed, and the place that they are in. */
static ks_rc set_place(struct prov_store *store,
                       const struct ks_backend_env *env, struct ks_err *err)
{
    const struct ks_place place = {.name = store->name,
                                   .backend = store->backend,
                                   .store = store->handle,
                                   .crypto = &store->crypto};
    const struct ks_keyring keyring = prov_keyring(store->stores->ctx);
    ks_rc rc;

    store->crypto.libctx = env->libctx;
    store->crypto.propq = store->stores->ctx->propq; /* outlives STORE */
    rc = ks_sealing_new(env->name != NULL ? env->name : store->backend->type,
                        env->settings, env->n_settings, &store->crypto,
                        &keyring, &store->sealing, err);
    if (rc != KS_OK)
        return rc;
    store->place = place;
    store->place.sealing = store->sealing;
    return KS_OK;
}

ks_rc prov_store_open(struct prov_store *store,
                      const struct ks_backend_env *env, struct ks_err *err)
{
    ks_rc rc = store->backend->open(env, &store->handle, err);

    if (rc != KS_OK || store->backend->put == NULL)
        return rc;
    rc = set_place(store, env, err);
    if (rc != KS_OK)
        prov_store_close(store);
    return rc;
}

void prov_store_close(struct prov_store *store)
{
    store->backend->close(store->handle);
    ks_sealing_free(store->sealing);
    store->handle = NULL;
    store->sealing = NULL;
}

/* A URI needs no configuration; but one that is there has to be good: a key
 * shall not be looked for elsewhere because of a slip in it. */
static ks_rc try_config(struct prov_stores *stores, struct ks_err *err)
{
    struct ks_err absent = {0};
    ks_rc rc = prov_stores_need_config(stores, &absent);

    if (rc == KS_OK || rc == KS_E_NOT_FOUND)
        return KS_OK;
    ks_hint(err, "%s", absent.hint);
    return ks_fail(err, rc, "%s", absent.text);
}

/* With STORE all zero but for its backend. */
static ks_rc open_uri(struct prov_stores *stores, struct prov_store *store,
                      const char *uri, struct ks_err *err)
{
    const char *module =
        prov_stores_own_setting(stores->ctx, PROV_MODULE_SETTING);
    const struct ks_setting setting = {"module", module};
    const struct ks_section **peers = NULL;
    struct ks_backend_env env = {
        .settings = &setting,
        .n_settings = module != NULL ? 1 : 0,
        .libctx = stores->ctx->child,
        .propq = stores->ctx->propq,
        .uri = uri,
    };
    ks_rc rc = try_config(stores, err);

    if (rc == KS_OK)
        rc = prov_stores_peers(stores, store->backend->type, &peers,
                               &env.n_peers, err);
    if (rc != KS_OK)
        return rc;
    env.peers = peers;
    if (stores->config != NULL)
        env.dir = store->dir = ks_config_dir(stores->config);
    store->extractable = true;
    store->stores = stores;
    rc = prov_store_open(store, &env, err);
    OPENSSL_free(peers);
    return rc;
}

ks_rc prov_stores_open_uri(struct prov_stores *stores,
                           const struct ks_backend *backend, const char *uri,
                           const struct prov_store **out, struct ks_err *err)
{
    struct prov_store *store = OPENSSL_zalloc(sizeof(*store));
    struct prov_store_refs *refs = OPENSSL_zalloc(sizeof(*refs));
    ks_rc rc = KS_E_NOMEM;

    if (store == NULL || refs == NULL) {
        (void)ks_fail(err, rc, "out of memory");
        goto out;
    }
    atomic_init(&refs->n, 1);
    store->refs = refs;
    store->backend = backend;
    rc = open_uri(stores, store, uri, err);
    if (rc != KS_OK)
        goto out;
    *out = store;
    store = NULL; /* given to *out, and REFS with it */
    refs = NULL;
out:
    OPENSSL_free(refs);
    OPENSSL_free(store);
    return rc;
}

const struct prov_store *prov_store_ref(const struct prov_store *store)
{
    if (store->refs != NULL)
        atomic_fetch_add(&store->refs->n, 1);
    return store;
}

void prov_store_unref(const struct prov_store *store)
{
    if (store == NULL || store->refs == NULL ||
        atomic_fetch_sub(&store->refs->n, 1) != 1)
        return;
    prov_store_close((struct prov_store *)store); /* prov_stores_open_uri's */
    OPENSSL_free(store->refs);
    OPENSSL_free((void *)store);
}

ks_rc prov_store_cert(const struct prov_store *store, const char *name,
                      struct ks_buf *cert, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    if (cert->len > 0 || store->backend->certificate == NULL)
        return KS_OK;
    rc = store->backend->certificate(store->handle, name, cert, &why);
    if (rc == KS_OK || rc == KS_E_NOT_FOUND)
        return KS_OK;
    ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

static bool same_file(const char *dir, const char *setting, const char *path)
{
    char *below = dir != NULL ? ks_path_below(dir, setting) : NULL;
    struct stat one, other;
    bool same = stat(below != NULL ? below : setting, &one) == 0 &&
                stat(path, &other) == 0 && one.st_dev == other.st_dev &&
                one.st_ino == other.st_ino;

    OPENSSL_free(below);
    return same;
}

bool prov_store_names_module(const struct prov_store *store, const char *path)
{
    const struct prov_stores *stores = store->stores;
    const char *module =
        prov_stores_own_setting(stores->ctx, PROV_MODULE_SETTING);
    bool named = module != NULL && same_file(NULL, module, path);
    size_t i;

    for (i = 0; i < stores->n_slots && !named; i++) {
        module = ks_section_get(stores->slots[i].section, "module");
        named = module != NULL && same_file(store->dir, module, path);
    }
    return named;
}
