/*
 * Sealing with secrets that are asked for, for all backends that keep sealed
 * keys themselves.
 */
#ifndef KS_UNLOCK_H
#define KS_UNLOCK_H

#include <stdbool.h>

#include "ks_secret.h"
#include "seal/seal.h"

/* Opens SEALED, the key URI, with the secrets that ASK gives, in turn. Caller
 * clears *pkcs8. ASK may be NULL: none. KS_E_SECRET_MISSING if none was
 * given, KS_E_SECRET_WRONG if none fits, and ks_unseal's. */
KS_MUST_CHECK ks_rc ks_unlock(const struct ks_crypto *crypto, const char *uri,
                              const struct ks_buf *sealed,
                              const struct ks_ask *ask, struct ks_secret *pkcs8,
                              struct ks_err *err);

/* The cost at which PASSPHRASE guards a key: KDF, but for random ones. */
struct ks_kdf ks_kdf_for(const struct ks_secret *passphrase,
                         const struct ks_kdf *kdf);

/* Asks for the new passphrase of the key URI. QUIET: no person is asked.
 * KS_E_SECRET_MISSING. Caller clears *secret. */
KS_MUST_CHECK ks_rc ks_new_passphrase(const char *uri, const struct ks_ask *ask,
                                      bool quiet, struct ks_secret *secret,
                                      struct ks_err *err);

/* Seals PKCS8 under a new secret of ASK's, at the cost of ks_kdf_for.
 * KS_E_SECRET_MISSING, and ks_seal's. */
KS_MUST_CHECK ks_rc ks_lock_up(const struct ks_crypto *crypto, const char *uri,
                               const struct ks_secret *pkcs8,
                               const struct ks_kdf *kdf,
                               const struct ks_ask *ask, struct ks_buf *sealed,
                               struct ks_err *err);

#endif
