/*
 * Keys in PEM files, by file: URI. Not through OSSL_STORE: its decoders would
 * hand out keys of ours as well, and what comes out would be no DER.
 */
#ifndef PROV_KEYRING_FILE_H
#define PROV_KEYRING_FILE_H

#include <stdbool.h>

#include "ctx.h"
#include "ks_buf.h"
#include "ks_err.h"
#include "ks_secret.h"

/* True for file: URIs, in any case. */
bool prov_keyring_is_file(const char *uri);

/* The public half of the key in the file URI, from a public key, a
 * certificate, or a private key that is not encrypted. Caller clears *spki. */
KS_MUST_CHECK ks_rc prov_keyring_file_public(const struct prov_ctx *ctx,
                                             const char *uri,
                                             struct ks_buf *spki,
                                             struct ks_err *err);

/* Both halves of the private key in it, PKCS#8. ASK (may be NULL) gives the
 * passphrase of an encrypted one. Caller clears both. */
KS_MUST_CHECK ks_rc prov_keyring_file_private(
    const struct prov_ctx *ctx, const char *uri, const struct ks_ask *ask,
    struct ks_secret *pkcs8, struct ks_buf *spki, struct ks_err *err);

#endif
