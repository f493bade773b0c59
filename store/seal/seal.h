/*
 * Private keys at rest: PKCS#8 EncryptedPrivateKeyInfo under PBES2
 * (RFC 8018, 6.2), as any OpenSSL opens it. docs/formats.md.
 */
#ifndef KS_SEAL_H
#define KS_SEAL_H

#include <openssl/types.h>

#include "ks_buf.h"
#include "ks_kdf.h"

/* Where all cryptography of a store is done. */
struct ks_crypto {
    OSSL_LIB_CTX *libctx;
    const char *propq;
};

/* Encrypts PKCS8 by AES-256-CBC under scrypt at the cost KDF says.
 * KS_E_INVALID (empty passphrase), KS_E_CRYPTO, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_seal(const struct ks_crypto *crypto,
                            const struct ks_secret *pkcs8,
                            const struct ks_secret *passphrase,
                            const struct ks_kdf *kdf, struct ks_buf *sealed,
                            struct ks_err *err);

/* Whether SEALED can be opened at all, before anybody is asked for a
 * passphrase. KS_E_DAMAGED, KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc ks_seal_check(const struct ks_buf *sealed,
                                  struct ks_err *err);

/* What it costs to try a passphrase of SEALED. KS_E_UNSUPPORTED, without a
 * text, if that is not scrypt. */
KS_MUST_CHECK ks_rc ks_seal_kdf(const struct ks_buf *sealed,
                                struct ks_kdf *kdf);

/* Opens what ks_seal or OpenSSL sealed. Caller clears *pkcs8.
 * KS_E_SECRET_WRONG, KS_E_DAMAGED, KS_E_UNSUPPORTED, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_unseal(const struct ks_crypto *crypto,
                              const struct ks_buf *sealed,
                              const struct ks_secret *passphrase,
                              struct ks_secret *pkcs8, struct ks_err *err);

#endif
