/*
 * A certificate in the making: built from profile, command and request, then
 * given a serial, encoded, signed.
 */
#ifndef CA_DRAFT_H
#define CA_DRAFT_H

#include "ca.h"
#include "key.h"
#include "profile.h"
#include "sign.h"

struct ca_draft {
    const struct ca_profile_full *profile; /* borrowed */
    X509 *cert;
    STACK_OF(X509_EXTENSION) * exts;
    GENERAL_NAMES *sans;
    char *subject; /* ca_name_text */
    time_t not_before;
    time_t not_after;
    uint8_t spki_hash[KS_HASH_LEN];
    uint8_t request_hash[KS_HASH_LEN];
    bool has_request;
    bool is_server;   /* serverAuth */
    bool constrained; /* by names: then no address may stand as a CN, because
                         verifiers take it for a host's name */
    struct ca_strings names;
    struct ca_strings dropped;
    struct ca_strings notes;
    struct ca_new_key key;
    uint8_t serial[KS_SERIAL_MAX];
    size_t serial_len;
    int64_t row;       /* 0: nothing reserved */
    struct ks_buf tbs; /* once encoded */
    struct ks_buf der; /* once signed */
};
void ca_draft_clear(struct ca_draft *draft);

/* PROFILE is borrowed until the draft is cleared. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ca_draft_start(const struct ca_env *env,
                                   const struct ca_profile_full *profile,
                                   struct ca_draft *draft, struct ks_err *err);

/* --- validity: draft_time.c ---------------------------------------------- */

#define CA_BACKDATE_MAX (48 * 3600) /* BR 7.1.2.7: 48 hours */

/* The issuer's times; { 0 } for a self-signed certificate. */
struct ca_window {
    time_t not_before;
    time_t not_after;
};
/* False if CERT's times cannot be read. */
bool ca_window_of(const X509 *cert, struct ca_window *window);

KS_MUST_CHECK ks_rc ca_draft_validity(const struct ca_env *env,
                                      const struct ca_validity *validity,
                                      int64_t default_seconds,
                                      const struct ca_window *issuer,
                                      bool clamp, struct ca_draft *draft,
                                      struct ks_err *err);

/* --- key: draft_key.c ------------------------------------------------------
 */

/* From CSR (may be NULL) or PKEY; checked against the CAs' own keys. Own:
 * the key is a CA's, being made. */
KS_MUST_CHECK ks_rc ca_draft_key(const struct ca_env *env,
                                 const struct ca_csr *csr, EVP_PKEY *pkey,
                                 bool own, struct ca_draft *draft,
                                 struct ks_err *err);

/* KS_E_POLICY names the CA that has the draft's key. */
KS_MUST_CHECK ks_rc ca_draft_key_is_free(const struct ca_env *env, bool own,
                                         const struct ca_draft *draft,
                                         struct ks_err *err);

/* --- names: draft_names.c ---------------------------------------------------
 */

KS_MUST_CHECK ks_rc ca_draft_subject(const char *text, struct ca_draft *draft,
                                     struct ks_err *err);
/* Subject and SANs of an end entity. */
KS_MUST_CHECK ks_rc ca_draft_names(const struct ca_issue_spec *spec,
                                   struct ca_draft *draft, struct ks_err *err);
/* True if the specification or the profile copies WHAT from the request. */
bool ca_draft_copies(const struct ca_issue_spec *spec,
                     const struct ca_draft *draft, const char *what);

/* --- extensions: draft_exts.c ------------------------------------------------
 */

/* Those of the command; they replace the profile's. */
KS_MUST_CHECK ks_rc ca_draft_command_exts(const struct ca_ext *exts, size_t n,
                                          struct ca_draft *draft,
                                          struct ks_err *err);
/* Those of the request that are to be copied; the others are noted. */
KS_MUST_CHECK ks_rc ca_draft_csr_exts(const struct ca_issue_spec *spec,
                                      struct ca_draft *draft,
                                      struct ks_err *err);
/* SKI, AKI (ISSUER_SKI NULL: its own), key usage cut to the key, then all of
 * them into the certificate. */
KS_MUST_CHECK ks_rc ca_draft_finish_exts(const ASN1_OCTET_STRING *issuer_ski,
                                         struct ca_draft *draft,
                                         struct ks_err *err);

/* --- draft.c
 * -------------------------------------------------------------------- */

/* Draws a serial of 159 random bits. KS_E_CRYPTO. */
KS_MUST_CHECK ks_rc ca_draft_serial(const struct ca_env *env,
                                    struct ca_draft *draft, struct ks_err *err);
/* Encodes draft->tbs, for SIGNER's algorithm. */
KS_MUST_CHECK ks_rc ca_draft_encode(const struct ca_signer *signer,
                                    struct ca_draft *draft, struct ks_err *err);
/* A certificate with an empty signature, parsed. Caller frees. */
KS_MUST_CHECK ks_rc ca_draft_blank(const struct ca_env *env,
                                   const struct ca_signer *signer,
                                   const struct ca_draft *draft, X509 **out,
                                   struct ks_err *err);

/* Write-ahead, each in the caller's transaction or one of its own. */
KS_MUST_CHECK ks_rc ca_draft_reserve(const struct ca_env *env, int64_t ca,
                                     int64_t subject_ca, struct ca_draft *draft,
                                     struct ks_err *err);
KS_MUST_CHECK ks_rc ca_draft_record_tbs(const struct ca_env *env,
                                        struct ca_draft *draft,
                                        struct ks_err *err);
/* With its audit row, and that of its new key. */
KS_MUST_CHECK ks_rc ca_draft_record_cert(const struct ca_env *env,
                                         const char *ca_name,
                                         struct ca_draft *draft,
                                         struct ks_err *err);
/* Gives up what was reserved; keeps quiet, the next start tries again. */
void ca_draft_abandon(const struct ca_env *env, struct ca_draft *draft);

/* Hands names, notes and the certificate over. */
KS_MUST_CHECK ks_rc ca_draft_result(const struct ca_env *env,
                                    struct ca_draft *draft, bool want_cert,
                                    struct ca_issued *issued,
                                    struct ks_err *err);

#endif
