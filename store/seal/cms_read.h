/*
 * Decoding what is sealed to keys, and what both readers of it say of it.
 */
#ifndef KS_CMS_READ_H
#define KS_CMS_READ_H

#include "seal/cms.h"
#include "seal/cms_asn1.h"

/* One encrypted key for one recipient; borrowed. */
struct ks_cms_entry {
    const ASN1_OCTET_STRING *id; /* of KS_KEY_ID_LEN bytes */
    const KS_CMS_KTRI *ktri;     /* or */
    const KS_CMS_KARI *kari;
    const ASN1_OCTET_STRING *encrypted_key;
};

/* A decoded one. ENTRIES borrow from INFO. Starts as { 0 }. */
struct ks_cms_parsed {
    KS_CMS_INFO *info;
    KS_CMS_GCM *gcm;
    struct ks_cms_entry entries[KS_CMS_RECIPIENTS_MAX];
    size_t n;
};

/* Decodes and checks all that can be checked unopened. KS_E_DAMAGED,
 * KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc ks_cms_parse(const struct ks_buf *sealed,
                                 struct ks_cms_parsed *parsed,
                                 struct ks_err *err);
void ks_cms_parsed_clear(struct ks_cms_parsed *parsed);

/* Decodes all of LEN bytes; NULL if there is anything else. Caller frees. */
void *ks_cms_decode(const uint8_t *data, size_t len, const ASN1_ITEM *it);

/* KS_E_DAMAGED, and KS_E_UNSUPPORTED; OPTIONS are what openssl cms needs to
 * make what can be opened. */
ks_rc ks_cms_damaged(struct ks_err *err, const char *what);
ks_rc ks_cms_unsupported(struct ks_err *err, const char *what,
                         const char *options);

#endif
