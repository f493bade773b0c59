/*
 * Private to the CA library: a CA that is open for issuing.
 */
#ifndef CA_AUTHORITY_H
#define CA_AUTHORITY_H

#include "ca.h"
#include "draft.h"
#include "profile.h"
#include "sign.h"

#define CA_PROFILES_OPEN 8 /* kept with their extensions built */

struct ca_authority {
    struct ks_ca_row row;
    X509 *cert;             /* borrowed from chain */
    STACK_OF(X509) * chain; /* itself first, its root last */
    EVP_PKEY *pkey;         /* public only in a preview */
    bool preview;
    struct ca_signer signer;
    struct ca_window window;
    const ASN1_OCTET_STRING *ski; /* borrowed from cert */
    long path_left;               /* CAs that may follow; -1: any number */
    bool constrained;             /* by names, here or above */
    X509_EXTENSION *crl_url;      /* for what it issues; NULL: none */
    X509_EXTENSION *access;
    struct ca_profile_full *profiles[CA_PROFILES_OPEN];
    size_t n_profiles;
};

/* The profile, loaded once. Borrowed from AUTHORITY. */
KS_MUST_CHECK ks_rc ca_authority_profile(const struct ca_env *env,
                                         struct ca_authority *authority,
                                         const char *name,
                                         const struct ca_profile_full **out,
                                         struct ks_err *err);

/* CERT and those above it, from the inventory: itself first. KS_E_POLICY if
 * one of them has been revoked. Caller frees with sk_X509_pop_free. chain.c */
KS_MUST_CHECK ks_rc ca_chain_load(const struct ca_env *env,
                                  const struct ks_ca_row *row,
                                  bool allow_revoked, STACK_OF(X509) * *out,
                                  struct ks_err *err);
/* True if all of CHAIN are in their time. */
bool ca_chain_is_current(const struct ca_env *env,
                         const STACK_OF(X509) * chain);
/* CAs that may follow below the first of CHAIN; -1: any number. */
long ca_chain_path_left(const STACK_OF(X509) * chain);
bool ca_chain_is_constrained(const STACK_OF(X509) * chain);
/* KS_E_POLICY if CERT breaks a name constraint of CHAIN. */
KS_MUST_CHECK ks_rc ca_chain_check_names(const STACK_OF(X509) * chain,
                                         X509 *cert, struct ks_err *err);

/* Sets basicConstraints of a CA below AUTHORITY (NULL: a root) with PATH_LEN
 * (-1: as many as there may be). KS_E_POLICY. chain.c */
KS_MUST_CHECK ks_rc ca_draft_path(const struct ca_authority *authority,
                                  long path_len, struct ca_draft *draft,
                                  struct ks_err *err);

/* The issuer's name and the extensions that name its services. */
KS_MUST_CHECK ks_rc ca_draft_issuer(const struct ca_authority *authority,
                                    struct ca_draft *draft, struct ks_err *err);

/* Encodes the draft as it is and holds it against the chain's names. */
KS_MUST_CHECK ks_rc ca_draft_check_names(const struct ca_env *env,
                                         const struct ca_authority *authority,
                                         struct ca_draft *draft,
                                         struct ks_err *err);

/*
 * Reserves, encodes, signs and records all drafts whose rcs[i] is KS_OK, each
 * step in one transaction. issue_many.c
 */
void ca_issue_group(const struct ca_env *env, struct ca_authority *authority,
                    struct ca_draft *drafts, struct ca_issue_result *results,
                    size_t n);

/* All of a draft but its serial. PKEY: the public key, unless from
 * spec->csr; NULL and no csr: checks what can be checked without a key. */
KS_MUST_CHECK ks_rc ca_issue_build(const struct ca_env *env,
                                   struct ca_authority *authority,
                                   const struct ca_issue_spec *spec,
                                   EVP_PKEY *pkey, struct ca_draft *draft,
                                   struct ks_err *err);

#endif
