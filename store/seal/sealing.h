/*
 * How the keys of one place are sealed: what its section in caadm.conf says
 * about passphrases, their cost, and keys that keys are sealed to. Sealed and
 * opened here, for every backend alike. docs/sealing.md.
 *
 *   sealing = none      PrivateKeyInfo                      KS_FORM_PLAIN
 *   seal_to = URI, ...  CMS AuthEnvelopedData to these keys KS_FORM_CMS
 *   otherwise           PBES2 under a passphrase            KS_FORM_PASSPHRASE
 */
#ifndef KS_SEALING_H
#define KS_SEALING_H

#include "ks_backend.h"
#include "seal/seal.h"

/* A key that keys are sealed to, open for use. */
struct ks_kek {
    struct ks_buf spki;
    const struct ks_key_ops *ops; /* decrypt (RSA) or derive (EC) */
    void *key;
    void *held; /* the keyring's own */
};

/*
 * The way to keys by URI, for sealing to them and opening with them; the
 * provider's is provider/keyring.c. Any thread may call it.
 */
struct ks_keyring {
    /* Never asks for a secret. KS_E_NOT_FOUND, and whatever is wrong with that
     * key's place. Caller clears *spki. */
    ks_rc (*public_half)(void *arg, const char *uri, struct ks_buf *spki,
                         struct ks_err *err);
    /* ASK is what the sealed key was asked for with: it asks for the secrets
     * of the key URI in the same way. Caller gives *kek to close. */
    ks_rc (*open)(void *arg, const char *uri, const struct ks_ask *ask,
                  struct ks_kek *kek, struct ks_err *err);
    void (*close)(void *arg, struct ks_kek *kek); /* takes { 0 } */
    void *arg;
};

struct ks_sealing;

/*
 * Reads the settings "sealing", "passphrase", "seal_to" and "kdf" of the
 * backend NAME; all other settings are passed over. Copies all but KEYRING->arg
 * and CRYPTO->libctx, which must outlive it. KEYRING may be NULL: then keys
 * cannot be sealed to keys. No key is touched yet. KS_E_CONFIG, naming section
 * and key; KS_E_NOMEM.
 */
KS_MUST_CHECK ks_rc ks_sealing_new(const char *name,
                                   const struct ks_setting *settings,
                                   size_t n_settings,
                                   const struct ks_crypto *crypto,
                                   const struct ks_keyring *keyring,
                                   struct ks_sealing **out, struct ks_err *err);
void ks_sealing_free(struct ks_sealing *sealing); /* takes NULL */

/* The form of what it seals. */
enum ks_form ks_sealing_form(const struct ks_sealing *sealing);

/* True if it draws a passphrase for each key. */
bool ks_sealing_is_random(const struct ks_sealing *sealing);

/*
 * Seals PKCS8, the key URI, as SEALING says: sets form, private_half and
 * recipients of RECORD (and nothing else), freeing what was there. ASK gives
 * the new passphrase. Sealed to keys, it is opened again by one of them before
 * this returns, so that no key is lost to a key that cannot open it.
 * KS_E_SECRET_MISSING, KS_E_NOT_FOUND (a recipient), KS_E_CRYPTO, ...
 */
KS_MUST_CHECK ks_rc ks_sealing_seal(const struct ks_sealing *sealing,
                                    const char *uri,
                                    const struct ks_secret *pkcs8,
                                    const struct ks_ask *ask,
                                    struct ks_record *record,
                                    struct ks_err *err);

/*
 * Opens the private half of RECORD, the key URI, in whatever form it is.
 * KS_FORM_PLAIN is refused (KS_E_DENIED) unless SEALING or ANY_SEAL allows it.
 * WITH (may be NULL) is the URI of a further key to try, before all others.
 * Caller clears *pkcs8. As ks_unlock, and ks_cms_open.
 */
KS_MUST_CHECK ks_rc ks_sealing_open(
    const struct ks_sealing *sealing, const char *uri,
    const struct ks_record *record, const char *with, bool any_seal,
    const struct ks_ask *ask, struct ks_secret *pkcs8, struct ks_err *err);

/* True if RECORD is sealed as SEALING would do it now: form, cost, and keys
 * sealed to, as far as can be told without opening it. */
bool ks_sealing_is_current(const struct ks_sealing *sealing,
                           const struct ks_record *record);

/* True if RECORD, which PASSPHRASE opens, is sealed as SEALING would seal it
 * under PASSPHRASE. */
bool ks_sealing_fits(const struct ks_sealing *sealing,
                     const struct ks_record *record,
                     const struct ks_secret *passphrase);

/* Tells how RECORD is sealed: "sealing" "none|passphrase|keys", "kdf"
 * "scrypt:16384:8:5", for each recipient "sealed-to" "URI", and
 * "sealing-current" "yes|no". */
KS_MUST_CHECK ks_rc ks_sealing_describe(const struct ks_sealing *sealing,
                                        const struct ks_record *record,
                                        ks_fact_fn *each, void *arg,
                                        struct ks_err *err);

#endif
