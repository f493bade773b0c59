/*
 * What material.c (keys that come and go) and material_reseal.c (their seals)
 * share.
 */
#ifndef KS_MATERIAL_OWN_H
#define KS_MATERIAL_OWN_H

#include "material.h"

/* One key of PLACE: its URI for messages, and what is kept of it. */
struct ks_target {
    const struct ks_place *place;
    const char *name;
    char *uri;
    struct ks_record record;
};

void ks_target_clear(struct ks_target *target);

/* The key NAME of PLACE with its record, which is sound as far as can be told.
 * Caller clears *target, on failure too. */
KS_MUST_CHECK ks_rc ks_target_get(const struct ks_place *place,
                                  const char *name, struct ks_target *target,
                                  struct ks_err *err);

/* The private key of TARGET, compared with the public half. WITH, ANY_SEAL and
 * ASK as in ks_sealing_open. Caller clears *pkcs8. */
KS_MUST_CHECK ks_rc ks_target_open(const struct ks_target *target,
                                   const char *with, bool any_seal,
                                   const struct ks_ask *ask,
                                   struct ks_secret *pkcs8, struct ks_err *err);

/* False if there is nothing in them. */
bool ks_secret_same(const struct ks_secret *a, const struct ks_secret *b);

#endif
