/*
 * Signing stored bytes: which digest, which algorithm identifier, and the
 * certificate put together around exactly those bytes.
 */
#ifndef CA_SIGN_H
#define CA_SIGN_H

#include "ca.h"

struct ca_signer {
    const struct ca_env *env;
    EVP_PKEY *pkey;    /* borrowed */
    X509_ALGOR *alg;   /* owned: of what it signs */
    EVP_MD_CTX *ready; /* owned: set up to sign; copied for each signature */
};

/* PKEY's own algorithm decides; never a certificate or a request. With a
 * public key all but signing works. KS_E_UNSUPPORTED, KS_E_CRYPTO. */
KS_MUST_CHECK ks_rc ca_signer_init(const struct ca_env *env, EVP_PKEY *pkey,
                                   struct ca_signer *signer,
                                   struct ks_err *err);
void ca_signer_clear(struct ca_signer *signer); /* on { 0 } too */

/* The signed certificate, DER. Caller clears *der. */
KS_MUST_CHECK ks_rc ca_signer_sign(const struct ca_signer *signer,
                                   const struct ks_buf *tbs, struct ks_buf *der,
                                   struct ks_err *err);

/* The same with an empty signature: for checks and previews. */
KS_MUST_CHECK ks_rc ca_signer_blank(const struct ca_signer *signer,
                                    const struct ks_buf *tbs,
                                    struct ks_buf *der, struct ks_err *err);

#endif
