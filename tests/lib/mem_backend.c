/*
 * A backend whose keys are in memory, with what an installed header offers and
 * nothing else.
 */
#include "mem_backend.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ks_soft_key.h"

struct key {
    struct key *next;
    char name[KS_KEY_NAME_MAX + 1];
    struct ks_record record;
    struct ks_secret inside; /* PKCS#8 of an operation key */
};

struct store {
    pthread_mutex_t mutex; /* of the list and all that is in it */
    struct key *keys;
    OSSL_LIB_CTX *libctx;
};

static void key_free(struct key *key)
{
    if (key == NULL)
        return;
    ks_record_clear(&key->record);
    ks_secret_clear(&key->inside);
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
    store->libctx = env->libctx;
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

static ks_rc copy_info(const struct ks_key_info *from, struct ks_key_info *to)
{
    ks_rc rc = ks_buf_set(&to->spki, from->spki.data, from->spki.len);

    if (rc == KS_OK)
        rc = ks_buf_set(&to->cert, from->cert.data, from->cert.len);
    if (rc == KS_OK)
        rc = ks_buf_set(&to->chain, from->chain.data, from->chain.len);
    memcpy(to->origin, from->origin, sizeof(to->origin));
    to->created = from->created;
    return rc;
}

static ks_rc copy_record(const struct ks_record *from, struct ks_record *to)
{
    ks_rc rc = copy_info(&from->info, &to->info);

    to->form = from->form;
    if (rc == KS_OK)
        rc = ks_secret_set(&to->private_half, from->private_half.data,
                           from->private_half.len);
    if (rc == KS_OK && from->recipients != NULL) {
        to->recipients = OPENSSL_strdup(from->recipients);
        rc = to->recipients != NULL ? KS_OK : KS_E_NOMEM;
    }
    return rc;
}

static ks_rc mem_get(void *data, const char *name, struct ks_record *record,
                     struct ks_err *err)
{
    struct store *store = data;
    struct ks_record copy = {0};
    const struct key *key;
    ks_rc rc = KS_E_NOT_FOUND;

    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key != NULL)
        rc = copy_record(&key->record, &copy);
    (void)pthread_mutex_unlock(&store->mutex);
    if (rc == KS_OK) {
        *record = copy;
        return rc;
    }
    ks_record_clear(&copy);
    return rc == KS_E_NOT_FOUND ? rc : ks_fail(err, rc, "out of memory");
}

static ks_rc mem_info(void *data, const char *name, struct ks_key_info *info,
                      struct ks_err *err)
{
    struct ks_record record = {0};
    ks_rc rc = mem_get(data, name, &record, err);

    if (rc != KS_OK)
        return rc;
    *info = record.info;
    memset(&record.info, 0, sizeof(record.info)); /* given to the caller */
    ks_record_clear(&record);
    return KS_OK;
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

/* A key of NAME that is in no list. */
static struct key *key_new(const char *name)
{
    struct key *key = OPENSSL_zalloc(sizeof(*key));

    if (key != NULL)
        strncpy(key->name, name, KS_KEY_NAME_MAX);
    return key;
}

/* Takes KEY, on failure too. */
static ks_rc insert(struct store *store, struct key *key, struct ks_err *err)
{
    struct key **slot;
    ks_rc rc = KS_OK;

    (void)pthread_mutex_lock(&store->mutex);
    slot = slot_of(store, key->name);
    if (*slot != NULL) {
        rc = ks_fail(err, KS_E_EXISTS, "%s: there is a key of that name",
                     key->name);
    } else {
        *slot = key;
        key = NULL; /* given to the store */
    }
    (void)pthread_mutex_unlock(&store->mutex);
    key_free(key);
    return rc;
}

static ks_rc mem_put(void *data, const char *name,
                     const struct ks_record *record, struct ks_err *err)
{
    struct key *key = key_new(name);
    ks_rc rc = key != NULL ? copy_record(record, &key->record) : KS_E_NOMEM;

    if (rc == KS_OK)
        return insert(data, key, err);
    key_free(key);
    return ks_fail(err, rc, "out of memory");
}

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* What is kept is what was got, as far as this backend changes anything. */
static bool is_same(const struct ks_record *a, const struct ks_record *b)
{
    return a->form == b->form &&
           same_bytes(a->private_half.data, a->private_half.len,
                      b->private_half.data, b->private_half.len) &&
           same_bytes(a->info.cert.data, a->info.cert.len, b->info.cert.data,
                      b->info.cert.len) &&
           same_bytes(a->info.chain.data, a->info.chain.len, b->info.chain.data,
                      b->info.chain.len);
}

static ks_rc mem_replace(void *data, const char *name,
                         const struct ks_record *old,
                         const struct ks_record *record, struct ks_err *err)
{
    struct store *store = data;
    struct key *fresh = key_new(name), *key;
    ks_rc rc = fresh != NULL ? copy_record(record, &fresh->record) : KS_E_NOMEM;

    if (rc != KS_OK)
        goto out;
    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key == NULL) {
        rc = KS_E_NOT_FOUND;
    } else if (!is_same(&key->record, old)) {
        rc = ks_fail(err, KS_E_BUSY, "%s: was changed meanwhile", name);
    } else {
        struct ks_record was = key->record;

        key->record = fresh->record;
        fresh->record = was;
    }
    (void)pthread_mutex_unlock(&store->mutex);
out:
    key_free(fresh);
    return rc;
}

/* ---- keys that stay inside ---- */

static EVP_PKEY *make(const struct store *store, const struct ks_keygen *spec)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(
        store->libctx, spec->algorithm, "provider=default");
    EVP_PKEY *pkey = NULL;

    if (pctx != NULL && EVP_PKEY_keygen_init(pctx) == 1 &&
        (spec->group == NULL ||
         EVP_PKEY_CTX_set_group_name(pctx, spec->group) == 1))
        (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

static ks_rc fill(struct key *key, EVP_PKEY *pkey)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *spki = NULL, *pkcs8 = NULL;
    int spki_len = i2d_PUBKEY(pkey, &spki);
    int pkcs8_len = i2d_PKCS8_PRIV_KEY_INFO(info, &pkcs8);
    ks_rc rc = KS_E_CRYPTO;

    if (spki_len > 0 && pkcs8_len > 0)
        rc = ks_buf_set(&key->record.info.spki, spki, (size_t)spki_len);
    if (rc == KS_OK)
        rc = ks_secret_set(&key->inside, pkcs8, (size_t)pkcs8_len);
    PKCS8_PRIV_KEY_INFO_free(info);
    OPENSSL_free(spki);
    OPENSSL_clear_free(pkcs8, pkcs8_len > 0 ? (size_t)pkcs8_len : 0);
    return rc;
}

static ks_rc both_generate(void *data, const char *name,
                           const struct ks_keygen *spec,
                           const struct ks_ask *ask, struct ks_buf *spki,
                           struct ks_err *err)
{
    struct store *store = data;
    struct ks_buf copy = {0};
    struct key *key;
    EVP_PKEY *pkey;
    ks_rc rc = KS_E_NOMEM;

    (void)ask;
    if (strncmp(name, "inside-", 7) != 0)
        return KS_E_UNSUPPORTED; /* made outside, then put */
    pkey = make(store, spec);
    if (pkey == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED, "%s: cannot be made",
                       spec->algorithm);
    key = key_new(name);
    if (key != NULL)
        rc = fill(key, pkey);
    EVP_PKEY_free(pkey);
    if (rc == KS_OK)
        rc = ks_buf_set(&copy, key->record.info.spki.data,
                        key->record.info.spki.len);
    if (rc != KS_OK) {
        key_free(key);
        return ks_fail(err, rc, "%s: cannot be kept", name);
    }
    rc = insert(store, key, err);
    if (rc == KS_OK)
        *spki = copy;
    else
        ks_buf_clear(&copy);
    return rc;
}

static ks_rc both_open_key(void *data, const char *name,
                           const struct ks_ask *ask,
                           const struct ks_key_ops **ops, void **out,
                           struct ks_buf *spki, struct ks_err *err)
{
    struct store *store = data;
    struct ks_buf copy = {0};
    void *opened = NULL;
    const struct key *key;
    ks_rc rc = KS_E_NOT_FOUND;

    (void)ask;
    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key != NULL && key->inside.len > 0)
        rc = ks_buf_set(&copy, key->record.info.spki.data,
                        key->record.info.spki.len);
    if (rc == KS_OK)
        rc = ks_soft_key_new(&key->inside, store->libctx, "provider=default",
                             &opened, err);
    (void)pthread_mutex_unlock(&store->mutex);
    if (rc != KS_OK) {
        ks_buf_clear(&copy);
        return rc;
    }
    *spki = copy;
    *ops = &ks_soft_key_ops;
    *out = opened;
    return KS_OK;
}

void test_mem_damage(void *data, const char *name)
{
    struct store *store = data;
    const struct key *key;

    (void)pthread_mutex_lock(&store->mutex);
    key = *slot_of(store, name);
    if (key != NULL)
        key->record.private_half.data[4] ^= 1; /* in the DER's first length */
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
    .get = mem_get,
    .put = mem_put,
    .replace = mem_replace,
};

const struct ks_backend test_both_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "/test/both",
    .open = mem_open,
    .close = mem_close,
    .list = mem_list,
    .info = mem_info,
    .remove = mem_remove,
    .get = mem_get,
    .put = mem_put,
    .replace = mem_replace,
    .generate = both_generate,
    .open_key = both_open_key,
};
