/*
 * Profiles with their extensions built.
 */
#ifndef CA_PROFILE_H
#define CA_PROFILE_H

#include "ca.h"

/* The whole of a profile; `show` is what others see of it. */
struct ca_profile_full {
    struct ca_profile show; /* must be first */
    struct ca_ext *exts;
    char **copy;
    const char *subject; /* where none is given; NULL: none */
    STACK_OF(X509_EXTENSION) * built;
    bool is_server; /* serverAuth */
    bool has_pathlen;
    bool has_days; /* of a section, not built in */
};

/* Caller frees with ca_profile_free(&full->show). As ca_profile_find. */
KS_MUST_CHECK ks_rc ca_profile_load(const struct ca_env *env, const char *name,
                                    struct ca_profile_full **out,
                                    struct ks_err *err);

/* Its path length, if it is one for CAs; -1: none. */
long ca_profile_path_len(const struct ca_profile_full *profile);

/* True if the list has an extended key usage with PURPOSE (NID). */
bool ca_exts_have_purpose(const STACK_OF(X509_EXTENSION) * exts, int purpose);

/* A built-in profile: its settings, as in caadm.conf. profile_builtin.c */
struct ca_profile_row {
    const char *name;
    const char *description;
    unsigned days;
    struct ca_ext exts[4]; /* ends with a NULL name */
};
/* Notes in FULL what it is for. KS_E_CONFIG with the fault. ROW: the built-in
 * one of its name; NULL: none. profile_check.c */
KS_MUST_CHECK ks_rc ca_profile_check(struct ca_profile_full *full,
                                     const struct ca_profile_row *row,
                                     struct ks_err *err);

extern const struct ca_profile_row ca_profile_rows[];
extern const size_t ca_profile_n_rows;

#endif
