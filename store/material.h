/*
 * Material keys in a place: a backend that keeps records, and the sealing of
 * what is in them. For the provider; backends never see this.
 */
#ifndef KS_MATERIAL_H
#define KS_MATERIAL_H

#include "seal/sealing.h"

/* All borrowed. */
struct ks_place {
    const char *name; /* the configured backend's, for URIs in messages */
    const struct ks_backend *backend; /* has get, put and replace */
    void *store;                      /* what backend->open made */
    const struct ks_sealing *sealing;
    const struct ks_crypto *crypto;
};

/* The private key NAME, compared with the public half beside it. It may be
 * KS_FORM_INSIDE: KS_E_UNSUPPORTED without a text. KS_E_NOT_FOUND,
 * KS_E_SECRET_MISSING, KS_E_SECRET_WRONG, KS_E_DAMAGED, KS_E_DENIED (not
 * sealed, which the place requires). Caller clears *pkcs8. */
KS_MUST_CHECK ks_rc ks_material_load(const struct ks_place *place,
                                     const char *name, const struct ks_ask *ask,
                                     struct ks_secret *pkcs8,
                                     struct ks_err *err);

/* Keeps a key under a new name, sealed as the place says. INFO gives public
 * half, origin and certificates; its creation time is now, if 0. KS_E_EXISTS
 * (asked early, so that nobody types a passphrase for nothing), KS_E_DAMAGED
 * (halves do not match). */
KS_MUST_CHECK ks_rc ks_material_save(const struct ks_place *place,
                                     const char *name,
                                     const struct ks_key_info *info,
                                     const struct ks_secret *pkcs8,
                                     const struct ks_ask *ask,
                                     struct ks_err *err);

/* What a key is to be sealed like from now on. */
struct ks_reseal {
    const struct ks_sealing *sealing; /* NULL: the place's own */
    const char *with;                 /* as in ks_sealing_open */
    const struct ks_ask *ask;         /* the old passphrase */
    const struct ks_ask *new_ask;     /* the new one */
    bool *changed; /* false: it was sealed like that already; may be NULL */
};
/*
 * Seals the key anew in one step: at any moment either the old or the new
 * sealing is there. A key that the new passphrase opens already, at the cost
 * that is wanted, stays as it is, so that a series of these can be broken off
 * and begun again. KS_E_INVALID where there would be no seal at all.
 */
KS_MUST_CHECK ks_rc ks_material_reseal(const struct ks_place *place,
                                       const char *name,
                                       const struct ks_reseal *reseal,
                                       struct ks_err *err);

/* Keeps CERT, and CHAIN (may be NULL), as in ks_key_info, beside the key in
 * the place of those that are there; both empty: none. KS_E_INVALID unless CERT
 * is of that key. */
KS_MUST_CHECK ks_rc ks_material_certify(const struct ks_place *place,
                                        const char *name,
                                        const struct ks_buf *cert,
                                        const struct ks_buf *chain,
                                        struct ks_err *err);

/* ks_sealing_describe of the key, "origin" and "created" (RFC 3339). */
KS_MUST_CHECK ks_rc ks_material_describe(const struct ks_place *place,
                                         const char *name, ks_fact_fn *each,
                                         void *arg, struct ks_err *err);

#endif
