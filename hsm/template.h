/*
 * Attributes of new keys. What is true of every key of ours stands here:
 * private halves never leave the token, public ones are seen by everybody,
 * and nothing may be done with either but what was asked for.
 */
#ifndef HSM_TEMPLATE_H
#define HSM_TEMPLATE_H

#include "kind.h"
#include "name.h"

#define HSM_TEMPLATE_MAX 32

/* Attributes; values are borrowed. */
struct hsm_template {
    CK_ATTRIBUTE rows[HSM_TEMPLATE_MAX];
    CK_ULONG n;
};

void hsm_template_add(struct hsm_template *t, CK_ATTRIBUTE_TYPE type,
                      const void *value, size_t len);

/* What a new key is to be. */
struct hsm_plan {
    const struct hsm_make *make;
    const struct hsm_name *name; /* label and id */
    unsigned usage;
    const struct ks_buf *expected; /* the SPKI it will have; NULL: unknown */
    /* Says "no" to uses of other kinds of keys as well. There are tokens that
     * do not know those attributes, and tokens that take silence for yes. */
    bool outspoken;
};

/* The attributes that all private, or public, keys of ours have. */
void hsm_template_private(const struct hsm_plan *plan, struct hsm_template *t);
void hsm_template_public(const struct hsm_plan *plan, struct hsm_template *t);

#endif
