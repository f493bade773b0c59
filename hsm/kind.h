/*
 * Kinds of keys, for making them: one row each.
 */
#ifndef HSM_KIND_H
#define HSM_KIND_H

#include "ks_backend.h"
#include "spki.h"

/* PKCS#11 3.0; younger than p11-kit's header. */
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#    define CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#endif

struct hsm_make {
    const char *algorithm; /* libcrypto's name */
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE mechanism; /* that generates it */
    /* As modules have it that know the curve and not the type: SoftHSM 2.6.1
     * has X25519 among Edwards curves. */
    bool as_edwards;
    int curve;      /* NID; NID_undef: none, or the caller says which */
    unsigned usage; /* ks_usage that it can have */
    bool pss_only;
};

/* NULL if we make no such keys. */
const struct hsm_make *hsm_make_find(const char *algorithm);

/* *usage: USAGE, or where that is 0 the default. KS_E_INVALID naming one that
 * keys of the kind do not have. */
KS_MUST_CHECK ks_rc hsm_make_usage(const struct hsm_make *make, unsigned wanted,
                                   const char *whose, unsigned *usage,
                                   struct ks_err *err);

/* libcrypto's number of the curve that a person calls GROUP. KS_E_INVALID:
 * none is named; KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc hsm_make_curve(const struct hsm_make *make,
                                   const char *group, const char *whose,
                                   int *nid, struct ks_err *err);

#endif
