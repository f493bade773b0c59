/*
 * Records of keys, for all who keep or read them.
 */
#ifndef KS_RECORD_H
#define KS_RECORD_H

#include "ks_backend.h"

/* The private half of RECORD as ordinary bytes, which it is once it is sealed.
 * Borrowed. */
struct ks_buf ks_record_sealed(const struct ks_record *record);

/* What can be told of RECORD without opening it. KS_E_DAMAGED,
 * KS_E_UNSUPPORTED. */
KS_MUST_CHECK ks_rc ks_record_check(const struct ks_record *record,
                                    struct ks_err *err);

#endif
