/*
 * Private keys sealed to other keys: CMS AuthEnvelopedData (RFC 5083,
 * RFC 5084), AES-256-GCM, one recipient a key: RSA by key transport with OAEP
 * (RFC 8017, 7.1), EC by key agreement (RFC 5753). Recipients are named by
 * subject key identifier (RFC 5280, 4.2.1.2, method 1). As "openssl cms
 * -decrypt" opens it. docs/formats.md.
 */
#ifndef KS_CMS_H
#define KS_CMS_H

#include "seal/sealing.h"

#define KS_CMS_RECIPIENTS_MAX 16
#define KS_KEY_ID_LEN 20 /* SHA-1 of the public key's bits */

/* The key identifier of a SubjectPublicKeyInfo. KS_E_DAMAGED. */
KS_MUST_CHECK ks_rc ks_cms_key_id(const struct ks_crypto *crypto,
                                  const struct ks_buf *spki,
                                  uint8_t id[KS_KEY_ID_LEN],
                                  struct ks_err *err);

/* KS_OK if keys can be sealed to SPKI. KS_E_UNSUPPORTED (neither RSA of 2048
 * bits or more nor EC), KS_E_DAMAGED. */
KS_MUST_CHECK ks_rc ks_cms_recipient_check(const struct ks_crypto *crypto,
                                           const struct ks_buf *spki,
                                           struct ks_err *err);

struct ks_cms_recipient {
    struct ks_buf spki;
    const char *oaep_digest; /* RSA: "SHA2-256", or "SHA1" for tokens that
                                know no other */
};

/* Seals PKCS8 to N recipients. KS_E_INVALID (none, or too many), as
 * ks_cms_recipient_check, KS_E_CRYPTO, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_cms_seal(const struct ks_crypto *crypto,
                                const struct ks_secret *pkcs8,
                                const struct ks_cms_recipient *recipients,
                                size_t n, struct ks_buf *sealed,
                                struct ks_err *err);

/* Whether SEALED can be opened at all, before any key is looked for.
 * KS_E_DAMAGED, KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc ks_cms_check(const struct ks_buf *sealed,
                                 struct ks_err *err);

/* The identifiers of the keys that SEALED is sealed to, at most
 * KS_CMS_RECIPIENTS_MAX. KS_E_DAMAGED. */
KS_MUST_CHECK ks_rc
ks_cms_recipients(const struct ks_buf *sealed,
                  uint8_t ids[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN], size_t *n,
                  struct ks_err *err);

/* Opens SEALED with KEK. Caller clears *pkcs8. KS_E_NOT_FOUND: it is not
 * sealed to KEK. KS_E_DAMAGED, KS_E_UNSUPPORTED, and what KEK's operation
 * says. */
KS_MUST_CHECK ks_rc ks_cms_open(const struct ks_crypto *crypto,
                                const struct ks_buf *sealed,
                                const struct ks_kek *kek,
                                struct ks_secret *pkcs8, struct ks_err *err);

#endif
