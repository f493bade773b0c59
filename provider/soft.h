/*
 * Keys in the child library context, from and to standard encodings.
 */
#ifndef PROV_SOFT_H
#define PROV_SOFT_H

#include <openssl/types.h>

#include "ctx.h"
#include "ks_buf.h"
#include "ks_err.h"

/* From SubjectPublicKeyInfo or PKCS#8, DER; WHOSE (a URI) is for the error
 * text. KS_E_DAMAGED, KS_E_UNSUPPORTED if it is no key type of ours. Caller
 * frees *out. */
KS_MUST_CHECK ks_rc prov_soft_from_spki(const struct prov_ctx *ctx,
                                        const char *whose,
                                        const struct ks_buf *spki,
                                        EVP_PKEY **out, struct ks_err *err);
KS_MUST_CHECK ks_rc prov_soft_from_pkcs8(const struct prov_ctx *ctx,
                                         const char *whose,
                                         const struct ks_secret *pkcs8,
                                         EVP_PKEY **out, struct ks_err *err);

/* The way back. KS_E_CRYPTO, KS_E_NOMEM. Caller clears. */
KS_MUST_CHECK ks_rc prov_soft_to_spki(const struct prov_ctx *ctx,
                                      const EVP_PKEY *soft, struct ks_buf *spki,
                                      struct ks_err *err);
KS_MUST_CHECK ks_rc prov_soft_to_pkcs8(const struct prov_ctx *ctx,
                                       const EVP_PKEY *soft,
                                       struct ks_secret *pkcs8,
                                       struct ks_err *err);

#endif
