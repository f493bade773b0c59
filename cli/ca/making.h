/*
 * Private to the CA library: a CA that is being created. create.c has the
 * order of the acts, making.c what the certificate says.
 */
#ifndef CA_MAKING_H
#define CA_MAKING_H

#include "authority.h"
#include "draft.h"
#include "key.h"
#include "profile.h"

/* All that one creation holds. */
struct ca_making {
    const struct ca_env *env;
    const struct ca_create_spec *spec;
    struct ca_authority *parent; /* NULL: a root */
    struct ca_profile_full *profile;
    struct ca_draft draft;
    struct ca_signer own; /* of a root */
    struct ca_new_key key;
    EVP_PKEY *pkey; /* borrowed from key */
    int64_t ca;     /* its row; 0: none yet */
};

/* Fills DRAFT with what the CA's certificate will say. PKEY NULL: all that
 * can be checked without one. */
KS_MUST_CHECK ks_rc ca_making_draft(const struct ca_making *making,
                                    EVP_PKEY *pkey, struct ca_draft *draft,
                                    struct ks_err *err);

/* What WHY says, said of WHAT. */
ks_rc ca_fail_of(const char *what, ks_rc rc, const struct ks_err *why,
                 struct ks_err *err);

#endif
