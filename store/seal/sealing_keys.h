/*
 * Sealing to other keys, and opening with them: the branch KS_FORM_CMS of
 * sealing.h. Which keys, where they are, and whether they can open what is
 * sealed to them; the bytes are cms.h's.
 */
#ifndef KS_SEALING_KEYS_H
#define KS_SEALING_KEYS_H

#include "seal/sealing.h"

/* The keys that the keys of one place are sealed to. Any thread may use it. */
struct ks_sealing_keys;

/*
 * Reads SEAL_TO, "URI, URI"; NULL: keys are not sealed to keys here, but such
 * as are can be opened. NAME is the backend's, for messages ("[backend NAME]
 * seal_to: ..."). Copies all but KEYRING->arg and
 * CRYPTO->libctx. KEYRING may be NULL. No key is touched yet. KS_E_CONFIG,
 * KS_E_NOMEM.
 */
KS_MUST_CHECK ks_rc ks_sealing_keys_new(const char *name, const char *seal_to,
                                        const struct ks_crypto *crypto,
                                        const struct ks_keyring *keyring,
                                        struct ks_sealing_keys **out,
                                        struct ks_err *err);
void ks_sealing_keys_free(struct ks_sealing_keys *keys); /* takes NULL */

/* Seals PKCS8, the key URI, whose public half RECORD has: sets private_half and
 * recipients of RECORD, freeing what was there. One recipient at least has
 * opened it when this returns. */
KS_MUST_CHECK ks_rc ks_sealing_keys_seal(struct ks_sealing_keys *keys,
                                         const char *uri,
                                         const struct ks_secret *pkcs8,
                                         const struct ks_ask *ask,
                                         struct ks_record *record,
                                         struct ks_err *err);

/* True while this thread seals the key URI, or the one whose public half is
 * SPKI, to others: nothing is to be opened with it then, for it would end up
 * sealed to itself. A place may have two names, so keyrings ask for both.
 * Either may be NULL. */
bool ks_sealing_is_under_way(const char *uri, const struct ks_buf *spki);

/* Opens RECORD, of KS_FORM_CMS: with WITH (may be NULL), the keys of SEAL_TO,
 * those that RECORD names, in this order. Caller clears *pkcs8. KS_E_CRYPTO if
 * none of them is there; else what the first said that did not open it. */
KS_MUST_CHECK ks_rc ks_sealing_keys_open(
    struct ks_sealing_keys *keys, const char *uri,
    const struct ks_record *record, const char *with, const struct ks_ask *ask,
    struct ks_secret *pkcs8, struct ks_err *err);

/* True if RECORD, of KS_FORM_CMS, is sealed to the keys of SEAL_TO and no
 * other. False if that cannot be told. */
bool ks_sealing_keys_is_current(struct ks_sealing_keys *keys,
                                const struct ks_record *record);

/* Tells "sealed-to" URI for each recipient of RECORD, of KS_FORM_CMS; of one
 * whose URI is unknown, its key identifier in hexadecimal. */
KS_MUST_CHECK ks_rc ks_sealing_keys_describe(struct ks_sealing_keys *keys,
                                             const struct ks_record *record,
                                             ks_fact_fn *each, void *arg,
                                             struct ks_err *err);

#endif
