/*
 * What sign.c, decrypt.c and derive.c share: the key, how its object is
 * found in a session, one step of work with it, and the errors of that.
 */
#ifndef HSM_OPERATION_H
#define HSM_OPERATION_H

#include <limits.h>
#include <stdatomic.h>

#include "find.h"
#include "key.h"
#include "mech.h"
#include "shape.h"

#define HSM_RSA_BITS_MAX 16384
/* An epoch that no session has. */
#define HSM_NO_EPOCH ULONG_MAX
/* Bytes of the largest signature or message: RSA's. */
#define HSM_BLOCK_MAX (HSM_RSA_BITS_MAX / 8)

struct hsm_key {
    struct hsm_token *token; /* counted */
    OSSL_LIB_CTX *libctx;    /* borrowed */
    char *propq;
    char *whose;
    struct ks_buf spki;
    struct hsm_shape shape;

    struct hsm_name name; /* that finds it again */

    /* Of the private object. */
    bool always_authenticate;
    struct ks_buf allowed; /* CK_MECHANISM_TYPE[]; empty: no restriction */

    /* Where the object is, in which epoch; see hsm_key_object. */
    atomic_flag writing;
    atomic_ulong object_epoch;
    atomic_ulong object;

    /* What the token has refused before, so that it is not asked again. */
    atomic_bool no_pss;       /* CKM_RSA_PKCS_PSS with one digest */
    atomic_bool no_pss_mixed; /* with another for MGF1 */
    atomic_bool wraps_points; /* ECDH wants an OCTET STRING */
};

/* More allowed mechanisms than this are no restriction to speak of. */
#define HSM_ALLOWED_MAX 64

/* What there is of a key on the token. */
struct hsm_located {
    struct hsm_found found;
    struct ks_buf spki; /* empty unless FOUND is one key and private */
    bool always_authenticate;
    CK_MECHANISM_TYPE allowed[HSM_ALLOWED_MAX];
    size_t allowed_len; /* in bytes */
};

/* The one key of NAME; CKR_ATTRIBUTE_TYPE_INVALID if no object tells its
 * public half. Caller clears located->spki. */
CK_RV hsm_key_locate(const struct hsm_session *session,
                     const struct hsm_name *name, struct hsm_located *located);

/* The private object's handle in SESSION, found anew if it is not known in
 * the session's epoch. CKR_OBJECT_HANDLE_INVALID: not there any more;
 * CKR_KEY_CHANGED: another key has its name. */
CK_RV hsm_key_object(struct hsm_key *key, const struct hsm_session *session,
                     CK_OBJECT_HANDLE *object);

/* C_SignInit, C_DecryptInit; C_Sign, C_Decrypt. */
typedef CK_RV hsm_init_fn(CK_SESSION_HANDLE session, CK_MECHANISM *mech,
                          CK_OBJECT_HANDLE key);
typedef CK_RV hsm_once_fn(CK_SESSION_HANDLE session, CK_BYTE *in,
                          CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);

/* One signature or decryption. OUT has room for HSM_BLOCK_MAX bytes, so that
 * no result is ever too long and an operation left active. */
struct hsm_op {
    struct hsm_key *key;
    struct hsm_mech mech;
    CK_FLAGS use; /* CKF_SIGN, CKF_DECRYPT, CKF_DERIVE: for errors */
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    CK_ULONG out_len; /* what was written */
};

/* Begins OP with INIT and, where the key wants it, logs in again: nothing is
 * active when this fails. */
CK_RV hsm_op_begin(struct hsm_op *op, const struct hsm_session *session,
                   hsm_init_fn *init, hsm_once_fn *once);

/* The text and hint for RV of OP's mechanism; returns the result. */
ks_rc hsm_op_fail(const struct hsm_op *op, CK_RV rv, struct ks_err *err);

/* KS_E_POLICY if the key's CKA_ALLOWED_MECHANISMS leave out TYPE. */
KS_MUST_CHECK ks_rc hsm_key_check_allowed(const struct hsm_key *key,
                                          CK_MECHANISM_TYPE type,
                                          struct ks_err *err);
bool hsm_key_allows(const struct hsm_key *key, CK_MECHANISM_TYPE type);

/* sign.c, decrypt.c, derive.c: the members of hsm_key_ops. */
ks_rc hsm_key_sign(void *key, const struct ks_mech_params *params,
                   const uint8_t *in, size_t in_len, uint8_t *sig,
                   size_t *sig_len, struct ks_err *err);
ks_rc hsm_key_decrypt(void *key, const struct ks_mech_params *params,
                      const uint8_t *in, size_t in_len, struct ks_secret *out,
                      struct ks_err *err);
ks_rc hsm_key_derive(void *key, const struct ks_mech_params *params,
                     const uint8_t *peer, size_t peer_len,
                     struct ks_secret *out, struct ks_err *err);
void hsm_key_free(void *key);

#endif
