/*
 * What every backend has to keep: the cases are in backend_suite.c (one
 * process) and processes.c (several), the backends in subject_*.c.
 */
#ifndef TEST_CONTRACT_H
#define TEST_CONTRACT_H

#include "keys.h"
#include "ks_backend.h"
#include "test.h"

/* A backend under test. */
struct contract_subject {
    const struct ks_backend *backend;
    /* Its keys stay inside: it keeps no records, nothing of a private half
     * comes out, and one secret opens them all. */
    bool inside;
    const char *secret; /* that one; NULL: every key has its own */
    /* Makes the place, in the folder of this case, unless it is there. May be
     * NULL. */
    void (*prepare)(void);
    /* Changes what it is opened with. May be NULL. */
    void (*settle)(struct ks_backend_env *env);
    const struct ks_setting *settings; /* paths are below the case's folder */
    size_t n_settings;
    /* Changes a bit of the private half that is kept of NAME. */
    void (*damage)(void *store, const char *name);
    /* What lies there and is part of no key; for processes.c. */
    unsigned (*leftovers)(void);
    const char *disk; /* mount options of a small disk; for full_disk.c */
};
extern const struct contract_subject subject;

/* Opens the subject in the folder of this case. Stops the program if it
 * cannot be opened. */
void *contract_open(void);

/* One call each, with the passphrases SECRET and then SECOND (may be NULL; the
 * subject's own instead, if it has one), and an error of its own. Those that
 * give something check it and drop it. Load opens a key that stays inside. */
ks_rc contract_save(void *store, const char *name, const struct test_key *key,
                    const char *secret);
ks_rc contract_load(void *store, const char *name, const char *secret,
                    const char *second);
ks_rc contract_reseal(void *store, const char *name, const char *secret,
                      const char *new_secret);
/* Gives the key, of a backend that keeps records. */
ks_rc contract_load_key(void *store, const char *name, const struct ks_ask *ask,
                        struct ks_secret *pkcs8, struct ks_err *err);
ks_rc contract_remove(void *store, const char *name);
/* The same, and quiet: for threads, because CUnit is for one alone. */
ks_rc contract_quiet_save(void *store, const char *name,
                          const struct test_key *key, const char *secret);
ks_rc contract_quiet_load(void *store, const char *name, const char *secret);
/* How often NAME is listed. */
unsigned contract_listed(void *store, const char *name);
/* How many keys are listed. */
unsigned contract_count(void *store);

#endif
