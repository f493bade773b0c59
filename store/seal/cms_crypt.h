/*
 * The ciphers of sealed keys: AES-256-GCM of the content (RFC 5084), and what
 * turns an agreed secret into an encrypted key (RFC 5753, 7.1).
 */
#ifndef KS_CMS_CRYPT_H
#define KS_CMS_CRYPT_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "ks_buf.h"
#include "seal/seal.h"

#define KS_CMS_KEY_LEN 32   /* AES-256 */
#define KS_CMS_NONCE_LEN 12 /* RFC 5084, 3.2 */
#define KS_CMS_TAG_LEN 16

/* Encrypts or decrypts LEN bytes of IN to OUT, of the same length; sets TAG,
 * or compares it. False if it cannot, or TAG is another. */
bool ks_cms_gcm(const struct ks_crypto *crypto, bool encrypt,
                const uint8_t key[static KS_CMS_KEY_LEN],
                const uint8_t nonce[static KS_CMS_NONCE_LEN],
                uint8_t tag[static KS_CMS_TAG_LEN], const uint8_t *in,
                size_t len, uint8_t *out);

/* The digests of OAEP. NULL, and NID_undef, for others. */
const char *ks_cms_digest_name(int nid);
int ks_cms_digest_nid(const char *name);

/* A way from an agreed secret to a key that encrypts a key. */
struct ks_cms_agreement {
    int nid;            /* dhSinglePass-... (RFC 5753, 7.1.4) */
    const char *digest; /* of the KDF of X9.63 */
    bool cofactor;
};
/* NULL if there is none. */
const struct ks_cms_agreement *ks_cms_agreement_find(int nid);

struct ks_cms_wrap {
    int nid; /* id-aesNNN-wrap (RFC 3565, 2.3.2) */
    const char *cipher;
    size_t key_len;
};
const struct ks_cms_wrap *ks_cms_wrap_find(int nid);

/* All of one recipient that his encrypted key depends on; borrowed. */
struct ks_cms_agreed {
    const struct ks_cms_agreement *how;
    const struct ks_cms_wrap *wrap;
    X509_ALGOR *wrap_algorithm;   /* as encoded */
    const ASN1_OCTET_STRING *ukm; /* NULL: none */
    const struct ks_secret *secret;
};

/* Wraps or unwraps IN (RFC 3394); caller clears *out. False if it cannot, or
 * IN was not wrapped so. */
bool ks_cms_wrap_key(const struct ks_crypto *crypto, bool wrap,
                     const struct ks_cms_agreed *agreed, const uint8_t *in,
                     size_t len, struct ks_secret *out);

#endif
