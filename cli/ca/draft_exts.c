/*
 * Extensions of a certificate in the making. Who may set what: the CA its
 * own; the command anything but those and what would make a CA; a request
 * only what the operator or the profile lists, and never those either.
 */
#include "csr.h"
#include "draft.h"
#include "ext.h"
#include "texts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Never from a request, whatever is listed. */
static const int never_copied[] = {
    NID_basic_constraints,
    NID_name_constraints,
    NID_authority_key_identifier,
    NID_subject_key_identifier,
    NID_info_access,
    NID_crl_distribution_points,
    NID_freshest_crl,
    NID_policy_constraints,
    NID_policy_mappings,
    NID_inhibit_any_policy,
    NID_id_pkix_OCSP_noCheck,
};

static bool may_be_copied(int nid)
{
    for (size_t i = 0; i < sizeof(never_copied) / sizeof(never_copied[0]);
         i++) {
        if (never_copied[i] == nid)
            return false;
    }
    return true;
}

static const char *usage_fault(const void *value, bool is_ca)
{
    bool signs_certs = ASN1_BIT_STRING_get_bit(value, 5) == 1;

    if (is_ca)
        return signs_certs ? NULL : "a CA needs keyCertSign";
    return signs_certs || ASN1_BIT_STRING_get_bit(value, 6) == 1
               ? "keyCertSign and cRLSign are for CAs"
               : NULL;
}

static const char *purpose_fault(const void *value, bool is_ca)
{
    const EXTENDED_KEY_USAGE *usage = value;
    const char *fault = NULL;

    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); i++) {
        int purpose = OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i));

        if (purpose == NID_anyExtendedKeyUsage)
            fault = "anyExtendedKeyUsage is not allowed";
        if (purpose == NID_OCSP_sign)
            fault = is_ca ? "a CA with OCSPSigning could answer for its issuer"
                          : "OCSPSigning is for the profile to give";
    }
    return fault;
}

/* Without basicConstraints and keyUsage, libcrypto takes the holder of one of
 * these three for a CA. */
static const char *netscape_fault(const void *value, bool is_ca)
{
    for (int bit = 5; bit <= 7; bit++) {
        if (!is_ca && ASN1_BIT_STRING_get_bit(value, bit) == 1)
            return "sslCA, emailCA and objCA are for CAs";
    }
    return NULL;
}

static const struct {
    int nid;
    const char *(*fault)(const void *value, bool is_ca);
} judges[] = {
    {NID_key_usage, usage_fault},
    {NID_ext_key_usage, purpose_fault},
    {NID_netscape_cert_type, netscape_fault},
};

/* Why the value may not come from outside; NULL: it may. Octets given as such
 * must be what the extension's type says. */
static const char *value_fault(const X509_EXTENSION *ext, int nid, bool is_ca)
{
    X509_EXTENSION *e = (X509_EXTENSION *)(uintptr_t)ext;
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(e);
    const char *fault = NULL;
    void *value;

    if (method == NULL)
        return NULL;
    value = X509V3_EXT_d2i(e);
    if (value == NULL)
        return "damaged";
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        if (judges[i].nid == nid)
            fault = judges[i].fault(value, is_ca);
    }
    if (method->it != NULL)
        ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
    else
        method->ext_free(value);
    return fault;
}

static ks_rc command_ext(const struct ca_ext *given, struct ca_draft *draft,
                         struct ks_err *err)
{
    X509_EXTENSION *ext = NULL;
    int nid = ca_ext_nid(given->name);
    const char *fault;
    ks_rc rc;

    if (nid == NID_undef &&
        strspn(given->name, "0123456789.") != strlen(given->name))
        return ks_fail(err, KS_E_INVALID, "--ext: %.60s: unknown extension",
                       given->name);
    if (ca_ext_is_ours(nid) || nid == NID_basic_constraints ||
        nid == NID_name_constraints)
        return ks_fail(
            err, KS_E_INVALID,
            "--ext: %s: only the CA, or the creation of one, sets this",
            given->name);
    if (nid == NID_subject_alt_name)
        return ks_fail(err, KS_E_INVALID, "--ext: %s: names are given by --san",
                       given->name);
    rc = ca_ext_build(given->name, given->value, NULL, &ext, err);
    if (rc != KS_OK)
        return rc;
    fault = value_fault(ext, nid, draft->profile->show.is_ca);
    if (fault != NULL) {
        X509_EXTENSION_free(ext);
        return ks_fail(err, KS_E_INVALID, "%s = %.60s: %s", given->name,
                       given->value, fault);
    }
    return ca_ext_set(draft->exts, ext, err);
}

ks_rc ca_draft_command_exts(const struct ca_ext *exts, size_t n,
                            struct ca_draft *draft, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < n; i++)
        rc = command_ext(&exts[i], draft, err);
    return rc;
}

/* --- from the request --------------------------------------------------------
 */

static const char *name_of(const X509_EXTENSION *ext, char *buf, size_t size)
{
    const ASN1_OBJECT *object =
        X509_EXTENSION_get_object((X509_EXTENSION *)(uintptr_t)ext);
    int nid = OBJ_obj2nid(object);

    if (nid != NID_undef)
        return OBJ_nid2sn(nid);
    return OBJ_obj2txt(buf, (int)size, object, 1) > 0 ? buf : "?";
}

static bool asks_for_ca(const X509_EXTENSION *ext)
{
    BASIC_CONSTRAINTS *constraints =
        X509V3_EXT_d2i((X509_EXTENSION *)(uintptr_t)ext);
    bool ca = constraints != NULL && constraints->ca != 0;

    BASIC_CONSTRAINTS_free(constraints);
    return ca;
}

static ks_rc drop(const X509_EXTENSION *ext, const char *why,
                  struct ca_draft *draft, struct ks_err *err)
{
    char buf[128];
    int nid = OBJ_obj2nid(
        X509_EXTENSION_get_object((X509_EXTENSION *)(uintptr_t)ext));
    const char *detail =
        nid == NID_basic_constraints && asks_for_ca(ext) ? " CA:TRUE" : "";

    if (ca_strings_add(&draft->dropped, "%s%s: %s",
                       name_of(ext, buf, sizeof(buf)), detail, why) == KS_OK)
        return KS_OK;
    return ca_nomem(err);
}

static ks_rc one_of_csr(const struct ca_issue_spec *spec, X509_EXTENSION *ext,
                        struct ca_draft *draft, struct ks_err *err)
{
    char buf[128];
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
    const char *fault;

    if (!may_be_copied(nid))
        return drop(ext, "only the CA decides this", draft, err);
    if (!ca_draft_copies(spec, draft, name_of(ext, buf, sizeof(buf))))
        return drop(ext, "not copied", draft, err);
    if (nid == NID_subject_alt_name)
        return KS_OK; /* draft_names.c has done it */
    fault = value_fault(ext, nid, false);
    if (fault != NULL)
        return drop(ext, fault, draft, err);
    return ca_ext_set(draft->exts, X509_EXTENSION_dup(ext), err);
}

/* What is listed must be allowed to be: a list that could make CAs is a
 * mistake to be told, not to be passed over. */
static ks_rc check_list(const char *what, const char *const *list, size_t n,
                        struct ks_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (OPENSSL_strcasecmp(list[i], "subject") == 0)
            continue;
        if (!may_be_copied(ca_ext_nid(list[i])))
            return ks_fail(err, KS_E_INVALID,
                           "%s: %s: can never be copied from a request", what,
                           list[i]);
        if (ca_ext_nid(list[i]) == NID_undef &&
            strspn(list[i], "0123456789.") != strlen(list[i]))
            return ks_fail(err, KS_E_INVALID, "%s: %.60s: unknown extension",
                           what, list[i]);
    }
    return KS_OK;
}

ks_rc ca_draft_csr_exts(const struct ca_issue_spec *spec,
                        struct ca_draft *draft, struct ks_err *err)
{
    STACK_OF(X509_EXTENSION) * exts;
    ks_rc rc = check_list("--copy", spec->copy, spec->n_copy, err);

    if (rc == KS_OK)
        rc = check_list("copy of the profile", draft->profile->show.copy,
                        draft->profile->show.n_copy, err);
    if (rc != KS_OK || spec->csr == NULL)
        return rc;
    exts = X509_REQ_get_extensions(spec->csr->req);
    for (int i = 0; rc == KS_OK && i < sk_X509_EXTENSION_num(exts); i++) {
        X509_EXTENSION *ext = sk_X509_EXTENSION_value(exts, i);

        if (X509v3_get_ext_by_OBJ(exts, X509_EXTENSION_get_object(ext), -1) !=
            i)
            rc =
                ks_fail(err, KS_E_POLICY, "the request has an extension twice");
        else
            rc = one_of_csr(spec, ext, draft, err);
    }
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return rc;
}

/* --- at the end
 * ---------------------------------------------------------------- */

static ks_rc cut_key_usage(struct ca_draft *draft, struct ks_err *err)
{
    X509_EXTENSION *have = ca_ext_get(draft->exts, NID_key_usage);
    X509_EXTENSION *cut = NULL;
    ASN1_OBJECT *algorithm = NULL;
    ks_rc rc;

    if (have == NULL)
        return KS_OK;
    if (X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL,
                               X509_get_X509_PUBKEY(draft->cert)) != 1)
        return ks_fail(err, KS_E_CRYPTO, "cannot read the public key");
    rc = ca_ext_key_usage(have, OBJ_obj2nid(algorithm), &cut, err);
    if (rc == KS_OK && cut != NULL)
        rc = ca_ext_set(draft->exts, cut, err);
    return rc;
}

static ks_rc set_key_ids(const ASN1_OCTET_STRING *issuer_ski,
                         struct ca_draft *draft, struct ks_err *err)
{
    X509_EXTENSION *ski = NULL, *aki = NULL;
    ASN1_OCTET_STRING *own = NULL;
    ks_rc rc = ca_ext_ski(draft->cert, &ski, err);

    if (rc == KS_OK && issuer_ski == NULL) {
        own = X509V3_EXT_d2i(ski);
        issuer_ski = own;
    }
    if (rc == KS_OK)
        rc = ca_ext_set(draft->exts, ski, err);
    if (rc == KS_OK)
        rc = ca_ext_aki(issuer_ski, &aki, err);
    if (rc == KS_OK)
        rc = ca_ext_set(draft->exts, aki, err);
    ASN1_OCTET_STRING_free(own);
    return rc;
}

ks_rc ca_draft_finish_exts(const ASN1_OCTET_STRING *issuer_ski,
                           struct ca_draft *draft, struct ks_err *err)
{
    ks_rc rc = cut_key_usage(draft, err);

    if (rc == KS_OK)
        rc = set_key_ids(issuer_ski, draft, err);
    for (int i = 0; rc == KS_OK && i < sk_X509_EXTENSION_num(draft->exts);
         i++) {
        if (X509_add_ext(draft->cert, sk_X509_EXTENSION_value(draft->exts, i),
                         -1) != 1)
            rc = ca_nomem(err);
    }
    return rc;
}
