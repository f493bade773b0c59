/*
 * The backend, open on a fresh token: what the tests of objects stand on.
 */
#ifndef TEST_HSM_HOLD_H
#define TEST_HSM_HOLD_H

#include "ks_backend.h"
#include "open.h"

struct hold {
    void *store;
    struct pins pins; /* the user PIN at first */
    struct ks_ask ask;
    struct ks_err err; /* of the last call that failed */
};

/* A token labelled "hold" in a module (NULL: SoftHSM), and backend "hsm" on
 * it. Stops the program if that fails. */
void hold_open(struct hold *hold, const char *module);
/* The same without making the token. */
void hold_open_again(struct hold *hold, const char *module);
void hold_close(struct hold *hold);

/* Makes a key: KIND is "RSA:2048", "RSA-PSS:2048", "EC:P-256", "ED25519". */
ks_rc hold_make(struct hold *hold, const char *name, const char *kind,
                unsigned usage);
/* The same as hold_make, for a key that must be made. False if it is not. */
bool hold_made(struct hold *hold, const char *name, const char *kind);
ks_rc hold_save(struct hold *hold, const char *name, const char *kind,
                unsigned usage);
ks_rc hold_info(struct hold *hold, const char *name, struct ks_buf *spki);
ks_rc hold_remove(struct hold *hold, const char *name);

/* Opens the key, signs with it and has libcrypto verify that. */
ks_rc hold_sign(struct hold *hold, const char *name);

/* All names, sorted, with blanks between them; borrowed until the next call. */
const char *hold_names(struct hold *hold);

/* One fact that describe or check told; "" if it did not. Up to the next
 * call. The result goes to *rc. */
const char *hold_described(struct hold *hold, const char *name,
                           const char *fact, ks_rc *rc);

/* How many objects lie on the token, as another implementation sees it after
 * a login. */
unsigned hold_objects(const char *class_word);

/* Looks up SETTINGS (up to a NULL key) as backend "hsm" has them; with the
 * module and the token of hold_open where those are NULL. */
struct hold_env {
    struct ks_setting settings[8];
    struct ks_backend_env env;
};
const struct ks_backend_env *hold_env(struct hold_env *room, const char *module,
                                      const char *token);

#endif
