/*
 * A fresh SoftHSM token with a user logged in, and keys on it: what the
 * tests of operations stand on.
 */
#ifndef TEST_HSM_RIG_H
#define TEST_HSM_RIG_H

#include <openssl/types.h>

#include "key.h"
#include "token.h"

struct rig {
    struct hsm_token *token; /* labelled "rig" */
};

/* Makes a token and logs in to it. Stops the program if that fails. */
void rig_open(struct rig *rig);
/* The same through the module that makes trouble (fault.h). */
void rig_open_faulty(struct rig *rig);
void rig_close(struct rig *rig);

/* A key on the token as the code under test sees it, and its public half. */
struct rig_key {
    void *key;
    EVP_PKEY *public;
};

/*
 * Makes a key pair: KIND is "RSA:2048", a curve's name, "ED25519", "X25519",
 * ...; its label is LABEL and its id LABEL's first byte. USES: CKF_SIGN,
 * CKF_DECRYPT, CKF_DERIVE. EXTRA attributes (N) go to the private half. False
 * if the token has no such keys.
 */
bool rig_make(struct rig *rig, const char *kind, const char *label,
              CK_FLAGS uses, const CK_ATTRIBUTE *extra, size_t n);
/* Removes the objects of LABEL, or those of one class. */
void rig_remove(struct rig *rig, const char *label);
void rig_remove_class(struct rig *rig, const char *label,
                      CK_OBJECT_CLASS class);

/* Opens the key of LABEL as "keystore://hsm/LABEL". */
ks_rc rig_try_open(struct rig *rig, const char *label, struct rig_key *key,
                   struct ks_err *err);
/* False, and a failed check, if it cannot be. */
bool rig_open_key(struct rig *rig, const char *label, struct rig_key *key);
/* Makes and opens. */
bool rig_key(struct rig *rig, const char *kind, const char *label,
             CK_FLAGS uses, struct rig_key *key);
void rig_key_clear(struct rig_key *key);

#endif
