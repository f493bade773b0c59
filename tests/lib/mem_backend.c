/*
 * A backend whose keys are in memory. Keys are really sealed there, so that a
 * wrong secret is wrong.
 */
#include "mem_backend.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>

#include "key_pair.h"
#include "ks_uri.h"
#include "seal.h"
#include "unlock.h"

/* As cheap as scrypt gets: nobody is to try passphrases here. */
static const struct ks_kdf cheap = {.n = 2, .r = 1, .p = 1};

struct key {
    struct key *next;
    char name[KS_KEY_NAME_MAX + 1];
    struct ks_buf sealed;
    struct ks_buf spki;
    time_t created;
};

struct store {
    pthread_mutex_t mutex; /* of the list and all that is in it */
    struct key *keys;
    char name[KS_BACKEND_NAME_MAX + 1];
    struct ks_crypto crypto;
};

static void key_free(struct key *key)
{
    if (key == NULL)
        return;
    ks_buf_clear(&key->sealed);
    ks_buf_clear(&key->spki);
    OPENSSL_free(key);
}

/* Where the pointer to the key NAME is; to NULL if there is none. */
static struct key **slot_of(struct store *store, const char *name)
{
    struct key **slot = &store->keys;

    while (*slot != NULL && strcmp((*slot)->name, name) != 0)
        slot = &(*slot)->next;
    return slot;
}

static ks_rc mem_open(const struct ks_backend_env *env, void **out,
                      struct ks_err *err)
{
    struct store *store = OPENSSL_zalloc(sizeof(*store));

    (void)err;
    if (store == NULL)
        return KS_E_NOMEM;
    (void)pthread_mutex_init(&store->mutex, NULL);
    strncpy(store->name, env->name, KS_BACKEND_NAME_MAX);
    store->crypto = (struct ks_crypto){env->libctx, NULL};
    *out = store;
    return KS_OK;
}

static void mem_close(void *data)
{
    struct store *store = data;

    if (store == NULL)
        return;
    while (store->keys != NULL) {
        struct key *key = store->keys;

        store->keys = key->next;
        key_free(key);
    }
    (void)pthread_mutex_destroy(&store->mutex);
    OPENSSL_free(store);
}

/* Names are copied first: whoever is told one may call the store. */
static ks_rc mem_list(void *data, ks_list_fn *each, void *arg,
                      struct ks_err *err)
{
    struct store *store = data;
    char(*names)[KS_KEY_NAME_MAX + 1] = NULL;
    size_t n = 0, i = 0;
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&store->mutex);
    for (const struct key *key = store->keys; key != NULL; key = key->next)
        n++;
    names = OPENSSL_zalloc((n + 1) * sizeof(*names));
    for (const struct key *key = store->keys; names != NULL && key != NULL;
         key = key->next)
        memcpy(names[i++], key->name, sizeof(*names));
    (void)pthread_mutex_unlock(&store->mutex);
    if (names == NULL)
        return KS_E_NOMEM;
    for (i = 0; rc == KS_OK && i < n; i++)
        rc = each(arg, names[i], err);
    OPENSSL_free(names);
    return rc;
}

static ks_rc mem_info(void *data, const char *name, struct ks_key_info *info,
                      struct ks_err *err)
{
    struct store *store = data;
    const struct key *key;
    ks_rc rc = KS_E_NOT_FOUND;

    (void)err;
    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key != NULL)
        rc = ks_buf_set(&info->spki, key->spki.data, key->spki.len);
    if (rc == KS_OK)
        info->created = key->created;
    (void)pthread_mutex_unlock(&store->mutex);
    return rc;
}

static ks_rc mem_remove(void *data, const char *name, const struct ks_ask *ask,
                        struct ks_err *err)
{
    struct store *store = data;
    struct key **slot, *key;

    (void)ask;
    (void)err;
    (void)pthread_mutex_lock(&store->mutex);
    slot = slot_of(store, name);
    key = *slot;
    if (key != NULL)
        *slot = key->next;
    (void)pthread_mutex_unlock(&store->mutex);
    if (key == NULL)
        return KS_E_NOT_FOUND;
    key_free(key);
    return KS_OK;
}

/* Copies what is kept of NAME, so that secrets are asked for unlocked. */
static ks_rc copy_key(struct store *store, const char *name, struct key *copy)
{
    const struct key *key;
    ks_rc rc = KS_E_NOT_FOUND;

    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key != NULL)
        rc = ks_buf_set(&copy->sealed, key->sealed.data, key->sealed.len);
    if (rc == KS_OK)
        rc = ks_buf_set(&copy->spki, key->spki.data, key->spki.len);
    (void)pthread_mutex_unlock(&store->mutex);
    return rc;
}

static ks_rc mem_load(void *data, const char *name, const struct ks_ask *ask,
                      struct ks_secret *pkcs8, struct ks_err *err)
{
    struct store *store = data;
    struct key copy = {0};
    char *uri = NULL;
    ks_rc rc = copy_key(store, name, &copy);

    if (rc == KS_OK)
        rc = ks_uri_format(store->name, name, &uri);
    if (rc == KS_OK)
        rc = ks_seal_check(&copy.sealed, err);
    if (rc == KS_OK)
        rc = ks_unlock(&store->crypto, uri, &copy.sealed, ask, pkcs8, err);
    if (rc == KS_OK) {
        rc = ks_key_pair_check(&store->crypto, pkcs8, &copy.spki, err);
        if (rc != KS_OK)
            ks_secret_clear(pkcs8);
    }
    OPENSSL_free(uri);
    ks_buf_clear(&copy.sealed);
    ks_buf_clear(&copy.spki);
    return rc;
}

static ks_rc make_key(const struct store *store, const char *name,
                      const struct ks_buf *spki, const struct ks_secret *pkcs8,
                      const struct ks_ask *ask, struct key **out,
                      struct ks_err *err)
{
    struct key *key = OPENSSL_zalloc(sizeof(*key));
    char *uri = NULL;
    ks_rc rc = KS_E_NOMEM;

    if (key != NULL)
        rc = ks_uri_format(store->name, name, &uri);
    if (rc == KS_OK)
        rc = ks_lock_up(&store->crypto, uri, pkcs8, &cheap, ask, &key->sealed,
                        err);
    if (rc == KS_OK)
        rc = ks_buf_set(&key->spki, spki->data, spki->len);
    OPENSSL_free(uri);
    if (rc != KS_OK) {
        key_free(key);
        return rc;
    }
    strncpy(key->name, name, KS_KEY_NAME_MAX);
    key->created = time(NULL);
    *out = key;
    return KS_OK;
}

static ks_rc mem_save(void *data, const char *name, const struct ks_buf *spki,
                      const struct ks_secret *pkcs8, unsigned usage,
                      const struct ks_ask *ask, struct ks_err *err)
{
    struct store *store = data;
    struct key *key = NULL, **slot;
    ks_rc rc = ks_key_pair_check(&store->crypto, pkcs8, spki, err);

    (void)usage;
    if (rc == KS_OK)
        rc = make_key(store, name, spki, pkcs8, ask, &key, err);
    if (rc != KS_OK)
        return rc;
    (void)pthread_mutex_lock(&store->mutex);
    slot = slot_of(store, name);
    if (*slot != NULL) {
        rc = ks_fail(err, KS_E_EXISTS, "%s: there is a key of that name", name);
    } else {
        *slot = key;
        key = NULL; /* given to the store */
    }
    (void)pthread_mutex_unlock(&store->mutex);
    key_free(key);
    return rc;
}

static ks_rc mem_reseal(void *data, const char *name, const struct ks_ask *ask,
                        const struct ks_ask *new_ask, struct ks_err *err)
{
    struct store *store = data;
    struct ks_secret pkcs8 = {0};
    struct ks_key_info info = {0};
    struct key *fresh = NULL, *key;
    ks_rc rc = mem_load(store, name, ask, &pkcs8, err);

    if (rc == KS_OK)
        rc = mem_info(store, name, &info, err);
    if (rc == KS_OK)
        rc = make_key(store, name, &info.spki, &pkcs8, new_ask, &fresh, err);
    if (rc == KS_OK) {
        (void)pthread_mutex_lock(&store->mutex);
        key = *slot_of(store, name);
        if (key == NULL) {
            rc = KS_E_NOT_FOUND;
        } else {
            struct ks_buf old = key->sealed;

            key->sealed = fresh->sealed;
            fresh->sealed = old;
        }
        (void)pthread_mutex_unlock(&store->mutex);
    }
    key_free(fresh);
    ks_key_info_clear(&info);
    ks_secret_clear(&pkcs8);
    return rc;
}

void test_mem_damage(void *data, const char *name)
{
    struct store *store = data;
    const struct key *key;

    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key != NULL)
        key->sealed.data[4] ^= 1; /* inside the DER's first length */
    (void)pthread_mutex_unlock(&store->mutex);
}

const struct ks_backend test_mem_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "mem",
    .open = mem_open,
    .close = mem_close,
    .list = mem_list,
    .info = mem_info,
    .remove = mem_remove,
    .load = mem_load,
    .save = mem_save,
    .reseal = mem_reseal,
};
