/*
 * The callbacks that every backend has: open and close, list, info, remove.
 */
#include "example.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

static bool is_known(const char *key)
{
    /* Those that caadm.conf knows in every section, and checks; and ours. */
    static const char *const known[] = {
        "type", "extractable", "passphrase", "sealing", "seal_to",
        "kdf",  "path",        "pin",        "inside",  "iterations"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], key) == 0)
            return true;
    return false;
}

static bool read_number(const char *text, int *out)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end != '\0' || number < 1 || number > 100 * 1000 * 1000)
        return false;
    *out = (int)number;
    return true;
}

/* Settings of a backend's own are its own to check. */
static ks_rc read_settings(struct place *place,
                           const struct ks_backend_env *env, const char **path,
                           struct ks_err *err)
{
    const struct ks_setting *settings = env->settings;
    const char *inside = ks_setting_get(settings, env->n_settings, "inside");
    const char *iterations =
        ks_setting_get(settings, env->n_settings, "iterations");

    for (size_t i = 0; i < env->n_settings; i++)
        if (!is_known(settings[i].key))
            return ks_fail(err, KS_E_CONFIG, "[backend %s] %s: unknown key",
                           env->name, settings[i].key);
    if (inside != NULL && !ks_bool_parse(inside, &place->inside))
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] inside: neither yes nor no", env->name);
    place->iterations = PIN_ITERATIONS;
    if (iterations != NULL && !read_number(iterations, &place->iterations))
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] iterations: not a number from 1 to "
                       "100000000",
                       env->name);
    *path = ks_setting_get(settings, env->n_settings, "path");
    if (*path != NULL)
        return KS_OK;
    ks_hint(err, "path = DIRECTORY");
    return ks_fail(err, KS_E_CONFIG, "[backend %s] path: is missing",
                   env->name);
}

/* What stays of ENV is copied: all in it but libctx is borrowed. */
static ks_rc copy_env(struct place *place, const struct ks_backend_env *env,
                      const char *path, struct ks_err *err)
{
    place->libctx = env->libctx;
    place->name = OPENSSL_strdup(env->name);
    place->path = ks_path_below(env->dir, path);
    place->propq = env->propq != NULL ? OPENSSL_strdup(env->propq) : NULL;
    if (place->name != NULL && place->path != NULL &&
        (env->propq == NULL || place->propq != NULL))
        return KS_OK;
    return ks_fail(err, KS_E_NOMEM, "%s: out of memory", env->name);
}

static ks_rc open_folder(struct place *place, struct ks_err *err)
{
    struct stat status;

    if (mkdir(place->path, 0700) != 0 && errno != EEXIST)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", place->path);
    place->folder =
        open(place->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place->folder < 0 || fstat(place->folder, &status) != 0)
        return ks_fail_errno(err, KS_E_CONFIG, "%s", place->path);
    if ((status.st_mode & 077) == 0)
        return KS_OK;
    ks_hint(err, "chmod go-rwx %s", place->path);
    return ks_fail(err, KS_E_DENIED, "%s: is open to others", place->path);
}

ks_rc example_open(const struct ks_backend_env *env, void **store,
                   struct ks_err *err)
{
    struct place *place = OPENSSL_zalloc(sizeof(*place));
    const char *path = NULL;
    ks_rc rc;

    if (place == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", env->name);
    place->folder = -1;
    (void)pthread_mutex_init(&place->lock, NULL);
    rc = read_settings(place, env, &path, err);
    if (rc == KS_OK)
        rc = copy_env(place, env, path, err);
    if (rc == KS_OK)
        rc = open_folder(place, err);
    if (rc == KS_OK) {
        *store = place;
        place = NULL; /* given to the caller */
    }
    example_close(place);
    return rc;
}

void example_close(void *store)
{
    struct place *place = store;

    if (place == NULL)
        return;
    if (place->folder >= 0)
        (void)close(place->folder);
    (void)pthread_mutex_destroy(&place->lock);
    ks_secret_clear(&place->pin);
    OPENSSL_free(place->propq);
    OPENSSL_free(place->path);
    OPENSSL_free(place->name);
    OPENSSL_free(place);
}

ks_rc place_read(const struct place *place, const char *name,
                 struct ks_record *record, struct ks_err *err)
{
    struct ks_secret bytes = {0};
    ks_rc rc = folder_read(place, name, &bytes, err);

    if (rc == KS_OK)
        rc = record_decode(place, name, &bytes, record, err);
    ks_secret_clear(&bytes);
    return rc;
}

ks_rc place_add(const struct place *place, const char *name,
                const struct ks_record *record, struct ks_err *err)
{
    struct ks_secret bytes = {0}, there = {0};
    int lock;
    ks_rc rc = record_encode(place, name, record, &bytes, err);

    if (rc == KS_OK)
        rc = folder_lock(place, &lock, err);
    if (rc == KS_OK) {
        rc = folder_read(place, name, &there, err);
        if (rc == KS_OK)
            rc = ks_fail(err, KS_E_EXISTS, "%s has a key \"%s\" already",
                         place->path, name);
        else if (rc == KS_E_NOT_FOUND)
            rc = folder_write(place, name, &bytes, err);
        folder_unlock(lock);
    }
    ks_secret_clear(&there);
    ks_secret_clear(&bytes);
    return rc;
}

ks_rc example_list(void *store, ks_list_fn *each, void *arg, struct ks_err *err)
{
    return folder_list(store, each, arg, err);
}

ks_rc example_info(void *store, const char *name, struct ks_key_info *info,
                   struct ks_err *err)
{
    struct ks_record record = {0};
    ks_rc rc = place_read(store, name, &record, err);

    if (rc == KS_OK)
        ks_record_take_info(&record, info);
    return rc;
}

ks_rc example_remove(void *store, const char *name, const struct ks_ask *ask,
                     struct ks_err *err)
{
    (void)ask; /* who may write the folder may remove its keys */
    return folder_remove(store, name, err);
}
