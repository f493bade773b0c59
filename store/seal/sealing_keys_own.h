/*
 * What the files of sealing_keys.h share.
 */
#ifndef KS_SEALING_KEYS_OWN_H
#define KS_SEALING_KEYS_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/crypto.h>

#include "seal/cms.h"
#include "seal/seal_to.h"
#include "seal/sealing_keys.h"

/* What is remembered of a key of SEAL_TO. It holds for the key with the
 * identifier ID: another may come to be at the same URI. */
struct ks_recipient_memory {
    bool known;
    uint8_t id[KS_KEY_ID_LEN];
    const char *oaep_digest; /* static */
    bool tried;  /* to open what is sealed to it, without asking anybody */
    bool proven; /* it has opened what is sealed to it */
};

struct ks_sealing_keys {
    char *name;                /* of the backend */
    char *propq;               /* of CRYPTO */
    struct ks_crypto crypto;   /* its libctx is borrowed */
    struct ks_keyring keyring; /* all NULL: there is none */
    struct ks_seal_to seal_to; /* none: keys are not sealed to keys */
    CRYPTO_RWLOCK *lock;       /* guards MEMORY; never held while asking */
    struct ks_recipient_memory memory[KS_CMS_RECIPIENTS_MAX];
};

/* The identifier of the key URI; its public half too, unless SPKI is NULL.
 * Caller clears *spki. As ks_keyring's public_half, and
 * ks_cms_recipient_check. */
KS_MUST_CHECK ks_rc ks_sealing_keys_id(const struct ks_sealing_keys *keys,
                                       const char *uri,
                                       uint8_t id[KS_KEY_ID_LEN],
                                       struct ks_buf *spki, struct ks_err *err);

/* Several failures as one text; the hint is that of the first. */
struct ks_failures {
    struct ks_err err;
    ks_rc first; /* KS_OK: there was none */
};
void ks_failures_add(struct ks_failures *failures, const char *uri, ks_rc rc,
                     const struct ks_err *why);

#endif
