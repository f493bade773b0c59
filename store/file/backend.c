/*
 * The file backend: a directory with one key file a key. It keeps nothing
 * open between calls, so threads, forks and other processes need no care.
 */
#include "ks_backend.h"

#include <string.h>

#include <openssl/crypto.h>

#include "file/dir.h"
#include "file/io.h"
#include "file/key_file.h"
#include "file/list.h"
#include "file/name.h"
#include "ks_uri.h"
#include "record.h"
#include "seal/seal.h"

struct store {
    char *name;
    char *path;
    char *propq;
    struct ks_crypto crypto;
};

/* One call on one key: names for the file and for messages. */
struct target {
    const struct store *store;
    const char *name;
    char file_name[KS_FILE_NAME_SIZE];
    char *uri;
    struct ks_file_dir dir;
};

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
    const char *path = ks_setting_get(env->settings, env->n_settings, "path");

    if (path == NULL)
        return ks_fail(err, KS_E_CONFIG, "[backend %s] path: is missing",
                       env->name);
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

/* Reads and parses the target's file. Caller clears *file. */
static ks_rc read_target(const struct target *target, struct ks_key_file *file,
                         struct ks_err *err)
{
    struct ks_secret text = {0};
    struct ks_err why = {0};
    ks_rc rc = ks_file_read(&target->dir, target->file_name, &text, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_key_file_parse(&target->store->crypto, text.data, text.len, file,
                           &why);
    ks_secret_clear(&text);
    if (rc != KS_OK)
        return ks_fail(err, rc, "%s/%s: %s", target->dir.path,
                       target->file_name, why.text);
    if (target->file_name[0] == '%' && target->file_name[1] == 's' &&
        (file->name == NULL || strcmp(file->name, target->name) != 0))
        return ks_fail(err, KS_E_DAMAGED, "%s/%s: \"Key\" line is not %s",
                       target->dir.path, target->file_name, target->uri);
    return KS_OK;
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

static ks_rc file_get(void *data, const char *name, struct ks_record *record,
                      struct ks_err *err)
{
    struct target target;
    struct ks_key_file file = {0};
    ks_rc rc = target_open(data, name, false, &target, err);

    if (rc == KS_OK)
        rc = read_target(&target, &file, err);
    if (rc == KS_OK) {
        *record = file.record;
        file.record = (struct ks_record){0}; /* given to the caller */
    }
    ks_key_file_clear(&file);
    target_clear(&target);
    return rc;
}

static ks_rc file_info(void *data, const char *name, struct ks_key_info *info,
                       struct ks_err *err)
{
    struct ks_record record = {0};
    ks_rc rc = file_get(data, name, &record, err);

    if (rc == KS_OK)
        ks_record_take_info(&record, info);
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

static ks_rc format(const struct target *target, const struct ks_record *record,
                    struct ks_secret *text, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ks_key_file_format(&target->store->crypto, target->name, record,
                                  text, &why);

    return rc == KS_OK
               ? KS_OK
               : ks_fail(err, rc, "%s: %s", target->uri,
                         why.text[0] != '\0' ? why.text : ks_rc_text(rc));
}

static ks_rc file_put(void *data, const char *name,
                      const struct ks_record *record, struct ks_err *err)
{
    struct target target;
    struct ks_secret text = {0};
    int lock_fd = -1;
    ks_rc rc = target_open(data, name, true, &target, err);

    if (rc == KS_OK)
        rc = format(&target, record, &text, err);
    if (rc == KS_OK)
        rc = lock(&target, &lock_fd, err);
    if (rc == KS_OK)
        rc = ks_file_write(&target.dir, target.file_name, &text, false, err);
    if (rc == KS_E_EXISTS)
        (void)ks_fail(err, rc, "%s: there is a key of that name", target.uri);
    ks_file_dir_unlock(lock_fd);
    ks_secret_clear(&text);
    target_clear(&target);
    return rc;
}

/* Under the lock: what another process wrote meanwhile must not be lost. */
static ks_rc check_unchanged(const struct target *target,
                             const struct ks_record *old, struct ks_err *err)
{
    struct ks_key_file now = {0};
    ks_rc rc = read_target(target, &now, err);

    if (rc == KS_OK && !ks_record_equal(old, &now.record))
        rc = ks_fail(err, KS_E_BUSY, "%s: key was changed meanwhile",
                     target->uri);
    ks_key_file_clear(&now);
    return rc;
}

static ks_rc file_replace(void *data, const char *name,
                          const struct ks_record *old,
                          const struct ks_record *record, struct ks_err *err)
{
    struct target target;
    struct ks_secret text = {0};
    int lock_fd = -1;
    ks_rc rc = target_open(data, name, false, &target, err);

    if (rc == KS_OK)
        rc = format(&target, record, &text, err);
    if (rc == KS_OK && !ks_file_exists(&target.dir, target.file_name))
        rc = KS_E_NOT_FOUND;
    if (rc == KS_OK)
        rc = lock(&target, &lock_fd, err);
    if (rc == KS_OK)
        rc = check_unchanged(&target, old, err);
    if (rc == KS_OK)
        rc = ks_file_write(&target.dir, target.file_name, &text, true, err);
    ks_file_dir_unlock(lock_fd);
    ks_secret_clear(&text);
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
    .get = file_get,
    .put = file_put,
    .replace = file_replace,
};
