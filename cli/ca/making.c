/*
 * What the certificate of a new CA says: its subject, its end, its limits.
 */
#include "making.h"

#include <openssl/x509v3.h>

#include "ext.h"
#include "san.h"
#include "texts.h"

#define DAY INT64_C(86400)
#define ROOT_DAYS 3650
#define INTERMEDIATE_DAYS 1825

ks_rc ca_fail_of(const char *what, ks_rc rc, const struct ks_err *why,
                 struct ks_err *err)
{
    if (why->hint[0] != '\0')
        ks_hint(err, "%s", why->hint);
    return why->text[0] == '\0' ? rc
                                : ks_fail(err, rc, "%s: %s", what, why->text);
}

static ks_rc add_subtree(const char *option, const char *text,
                         STACK_OF(GENERAL_SUBTREE) * *list, struct ks_err *err)
{
    struct ks_err why = {0};
    GENERAL_SUBTREE *subtree;
    GENERAL_NAME *name = NULL;
    ks_rc rc = ca_constraint_parse(text, &name, &why);

    if (rc != KS_OK)
        return ca_fail_of(option, rc, &why, err);
    if (*list == NULL)
        *list = sk_GENERAL_SUBTREE_new_null();
    subtree = GENERAL_SUBTREE_new();
    if (*list == NULL || subtree == NULL ||
        sk_GENERAL_SUBTREE_push(*list, subtree) <= 0) {
        GENERAL_SUBTREE_free(subtree);
        GENERAL_NAME_free(name);
        return ca_nomem(err);
    }
    GENERAL_NAME_free(subtree->base);
    subtree->base = name;
    return KS_OK;
}

/* RFC 5280, 4.2.1.10: critical. */
static ks_rc name_constraints(const struct ca_create_spec *spec,
                              struct ca_draft *draft, struct ks_err *err)
{
    NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
    ks_rc rc = constraints == NULL ? ca_nomem(err) : KS_OK;

    for (size_t i = 0; rc == KS_OK && i < spec->n_permit; i++)
        rc = add_subtree("--permit-name", spec->permit[i],
                         &constraints->permittedSubtrees, err);
    for (size_t i = 0; rc == KS_OK && i < spec->n_exclude; i++)
        rc = add_subtree("--exclude-name", spec->exclude[i],
                         &constraints->excludedSubtrees, err);
    if (rc == KS_OK && spec->n_permit + spec->n_exclude > 0)
        rc = ca_ext_set(draft->exts,
                        ca_ext_encode(NID_name_constraints, true, constraints),
                        err);
    NAME_CONSTRAINTS_free(constraints);
    return rc;
}

static ks_rc subject(const struct ca_making *making, struct ca_draft *draft,
                     struct ks_err *err)
{
    X509_NAME *name;
    ks_rc rc;

    if (making->spec->subject == NULL)
        return ks_fail(err, KS_E_INVALID, "a CA needs a subject");
    rc = ca_draft_subject(making->spec->subject, draft, err);
    if (rc != KS_OK)
        return rc;
    name = X509_get_subject_name(draft->cert);
    if (X509_NAME_get_index_by_NID(name, NID_commonName, -1) < 0)
        return ks_fail(err, KS_E_POLICY, "%s: a CA's subject needs a CN",
                       making->spec->subject);
    if (making->parent != NULL &&
        X509_NAME_cmp(name, X509_get_subject_name(making->parent->cert)) == 0)
        return ks_fail(err, KS_E_POLICY,
                       "%s: the subject is that of the parent",
                       making->spec->subject);
    return KS_OK;
}

/* Where nobody asked for an end, the parent's will do. */
static ks_rc validity(const struct ca_making *making, struct ca_draft *draft,
                      struct ks_err *err)
{
    static const struct ca_window none = {0};
    const struct ca_validity *asked = &making->spec->validity;
    int64_t days = making->parent == NULL ? ROOT_DAYS : INTERMEDIATE_DAYS;
    bool clamp =
        making->spec->clamp || (asked->seconds == 0 && asked->not_after == 0);

    if (making->spec->profile != NULL || making->profile->has_days)
        days = making->profile->show.seconds / DAY;
    return ca_draft_validity(making->env, asked, days * DAY,
                             making->parent == NULL ? &none
                                                    : &making->parent->window,
                             clamp, draft, err);
}

/* A root names itself as issuer, and nothing that could revoke it. */
static ks_rc issuer(const struct ca_making *making, struct ca_draft *draft,
                    struct ks_err *err)
{
    if (making->parent != NULL)
        return ca_draft_issuer(making->parent, draft, err);
    if (X509_set_issuer_name(draft->cert, X509_get_subject_name(draft->cert)) !=
        1)
        return ca_nomem(err);
    return KS_OK;
}

ks_rc ca_making_draft(const struct ca_making *making, EVP_PKEY *pkey,
                      struct ca_draft *draft, struct ks_err *err)
{
    const struct ca_create_spec *spec = making->spec;
    struct ks_err why = {0};
    long path_len = spec->path_length >= 0
                        ? spec->path_length
                        : ca_profile_path_len(making->profile);
    ks_rc rc = ca_draft_start(making->env, making->profile, draft, err);

    if (rc == KS_OK)
        rc = validity(making, draft, err);
    if (rc == KS_OK)
        rc = subject(making, draft, err);
    if (rc == KS_OK && pkey != NULL)
        rc = ca_draft_key(making->env, NULL, pkey, true, draft, &why);
    if (rc != KS_OK && why.text[0] != '\0')
        rc = ca_fail_of(making->key.uri, rc, &why, err);
    if (rc == KS_OK)
        rc = ca_draft_command_exts(spec->exts, spec->n_exts, draft, err);
    if (rc == KS_OK)
        rc = ca_draft_path(making->parent, path_len, draft, err);
    if (rc == KS_OK)
        rc = name_constraints(spec, draft, err);
    if (rc == KS_OK)
        rc = issuer(making, draft, err);
    if (rc == KS_OK && pkey != NULL)
        rc = ca_draft_finish_exts(
            making->parent != NULL ? making->parent->ski : NULL, draft, err);
    if (rc == KS_OK && pkey != NULL && making->parent != NULL)
        rc = ca_draft_check_names(making->env, making->parent, draft, err);
    return rc;
}
