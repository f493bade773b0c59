/*
 * An example of a backend: keys in the files of one folder. What its three
 * shared objects (material.c, operation.c, both.c) share.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <pthread.h>
#include <stdbool.h>

#include <ks_backend.h>

#define PIN_ITERATIONS 100000 /* unless the section says otherwise */

/* One open store. Threads share it: what changes has a lock. */
struct place {
    int folder; /* its descriptor */
    char *path; /* its name, for messages */
    OSSL_LIB_CTX *libctx;
    char *propq;
    char *name;     /* the backend's, for the URIs of keys */
    bool inside;    /* new keys are made inside; both.c */
    int iterations; /* of PBKDF2, what a PIN costs; inside.c */
    pthread_mutex_t lock;
    struct ks_secret pin; /* the last that fitted; inside.c */
};

/* ---- record.c: a record as the bytes of a file ---- */

/* RECORD of the key NAME. Caller clears *bytes. */
KS_MUST_CHECK ks_rc record_encode(const struct place *place, const char *name,
                                  const struct ks_record *record,
                                  struct ks_secret *bytes, struct ks_err *err);
/* The other way round. NAME must be the one that was written. Caller clears
 * *record. KS_E_DAMAGED. */
KS_MUST_CHECK ks_rc record_decode(const struct place *place, const char *name,
                                  const struct ks_secret *bytes,
                                  struct ks_record *record, struct ks_err *err);
/* Only the name that was written; no more is looked at. Caller frees *name by
 * OPENSSL_free. KS_E_DAMAGED. */
KS_MUST_CHECK ks_rc record_name(const struct ks_secret *bytes, char **name,
                                struct ks_err *err);

/* ---- folder.c: the files ---- */

/* What is kept under NAME. Caller clears *bytes. KS_E_NOT_FOUND. */
KS_MUST_CHECK ks_rc folder_read(const struct place *place, const char *name,
                                struct ks_secret *bytes, struct ks_err *err);
/* Writers of all threads and processes take turns: *lock is the right to
 * write, until it is given back. */
KS_MUST_CHECK ks_rc folder_lock(const struct place *place, int *lock,
                                struct ks_err *err);
void folder_unlock(int lock);
/* Wholly or not at all, over what is there; with the lock held. */
KS_MUST_CHECK ks_rc folder_write(const struct place *place, const char *name,
                                 const struct ks_secret *bytes,
                                 struct ks_err *err);
/* KS_E_NOT_FOUND. */
KS_MUST_CHECK ks_rc folder_remove(const struct place *place, const char *name,
                                  struct ks_err *err);
KS_MUST_CHECK ks_rc folder_list(const struct place *place, ks_list_fn *each,
                                void *arg, struct ks_err *err);

/* Reads and decodes; and encodes and writes what is not there yet. */
KS_MUST_CHECK ks_rc place_read(const struct place *place, const char *name,
                               struct ks_record *record, struct ks_err *err);
KS_MUST_CHECK ks_rc place_add(const struct place *place, const char *name,
                              const struct ks_record *record,
                              struct ks_err *err);

/* ---- the callbacks, as ks_backend.h has them ---- */

/* place.c: of every backend */
ks_rc example_open(const struct ks_backend_env *env, void **store,
                   struct ks_err *err);
void example_close(void *store);
ks_rc example_list(void *store, ks_list_fn *each, void *arg,
                   struct ks_err *err);
ks_rc example_info(void *store, const char *name, struct ks_key_info *info,
                   struct ks_err *err);
ks_rc example_remove(void *store, const char *name, const struct ks_ask *ask,
                     struct ks_err *err);

/* sealed.c: of material keys */
ks_rc example_get(void *store, const char *name, struct ks_record *record,
                  struct ks_err *err);
ks_rc example_put(void *store, const char *name, const struct ks_record *record,
                  struct ks_err *err);
ks_rc example_replace(void *store, const char *name,
                      const struct ks_record *old,
                      const struct ks_record *record, struct ks_err *err);

/* inside.c: of operation keys */
ks_rc example_generate(void *store, const char *name,
                       const struct ks_keygen *spec, const struct ks_ask *ask,
                       struct ks_buf *spki, struct ks_err *err);
ks_rc example_open_key(void *store, const char *name, const struct ks_ask *ask,
                       const struct ks_key_ops **ops, void **key,
                       struct ks_buf *spki, struct ks_err *err);
ks_rc example_import(void *store, const char *name, const struct ks_buf *spki,
                     const struct ks_secret *pkcs8, unsigned usage,
                     const struct ks_ask *ask, struct ks_err *err);

#endif
