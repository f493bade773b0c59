/*
 * Subject and alternative names of an end entity. From a request only what
 * the operator or the profile named is taken, and it is read anew from its
 * text, so that it obeys the same rules as what is typed.
 */
#include "csr.h"
#include "draft.h"
#include "ext.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define CN_MAX 64 /* ub-common-name, RFC 5280, appendix A.1 */
#define SANS_MAX 500

static bool listed(const char *const *list, size_t n, const char *what)
{
    int nid = ca_ext_nid(what);

    for (size_t i = 0; i < n; i++) {
        if (OPENSSL_strcasecmp(list[i], what) == 0 ||
            (nid != NID_undef && ca_ext_nid(list[i]) == nid))
            return true;
    }
    return false;
}

bool ca_draft_copies(const struct ca_issue_spec *spec,
                     const struct ca_draft *draft, const char *what)
{
    return listed(spec->copy, spec->n_copy, what) ||
           listed(draft->profile->show.copy, draft->profile->show.n_copy, what);
}

static ks_rc set_subject(X509_NAME *name, struct ca_draft *draft,
                         struct ks_err *err)
{
    draft->subject = ca_name_text(name);
    if (draft->subject == NULL || X509_set_subject_name(draft->cert, name) != 1)
        return ca_nomem(err);
    return KS_OK;
}

ks_rc ca_draft_subject(const char *text, struct ca_draft *draft,
                       struct ks_err *err)
{
    X509_NAME *name = NULL;
    ks_rc rc = ca_name_parse(text, &name, err);

    if (rc == KS_OK)
        rc = set_subject(name, draft, err);
    X509_NAME_free(name);
    return rc;
}

/* --- alternative names
 * ---------------------------------------------------------- */

/* Takes NAME. The same name twice is kept once. */
static ks_rc add_san(GENERAL_NAME *name, const char *given,
                     struct ca_draft *draft, struct ks_err *err)
{
    char *text = ca_san_text(name);
    ks_rc rc = KS_OK;

    for (size_t i = 0; text != NULL && i < draft->names.n; i++) {
        if (strcmp(draft->names.items[i], text) == 0)
            goto out;
    }
    if (draft->names.n == SANS_MAX) {
        rc = ks_fail(err, KS_E_INVALID, "over %d names", SANS_MAX);
        goto out;
    }
    if (text == NULL || sk_GENERAL_NAME_push(draft->sans, name) <= 0) {
        rc = ca_nomem(err);
        goto out;
    }
    name = NULL; /* given to the list */
    if (given != NULL && strstr(text, "xn--") != NULL &&
        strstr(given, "xn--") == NULL)
        rc = ca_strings_add(&draft->notes, "%s is written %s", given, text);
    if (rc == KS_OK)
        rc = ca_strings_take(&draft->names, text);
    text = NULL; /* taken */
out:
    OPENSSL_free(text);
    GENERAL_NAME_free(name);
    return rc;
}

static ks_rc add_given(const struct ca_issue_spec *spec, struct ca_draft *draft,
                       struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < spec->n_sans; i++) {
        GENERAL_NAME *name = NULL;

        rc = ca_san_parse(spec->sans[i], &name, err);
        if (rc == KS_OK)
            rc = add_san(name, spec->sans[i], draft, err);
    }
    return rc;
}

/* What has a text form is parsed from it, which checks it. */
static ks_rc copy_san(const GENERAL_NAME *from, struct ca_draft *draft,
                      struct ks_err *err)
{
    GENERAL_NAME *name = NULL;
    char *text = ca_san_text(from);
    ks_rc rc = text == NULL ? ca_nomem(err) : ca_san_parse(text, &name, err);

    OPENSSL_free(text);
    return rc == KS_OK ? add_san(name, NULL, draft, err) : rc;
}

static GENERAL_NAMES *sans_of(const X509_REQ *req)
{
    STACK_OF(X509_EXTENSION) *exts =
        X509_REQ_get_extensions((X509_REQ *)(uintptr_t)req);
    GENERAL_NAMES *names =
        X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return names;
}

static ks_rc add_copied(const struct ca_issue_spec *spec,
                        struct ca_draft *draft, struct ks_err *err)
{
    GENERAL_NAMES *names;
    ks_rc rc = KS_OK;

    if (spec->csr == NULL || !ca_draft_copies(spec, draft, "subjectAltName"))
        return KS_OK;
    names = sans_of(spec->csr->req);
    for (int i = 0; rc == KS_OK && i < sk_GENERAL_NAME_num(names); i++)
        rc = copy_san(sk_GENERAL_NAME_value(names, i), draft, err);
    GENERAL_NAMES_free(names);
    return rc;
}

/* --- subject
 * -------------------------------------------------------------------- */

/* The first name that can be a CN: no directory name, no OID. */
static const char *name_for_cn(const struct ca_draft *draft)
{
    for (size_t i = 0; i < draft->names.n; i++) {
        int type = sk_GENERAL_NAME_value(draft->sans, (int)i)->type;
        const char *value = strchr(draft->names.items[i], ':') + 1;

        if ((type == GEN_DNS || type == GEN_EMAIL ||
             (type == GEN_IPADD && !draft->constrained)) &&
            strlen(value) <= CN_MAX)
            return value;
    }
    return NULL;
}

/* The profile's subject, if it has one, and the first name as CN. Without
 * both the subject stays empty, and the names are critical. */
static ks_rc default_subject(struct ca_draft *draft, struct ks_err *err)
{
    const char *cn = name_for_cn(draft);
    X509_NAME *name = NULL;
    ks_rc rc = KS_OK;

    if (draft->profile->subject != NULL)
        rc = ca_name_parse(draft->profile->subject, &name, err);
    else if ((name = X509_NAME_new()) == NULL)
        rc = ca_nomem(err);
    if (rc == KS_OK && cn != NULL &&
        X509_NAME_get_index_by_NID(name, NID_commonName, -1) < 0 &&
        X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                   (const unsigned char *)cn, -1, -1, 0) != 1)
        rc = ca_nomem(err);
    if (rc == KS_OK)
        rc = set_subject(name, draft, err);
    X509_NAME_free(name);
    return rc;
}

static ks_rc copied_subject(const struct ca_issue_spec *spec,
                            struct ca_draft *draft, struct ks_err *err)
{
    char *text = ca_name_text(X509_REQ_get_subject_name(spec->csr->req));
    ks_rc rc;

    if (text == NULL)
        return ca_nomem(err);
    rc = text[0] == '\0' ? default_subject(draft, err)
                         : ca_draft_subject(text, draft, err);
    OPENSSL_free(text);
    return rc;
}

static ks_rc note_subject(const struct ca_issue_spec *spec,
                          struct ca_draft *draft, struct ks_err *err)
{
    const X509_NAME *asked;
    char *text;
    ks_rc rc;

    if (spec->csr == NULL)
        return KS_OK;
    asked = X509_REQ_get_subject_name(spec->csr->req);
    if (X509_NAME_entry_count(asked) == 0 ||
        X509_NAME_cmp(asked, X509_get_subject_name(draft->cert)) == 0)
        return KS_OK;
    text = ca_name_text(asked);
    if (text == NULL)
        return ca_nomem(err);
    rc = ca_strings_add(&draft->dropped, "subject %s: not copied", text);
    OPENSSL_free(text);
    return rc;
}

/* --- what must hold
 * --------------------------------------------------------------- */

static bool is_among_names(const struct ca_draft *draft, const char *cn)
{
    for (size_t i = 0; i < draft->names.n; i++) {
        if (OPENSSL_strcasecmp(strchr(draft->names.items[i], ':') + 1, cn) == 0)
            return true;
    }
    return false;
}

/* RFC 9525, 2: a host's name is looked for in the SANs only. */
static ks_rc check_server(struct ca_draft *draft, struct ks_err *err)
{
    char cn[CN_MAX + 1] = "";

    if (!draft->is_server)
        return KS_OK;
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(draft->cert),
                                    NID_commonName, cn, sizeof(cn));
    if (draft->names.n == 0) {
        ks_hint(err, "--san dns:%s", cn[0] != '\0' ? cn : "NAME");
        return ks_fail(err, KS_E_POLICY,
                       "a server's certificate needs a subject alternative "
                       "name; clients ignore the CN");
    }
    if (strchr(cn, '.') != NULL && strchr(cn, ' ') == NULL &&
        !is_among_names(draft, cn)) {
        ks_hint(err, "--san dns:%s", cn);
        return ks_fail(err, KS_E_POLICY,
                       "CN=%s is not among the alternative names; clients "
                       "ignore the CN",
                       cn);
    }
    return KS_OK;
}

static ks_rc put_sans(struct ca_draft *draft, struct ks_err *err)
{
    bool critical =
        X509_NAME_entry_count(X509_get_subject_name(draft->cert)) == 0;

    if (sk_GENERAL_NAME_num(draft->sans) == 0 && critical) {
        ks_hint(err, "--subject or --san");
        return ks_fail(err, KS_E_POLICY,
                       "a certificate needs a subject or a subject "
                       "alternative name");
    }
    if (sk_GENERAL_NAME_num(draft->sans) == 0)
        return KS_OK;
    /* RFC 5280, 4.2.1.6 */
    return ca_ext_set(
        draft->exts, ca_ext_encode(NID_subject_alt_name, critical, draft->sans),
        err);
}

ks_rc ca_draft_names(const struct ca_issue_spec *spec, struct ca_draft *draft,
                     struct ks_err *err)
{
    ks_rc rc = add_given(spec, draft, err);

    if (rc == KS_OK)
        rc = add_copied(spec, draft, err);
    if (rc != KS_OK)
        return rc;
    if (spec->subject != NULL)
        rc = ca_draft_subject(spec->subject, draft, err);
    else if (spec->csr != NULL && ca_draft_copies(spec, draft, "subject"))
        rc = copied_subject(spec, draft, err);
    else
        rc = default_subject(draft, err);
    if (rc == KS_OK)
        rc = note_subject(spec, draft, err);
    if (rc == KS_OK)
        rc = check_server(draft, err);
    if (rc == KS_OK)
        rc = put_sans(draft, err);
    return rc;
}
