/*
 * A backend whose keys are made inside and never come out, as a token's: the
 * proof that the provider serves such backends. Keys live as long as the
 * store. A key whose name begins with "shut" can be made but not opened.
 */
#include "inside_backend.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ks_soft_key.h"

#define KEYS_MAX 32
#define NAME_MAX_LEN 64

struct entry {
    char name[NAME_MAX_LEN]; /* "": free */
    struct ks_buf spki;
    struct ks_secret pkcs8;
};

struct inside {
    pthread_mutex_t lock;
    OSSL_LIB_CTX *libctx;
    char *propq;
    struct entry entries[KEYS_MAX];
};

static ks_rc inside_open(const struct ks_backend_env *env, void **store,
                         struct ks_err *err)
{
    struct inside *inside = OPENSSL_zalloc(sizeof(*inside));

    if (inside == NULL || (inside->propq = OPENSSL_strdup(env->propq)) == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    (void)pthread_mutex_init(&inside->lock, NULL);
    inside->libctx = env->libctx;
    *store = inside;
    return KS_OK;
}

static void entry_clear(struct entry *entry)
{
    ks_buf_clear(&entry->spki);
    ks_secret_clear(&entry->pkcs8);
    entry->name[0] = '\0';
}

static void inside_close(void *store)
{
    struct inside *inside = store;
    size_t i;

    if (inside == NULL)
        return;
    for (i = 0; i < KEYS_MAX; i++)
        entry_clear(&inside->entries[i]);
    (void)pthread_mutex_destroy(&inside->lock);
    OPENSSL_free(inside->propq);
    OPENSSL_free(inside);
}

/* The entry of NAME; "" finds a free one. NULL if there is none. */
static struct entry *find(struct inside *inside, const char *name)
{
    size_t i;

    for (i = 0; i < KEYS_MAX; i++)
        if (strcmp(inside->entries[i].name, name) == 0)
            return &inside->entries[i];
    return NULL;
}

static ks_rc inside_list(void *store, ks_list_fn *each, void *arg,
                         struct ks_err *err)
{
    struct inside *inside = store;
    ks_rc rc = KS_OK;
    size_t i;

    (void)pthread_mutex_lock(&inside->lock);
    for (i = 0; i < KEYS_MAX && rc == KS_OK; i++)
        if (inside->entries[i].name[0] != '\0')
            rc = each(arg, inside->entries[i].name, err);
    (void)pthread_mutex_unlock(&inside->lock);
    return rc;
}

static ks_rc inside_info(void *store, const char *name,
                         struct ks_key_info *info, struct ks_err *err)
{
    struct inside *inside = store;
    const struct entry *entry;
    ks_rc rc = KS_E_NOT_FOUND;

    (void)err;
    (void)pthread_mutex_lock(&inside->lock);
    entry = find(inside, name);
    if (entry != NULL)
        rc = ks_buf_set(&info->spki, entry->spki.data, entry->spki.len);
    (void)pthread_mutex_unlock(&inside->lock);
    return rc;
}

static ks_rc inside_remove(void *store, const char *name,
                           const struct ks_ask *ask, struct ks_err *err)
{
    struct inside *inside = store;
    struct entry *entry;

    (void)ask;
    (void)err;
    (void)pthread_mutex_lock(&inside->lock);
    entry = find(inside, name);
    if (entry != NULL)
        entry_clear(entry);
    (void)pthread_mutex_unlock(&inside->lock);
    return entry != NULL ? KS_OK : KS_E_NOT_FOUND;
}

static EVP_PKEY *make(const struct inside *inside, const struct ks_keygen *spec)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(
        inside->libctx, spec->algorithm, inside->propq);
    EVP_PKEY *pkey = NULL;

    if (pctx != NULL && EVP_PKEY_keygen_init(pctx) == 1 &&
        (spec->group == NULL ||
         EVP_PKEY_CTX_set_group_name(pctx, spec->group) == 1))
        (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

static ks_rc fill(struct entry *entry, EVP_PKEY *pkey)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *spki = NULL, *pkcs8 = NULL;
    int spki_len = i2d_PUBKEY(pkey, &spki);
    int pkcs8_len = i2d_PKCS8_PRIV_KEY_INFO(info, &pkcs8);
    ks_rc rc = KS_E_CRYPTO;

    if (spki_len > 0 && pkcs8_len > 0)
        rc = ks_buf_set(&entry->spki, spki, (size_t)spki_len);
    if (rc == KS_OK)
        rc = ks_secret_set(&entry->pkcs8, pkcs8, (size_t)pkcs8_len);
    PKCS8_PRIV_KEY_INFO_free(info);
    OPENSSL_free(spki);
    OPENSSL_clear_free(pkcs8, pkcs8_len > 0 ? (size_t)pkcs8_len : 0);
    return rc;
}

static ks_rc inside_generate(void *store, const char *name,
                             const struct ks_keygen *spec,
                             const struct ks_ask *ask, struct ks_buf *spki,
                             struct ks_err *err)
{
    struct inside *inside = store;
    struct entry *entry;
    EVP_PKEY *pkey = make(inside, spec);
    ks_rc rc;

    (void)ask;
    if (pkey == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED, "%s: cannot be made",
                       spec->algorithm);
    (void)pthread_mutex_lock(&inside->lock);
    entry = find(inside, "");
    if (find(inside, name) != NULL)
        rc = ks_fail(err, KS_E_EXISTS, "%s: name is taken", name);
    else if (entry == NULL || strlen(name) >= sizeof(entry->name))
        rc = ks_fail(err, KS_E_FULL, "no room for %s", name);
    else
        rc = fill(entry, pkey);
    if (rc == KS_OK)
        rc = ks_buf_set(spki, entry->spki.data, entry->spki.len);
    if (rc == KS_OK)
        (void)OPENSSL_strlcpy(entry->name, name, sizeof(entry->name));
    (void)pthread_mutex_unlock(&inside->lock);
    EVP_PKEY_free(pkey);
    return rc;
}

static ks_rc inside_open_key(void *store, const char *name,
                             const struct ks_ask *ask,
                             const struct ks_key_ops **ops, void **key,
                             struct ks_buf *spki, struct ks_err *err)
{
    struct inside *inside = store;
    const struct entry *entry;
    ks_rc rc = KS_E_NOT_FOUND;

    (void)ask;
    if (strncmp(name, "shut", 4) == 0)
        return ks_fail(err, KS_E_DENIED, "%s: is shut", name);
    (void)pthread_mutex_lock(&inside->lock);
    entry = find(inside, name);
    if (entry != NULL)
        rc = ks_soft_key_new(&entry->pkcs8, inside->libctx, inside->propq, key,
                             err);
    if (rc == KS_OK) {
        rc = ks_buf_set(spki, entry->spki.data, entry->spki.len);
        if (rc != KS_OK)
            ks_soft_key_ops.free(*key);
    }
    (void)pthread_mutex_unlock(&inside->lock);
    if (rc == KS_OK)
        *ops = &ks_soft_key_ops;
    return rc;
}

const struct ks_backend test_inside_backend = {.abi = KS_BACKEND_ABI,
                                               .type = "/test/inside",
                                               .open = inside_open,
                                               .close = inside_close,
                                               .list = inside_list,
                                               .info = inside_info,
                                               .remove = inside_remove,
                                               .generate = inside_generate,
                                               .open_key = inside_open_key};
