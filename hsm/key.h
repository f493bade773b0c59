/*
 * An operation key: what open_key() hands out. It knows how to find its
 * object again (class, label, id), because handles die with forks and with
 * tokens that are taken out.
 */
#ifndef HSM_KEY_H
#define HSM_KEY_H

#include <openssl/types.h>

#include "ks_backend.h"
#include "name.h"
#include "session.h"

extern const struct ks_key_ops hsm_key_ops;

/*
 * The one private key that NAME names; the user is logged in. WHOSE (a URI)
 * is for errors. *spki is its public half. Freed by hsm_key_ops.free.
 * KS_E_NOT_FOUND; KS_E_INVALID: several (the hint lists their ids).
 */
KS_MUST_CHECK ks_rc hsm_key_open(struct hsm_token *token,
                                 const struct hsm_name *name, const char *whose,
                                 OSSL_LIB_CTX *libctx, const char *propq,
                                 void **key, struct ks_buf *spki,
                                 struct ks_err *err);

/* CKA_ALWAYS_AUTHENTICATE: every use logs in anew. */
bool hsm_key_wants_pin(const void *key);

#endif
