/*
 * Issuing one certificate: what it will say, whether it may, then the
 * write-ahead of issue_many.c.
 */
#include "authority.h"
#include "csr.h"
#include "ext.h"
#include "texts.h"

#include <string.h>

#include <openssl/x509v3.h>

/* A certificate for a CA whose key is elsewhere. */
static ks_rc build_ca(const struct ca_authority *authority,
                      struct ca_draft *draft, struct ks_err *err)
{
    X509_NAME *subject = X509_get_subject_name(draft->cert);

    if (X509_NAME_get_index_by_NID(subject, NID_commonName, -1) < 0)
        return ks_fail(err, KS_E_POLICY, "a CA's subject needs a CN");
    if (X509_NAME_cmp(subject, X509_get_subject_name(authority->cert)) == 0)
        return ks_fail(err, KS_E_POLICY,
                       "the subject is that of the issuing CA");
    return ca_draft_path(authority, ca_profile_path_len(draft->profile), draft,
                         err);
}

static ks_rc check_sources(const struct ca_issue_spec *spec, struct ks_err *err)
{
    int n =
        (spec->csr != NULL) + (spec->new_key != NULL) + (spec->key_uri != NULL);

    if (n == 1)
        return KS_OK;
    ks_hint(err, "--csr FILE, --new-key URI or --key URI");
    return ks_fail(err, KS_E_INVALID,
                   n == 0 ? "no public key to certify"
                          : "more than one public key to certify");
}

ks_rc ca_issue_build(const struct ca_env *env, struct ca_authority *authority,
                     const struct ca_issue_spec *spec, EVP_PKEY *pkey,
                     struct ca_draft *draft, struct ks_err *err)
{
    const struct ca_profile_full *profile = NULL;
    bool has_key = pkey != NULL || spec->csr != NULL;
    ks_rc rc = ca_authority_profile(env, authority,
                                    spec->profile != NULL ? spec->profile
                                                          : CA_PROFILE_DEFAULT,
                                    &profile, err);

    if (rc == KS_OK)
        rc = ca_draft_start(env, profile, draft, err);
    draft->constrained = authority->constrained;
    if (rc == KS_OK)
        rc = ca_draft_validity(env, &spec->validity, profile->show.seconds,
                               &authority->window, spec->clamp, draft, err);
    if (rc == KS_OK && has_key)
        rc = ca_draft_key(env, spec->csr, pkey, false, draft, err);
    if (rc == KS_OK)
        rc = ca_draft_command_exts(spec->exts, spec->n_exts, draft, err);
    if (rc == KS_OK)
        rc = ca_draft_csr_exts(spec, draft, err);
    draft->is_server = ca_exts_have_purpose(draft->exts, NID_server_auth);
    if (rc == KS_OK)
        rc = ca_draft_names(spec, draft, err);
    if (rc == KS_OK && profile->show.is_ca)
        rc = build_ca(authority, draft, err);
    if (rc == KS_OK)
        rc = ca_draft_issuer(authority, draft, err);
    if (rc != KS_OK || !has_key)
        return rc;
    rc = ca_draft_finish_exts(authority->ski, draft, err);
    if (rc == KS_OK)
        rc = ca_draft_check_names(env, authority, draft, err);
    return rc;
}

/* All that can be refused is refused before a key is made. */
static ks_rc get_key(const struct ca_env *env, struct ca_authority *authority,
                     const struct ca_issue_spec *spec, struct ca_new_key *key,
                     struct ks_err *err)
{
    struct ca_draft draft = {0};
    ks_rc rc = KS_OK;

    if (spec->key_uri != NULL)
        return ca_key_load_public(env, spec->key_uri, &key->pkey, err);
    if (spec->new_key == NULL)
        return KS_OK;
    rc = ca_issue_build(env, authority, spec, NULL, &draft, err);
    ca_draft_clear(&draft);
    if (rc == KS_OK)
        rc = ca_new_key_make(env, spec->new_key, key, err);
    return rc;
}

static ks_rc issue_one(const struct ca_env *env, struct ca_authority *authority,
                       const struct ca_issue_spec *spec, struct ca_new_key *key,
                       struct ca_draft *draft, struct ca_issued *issued,
                       struct ks_err *err)
{
    struct ca_issue_result result = {0};

    result.rc =
        ca_issue_build(env, authority, spec, key->pkey, draft, &result.err);
    if (spec->new_key != NULL) {
        draft->key = *key;
        *key = (struct ca_new_key){0}; /* given to the draft */
    }
    if (result.rc == KS_OK)
        ca_issue_group(env, authority, draft, &result, 1);
    if (result.rc == KS_OK) {
        draft->key.intent = 0; /* it is registered */
        return ca_draft_result(env, draft, true, issued, err);
    }
    ca_new_key_undo(env, &draft->key);
    if (result.err.hint[0] != '\0')
        ks_hint(err, "%s", result.err.hint);
    return ks_fail(err, result.rc, "%s", result.err.text);
}

ks_rc ca_issue(const struct ca_env *env, struct ca_authority *authority,
               const struct ca_issue_spec *spec, struct ca_issued *issued,
               struct ks_err *err)
{
    struct ca_new_key key = {0};
    struct ca_draft draft = {0};
    ks_rc rc = check_sources(spec, err);

    memset(issued, 0, sizeof(*issued));
    if (rc == KS_OK && authority->preview)
        rc = ks_fail(err, KS_E_INTERNAL, "opened for previews only");
    if (rc == KS_OK)
        rc = get_key(env, authority, spec, &key, err);
    if (rc == KS_OK)
        rc = issue_one(env, authority, spec, &key, &draft, issued, err);
    ca_draft_clear(&draft);
    ca_new_key_clear(&key);
    return rc;
}

ks_rc ca_preview(const struct ca_env *env, struct ca_authority *authority,
                 const struct ca_issue_spec *spec, struct ca_issued *issued,
                 struct ks_err *err)
{
    struct ca_draft draft = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = check_sources(spec, err);

    memset(issued, 0, sizeof(*issued));
    if (rc == KS_OK && spec->key_uri != NULL)
        rc = ca_key_load_public(env, spec->key_uri, &pkey, err);
    else if (rc == KS_OK && spec->new_key != NULL)
        rc = ca_key_throw_away(env, spec->new_key->type, &pkey, err);
    if (rc == KS_OK)
        rc = ca_issue_build(env, authority, spec, pkey, &draft, err);
    if (rc == KS_OK)
        rc = ca_draft_encode(&authority->signer, &draft, err);
    if (rc == KS_OK)
        rc = ca_signer_blank(&authority->signer, &draft.tbs, &draft.der, err);
    if (rc == KS_OK)
        rc = ca_draft_result(env, &draft, true, issued, err);
    if (rc == KS_OK && spec->new_key != NULL)
        rc = ca_key_uri(spec->new_key->uri, &issued->key_uri, err);
    ca_draft_clear(&draft);
    EVP_PKEY_free(pkey);
    return rc;
}
