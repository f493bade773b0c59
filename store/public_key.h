/*
 * Public keys from their encoding, in the common forms without a decoder.
 */
#ifndef KS_PUBLIC_KEY_H
#define KS_PUBLIC_KEY_H

#include <openssl/types.h>

#include "ks_buf.h"
#include "seal/seal.h"

/* The key that SPKI (DER) holds, in CRYPTO's library context; NULL if it is
 * none that OpenSSL knows. The error queue is left as it was. Caller frees. */
EVP_PKEY *ks_public_key(const struct ks_crypto *crypto,
                        const struct ks_buf *spki);

/* The same, but NULL if it is of a form that a decoder has to look at. Leaves
 * errors on the queue. */
EVP_PKEY *ks_public_key_plain(const struct ks_crypto *crypto,
                              const struct ks_buf *spki);

#endif
