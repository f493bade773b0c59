/*
 * Sealing a content's key to one recipient.
 */
#ifndef KS_CMS_RECIPIENT_H
#define KS_CMS_RECIPIENT_H

#include "seal/cms.h"
#include "seal/cms_asn1.h"

/* Fills RI with KEY, sealed to TO. KS_E_UNSUPPORTED, KS_E_DAMAGED (its public
 * key), KS_E_CRYPTO, KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_cms_recipient_make(const struct ks_crypto *crypto,
                                          const struct ks_cms_recipient *to,
                                          const struct ks_secret *key,
                                          KS_CMS_RI *ri, struct ks_err *err);

#endif
