/*
 * The file backend: a directory with one key file a key. It keeps nothing
 * open between calls, so threads, forks and other processes need no care.
 */
#include "ks_backend.h"

#include <string.h>

#include <openssl/crypto.h>

#include "file/dir.h"
#include "file/io.h"
#include "file/list.h"
#include "file/name.h"
#include "key_file.h"
#include "key_pair.h"
#include "ks_kdf.h"
#include "ks_uri.h"
#include "seal.h"
#include "unlock.h"

struct store {
    char *name;
    char *path;
    char *propq;
    struct ks_crypto crypto;
    struct ks_kdf kdf;
    bool sealed; /* keys are kept under a passphrase */
};

/* One call on one key: names for the file and for messages. */
struct target {
    const struct store *store;
    const char *name;
    char file_name[KS_FILE_NAME_SIZE];
    char *uri;
    struct ks_file_dir dir;
};

static const char *setting(const struct ks_backend_env *env, const char *key,
                           const char *fallback)
{
    const char *value = ks_setting_get(env->settings, env->n_settings, key);

    return value != NULL ? value : fallback;
}

static void file_close(void *data)
{
    struct store *store = data;

    if (store == NULL)
        return;
    OPENSSL_free(store->name);
    OPENSSL_free(store->path);
    OPENSSL_free(store->propq);
    OPENSSL_free(store);
}

/* With a slash at its end a link would be followed after all (open(2)). */
static void cut_slashes(char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
}

static ks_rc fill_store(const struct ks_backend_env *env, struct store *store,
                        struct ks_err *err)
{
    const char *path = setting(env, "path", NULL);
    const char *sealing = setting(env, "sealing", "passphrase");
    struct ks_err why = {0};

    if (path == NULL)
        return ks_fail(err, KS_E_CONFIG, "[backend %s] path: is missing",
                       env->name);
    store->sealed = strcmp(sealing, "none") != 0;
    if (store->sealed && strcmp(sealing, "passphrase") != 0)
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] sealing: neither passphrase nor none",
                       env->name);
    if (ks_kdf_parse(setting(env, "kdf", KS_KDF_DEFAULT), &store->kdf, &why) !=
        KS_OK)
        return ks_fail(err, KS_E_CONFIG, "[backend %s] kdf: %s", env->name,
                       why.text);
    store->crypto.libctx = env->libctx;
    store->name = OPENSSL_strdup(env->name);
    store->path = ks_path_below(env->dir, path);
    if (env->propq != NULL)
        store->propq = OPENSSL_strdup(env->propq);
    store->crypto.propq = store->propq;
    if (store->name == NULL || store->path == NULL ||
        (env->propq != NULL && store->propq == NULL))
        return KS_E_NOMEM;
    cut_slashes(store->path);
    return KS_OK;
}

static ks_rc file_open(const struct ks_backend_env *env, void **out,
                       struct ks_err *err)
{
    struct store *store = OPENSSL_zalloc(sizeof(*store));
    ks_rc rc;

    if (store == NULL)
        return KS_E_NOMEM;
    rc = fill_store(env, store, err);
    if (rc != KS_OK)
        file_close(store);
    else
        *out = store;
    return rc;
}

static void target_clear(struct target *target)
{
    ks_file_close(target->dir.fd);
    OPENSSL_free(target->uri);
}

/* Names, and opens the directory. Without CREATE a directory that is not
 * there is KS_E_NOT_FOUND without a text: an empty one. Caller clears
 * *target, on failure too. */
static ks_rc target_open(const struct store *store, const char *name,
                         bool create, struct target *target, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    *target = (struct target){
        .store = store, .name = name, .dir = {.path = store->path, .fd = -1}};
    rc = ks_uri_format(store->name, name, &target->uri);
    if (rc == KS_OK)
        rc = ks_file_name(&store->crypto, name, target->file_name, err);
    if (rc != KS_OK)
        return rc;
    rc = ks_file_dir_open(store->path, create, &target->dir.fd, &why);
    if (rc == KS_OK || (rc == KS_E_NOT_FOUND && !create))
        return rc;
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

/* Reads and parses the target's file. TEXT is the file itself. */
static ks_rc read_target(const struct target *target, struct ks_secret *text,
                         struct ks_key_file *file, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ks_file_read(&target->dir, target->file_name, text, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_key_file_parse(&target->store->crypto, text->data, text->len, file,
                           &why);
    if (rc != KS_OK)
        return ks_fail(err, rc, "%s/%s: %s", target->dir.path,
                       target->file_name, why.text);
    if (target->file_name[0] == '%' && target->file_name[1] == 's' &&
        (file->name == NULL || strcmp(file->name, target->name) != 0))
        return ks_fail(err, KS_E_DAMAGED, "%s/%s: \"Key\" line is not %s",
                       target->dir.path, target->file_name, target->uri);
    return KS_OK;
}

/* The private key of a file that was read. ANY_SEAL: a key may be without
 * the seal that the configuration asks for, because it is about to get it. */
static ks_rc unlock(const struct target *target, const struct ks_key_file *file,
                    bool any_seal, const struct ks_ask *ask,
                    struct ks_secret *pkcs8, struct ks_err *err)
{
    const struct store *store = target->store;
    struct ks_err why = {0};
    ks_rc rc;

    if (file->sealed.len > 0) {
        rc = ks_unlock(&store->crypto, target->uri, &file->sealed, ask, pkcs8,
                       err);
    } else if (store->sealed && !any_seal) {
        ks_hint(err,
                "\"caadm key passwd %s\" seals it; sealing = none in "
                "[backend %s] allows it",
                target->uri, store->name);
        return ks_fail(err, KS_E_DENIED,
                       "%s: key is not sealed, which [backend %s] requires",
                       target->uri, store->name);
    } else {
        rc = ks_secret_set(pkcs8, file->plain.data, file->plain.len);
    }
    if (rc != KS_OK)
        return rc;
    rc = ks_key_pair_check(&store->crypto, pkcs8, &file->info.spki, &why);
    if (rc == KS_OK)
        return KS_OK;
    ks_secret_clear(pkcs8);
    return ks_fail(err, rc, "%s: %s", target->uri, why.text);
}

static ks_rc file_list(void *data, ks_list_fn *each, void *arg,
                       struct ks_err *err)
{
    const struct store *store = data;
    struct ks_file_dir dir = {.path = store->path, .fd = -1};
    struct ks_err why = {0};
    ks_rc rc = ks_file_dir_open(store->path, false, &dir.fd, &why);

    if (rc == KS_E_NOT_FOUND)
        return KS_OK; /* no key was made yet */
    if (rc != KS_OK) {
        if (why.hint[0] != '\0')
            ks_hint(err, "%s", why.hint);
        return ks_fail(err, rc, "%s", why.text);
    }
    rc = ks_file_list(&store->crypto, &dir, each, arg, err);
    ks_file_close(dir.fd);
    return rc;
}

static ks_rc file_info(void *data, const char *name, struct ks_key_info *info,
                       struct ks_err *err)
{
    struct target target;
    struct ks_secret text = {0};
    struct ks_key_file file = {0};
    ks_rc rc = target_open(data, name, false, &target, err);

    if (rc == KS_OK)
        rc = read_target(&target, &text, &file, err);
    if (rc == KS_OK) {
        *info = file.info;
        file.info = (struct ks_key_info){0}; /* given to the caller */
    }
    ks_secret_clear(&text);
    ks_key_file_clear(&file);
    target_clear(&target);
    return rc;
}

static ks_rc file_load(void *data, const char *name, const struct ks_ask *ask,
                       struct ks_secret *pkcs8, struct ks_err *err)
{
    struct target target;
    struct ks_secret text = {0};
    struct ks_key_file file = {0};
    ks_rc rc = target_open(data, name, false, &target, err);

    if (rc == KS_OK)
        rc = read_target(&target, &text, &file, err);
    if (rc == KS_OK)
        rc = unlock(&target, &file, false, ask, pkcs8, err);
    ks_secret_clear(&text);
    ks_key_file_clear(&file);
    target_clear(&target);
    return rc;
}

/* Takes the writers' lock and clears up after those who died with it. */
static ks_rc lock(const struct target *target, int *out, struct ks_err *err)
{
    ks_rc rc = ks_file_dir_lock(target->dir.path, target->dir.fd, out, err);

    if (rc == KS_OK)
        ks_file_sweep(&target->dir);
    return rc;
}

/* Seals PKCS8, or not, as the configuration says, and makes FILE's text. */
static ks_rc format(const struct target *target, struct ks_key_file *file,
                    const struct ks_secret *pkcs8, const struct ks_ask *ask,
                    struct ks_secret *text, struct ks_err *err)
{
    const struct store *store = target->store;
    ks_rc rc;

    ks_buf_clear(&file->sealed);
    ks_secret_clear(&file->plain);
    if (store->sealed)
        rc = ks_lock_up(&store->crypto, target->uri, pkcs8, &store->kdf, ask,
                        &file->sealed, err);
    else
        rc = ks_secret_set(&file->plain, pkcs8->data, pkcs8->len);
    if (rc == KS_OK)
        rc = ks_key_file_format(&store->crypto, file, text, err);
    return rc;
}

static ks_rc taken(const struct target *target, struct ks_err *err)
{
    return ks_fail(err, KS_E_EXISTS, "%s: there is a key of that name",
                   target->uri);
}

static ks_rc describe(const struct target *target, const struct ks_buf *spki,
                      struct ks_key_file *file)
{
    file->info.created = time(NULL);
    file->name = OPENSSL_strdup(target->name);
    if (file->name == NULL)
        return KS_E_NOMEM;
    return ks_buf_set(&file->info.spki, spki->data, spki->len);
}

static ks_rc file_save(void *data, const char *name, const struct ks_buf *spki,
                       const struct ks_secret *pkcs8, unsigned usage,
                       const struct ks_ask *ask, struct ks_err *err)
{
    struct target target;
    struct ks_secret text = {0};
    struct ks_key_file file = {0};
    int lock_fd = -1;
    const struct store *store = data;
    ks_rc rc = ks_key_pair_check(&store->crypto, pkcs8, spki, err);

    (void)usage; /* a key that comes out can do what it can */
    if (rc != KS_OK)
        return rc;
    rc = target_open(store, name, true, &target, err);
    /* Asked early too, so that nobody types a passphrase for nothing. */
    if (rc == KS_OK && ks_file_exists(&target.dir, target.file_name))
        rc = taken(&target, err);
    if (rc == KS_OK)
        rc = describe(&target, spki, &file);
    if (rc == KS_OK)
        rc = format(&target, &file, pkcs8, ask, &text, err);
    if (rc == KS_OK)
        rc = lock(&target, &lock_fd, err);
    if (rc == KS_OK)
        rc = ks_file_write(&target.dir, target.file_name, &text, false, err);
    if (rc == KS_E_EXISTS)
        (void)taken(&target, err);
    ks_file_dir_unlock(lock_fd);
    ks_secret_clear(&text);
    ks_key_file_clear(&file);
    target_clear(&target);
    return rc;
}

/* Puts TEXT in the place of OLD, unless another process was there first:
 * what it wrote must not be lost. */
static ks_rc replace(const struct target *target, const struct ks_secret *old,
                     const struct ks_secret *text, struct ks_err *err)
{
    struct ks_secret now = {0};
    int lock_fd = -1;
    ks_rc rc = lock(target, &lock_fd, err);

    if (rc == KS_OK)
        rc = ks_file_read(&target->dir, target->file_name, &now, err);
    if (rc == KS_OK && (now.len != old->len ||
                        CRYPTO_memcmp(now.data, old->data, now.len) != 0))
        rc = ks_fail(err, KS_E_BUSY, "%s: key was changed meanwhile",
                     target->uri);
    if (rc == KS_OK)
        rc = ks_file_write(&target->dir, target->file_name, text, true, err);
    ks_file_dir_unlock(lock_fd);
    ks_secret_clear(&now);
    return rc;
}

/* Without this the key's seal would be taken off, for want of another. */
static ks_rc no_seals(const struct target *target, struct ks_err *err)
{
    ks_hint(err, "sealing = passphrase in [backend %s] seals keys",
            target->store->name);
    return ks_fail(err, KS_E_INVALID,
                   "%s: [backend %s] has sealing = none, and so no "
                   "passphrases to change",
                   target->uri, target->store->name);
}

static ks_rc file_reseal(void *data, const char *name, const struct ks_ask *ask,
                         const struct ks_ask *new_ask, struct ks_err *err)
{
    struct target target;
    struct ks_secret old = {0}, text = {0}, pkcs8 = {0};
    struct ks_key_file file = {0};
    ks_rc rc = target_open(data, name, false, &target, err);

    if (rc == KS_OK)
        rc = read_target(&target, &old, &file, err);
    if (rc == KS_OK && !target.store->sealed)
        rc = no_seals(&target, err);
    if (rc == KS_OK)
        rc = unlock(&target, &file, true, ask, &pkcs8, err);
    if (rc == KS_OK)
        rc = format(&target, &file, &pkcs8, new_ask, &text, err);
    if (rc == KS_OK)
        rc = replace(&target, &old, &text, err);
    ks_secret_clear(&pkcs8);
    ks_secret_clear(&old);
    ks_secret_clear(&text);
    ks_key_file_clear(&file);
    target_clear(&target);
    return rc;
}

static ks_rc file_remove(void *data, const char *name, const struct ks_ask *ask,
                         struct ks_err *err)
{
    struct target target;
    int lock_fd = -1;
    ks_rc rc = target_open(data, name, false, &target, err);

    (void)ask;
    /* Asked before the lock, which cannot be had on read-only storage. */
    if (rc == KS_OK && !ks_file_exists(&target.dir, target.file_name))
        rc = KS_E_NOT_FOUND;
    if (rc == KS_OK)
        rc = lock(&target, &lock_fd, err);
    if (rc == KS_OK)
        rc = ks_file_remove(&target.dir, target.file_name, err);
    ks_file_dir_unlock(lock_fd);
    target_clear(&target);
    return rc;
}

const struct ks_backend ks_file_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "file",
    .open = file_open,
    .close = file_close,
    .list = file_list,
    .info = file_info,
    .remove = file_remove,
    .load = file_load,
    .save = file_save,
    .reseal = file_reseal,
};
