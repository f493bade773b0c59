/*
 * A CA's chain up to its root, and the rules that come down it: path lengths
 * and name constraints (RFC 5280, 4.2.1.9 and 4.2.1.10).
 */
#include "audit.h"
#include "authority.h"
#include "ext.h"
#include "texts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define CHAIN_MAX 32

static ks_rc push_cert(const struct ca_env *env, const struct ks_ca_row *row,
                       STACK_OF(X509) * chain, struct ks_err *err)
{
    const unsigned char *p = row->cert.data;
    X509 *cert = X509_new_ex(env->libctx, env->propq);

    if (cert == NULL)
        return ca_nomem(err);
    if (row->cert.len == 0 ||
        d2i_X509(&cert, &p, (long)row->cert.len) == NULL) {
        X509_free(row->cert.len == 0 ? cert : NULL); /* d2i has freed it */
        return ks_fail(err, KS_E_IO, "%s: its certificate is damaged",
                       row->name);
    }
    if (sk_X509_push(chain, cert) > 0)
        return KS_OK;
    X509_free(cert);
    return ca_nomem(err);
}

static ks_rc push_row(const struct ca_env *env, const struct ks_ca_row *row,
                      bool allow_revoked, STACK_OF(X509) * chain,
                      struct ks_err *err)
{
    if (row->revoked && !allow_revoked)
        return ks_fail(err, KS_E_POLICY,
                       "%s: the certificate of this CA was revoked", row->name);
    if (sk_X509_num(chain) == CHAIN_MAX)
        return ks_fail(err, KS_E_POLICY, "%s: over %d CAs above it", row->name,
                       CHAIN_MAX);
    return push_cert(env, row, chain, err);
}

ks_rc ca_chain_load(const struct ca_env *env, const struct ks_ca_row *row,
                    bool allow_revoked, STACK_OF(X509) * *out,
                    struct ks_err *err)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    int64_t parent = row->parent;
    ks_rc rc = chain == NULL ? ca_nomem(err)
                             : push_row(env, row, allow_revoked, chain, err);

    while (rc == KS_OK && parent != 0) {
        struct ks_ca_row above = {0};

        rc = ks_ca_get(env->inv, parent, &above, err);
        if (rc == KS_OK)
            rc = push_row(env, &above, allow_revoked, chain, err);
        parent = above.parent;
        ks_ca_row_clear(&above);
    }
    if (rc == KS_OK) {
        *out = chain;
        return KS_OK;
    }
    sk_X509_pop_free(chain, X509_free);
    return rc;
}

bool ca_chain_is_current(const struct ca_env *env, const STACK_OF(X509) * chain)
{
    time_t now = ca_now(env);
    struct ca_window window;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (!ca_window_of(sk_X509_value(chain, i), &window) ||
            now < window.not_before || now > window.not_after)
            return false;
    }
    return true;
}

/* A limit counts the CAs between it and the end entity. */
long ca_chain_path_left(const STACK_OF(X509) * chain)
{
    long left = -1;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        long limit = X509_get_pathlen(sk_X509_value(chain, i));

        if (limit < 0)
            continue;
        limit = limit > i ? limit - i : 0;
        if (left < 0 || limit < left)
            left = limit;
    }
    return left;
}

bool ca_chain_is_constrained(const STACK_OF(X509) * chain)
{
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (X509_get_ext_by_NID(sk_X509_value(chain, i), NID_name_constraints,
                                -1) >= 0)
            return true;
    }
    return false;
}

/* Whether a certificate with this one name would do. */
static bool permits(NAME_CONSTRAINTS *constraints, GENERAL_NAME *name)
{
    GENERAL_NAMES *one = sk_GENERAL_NAME_new_null();
    X509 *scratch = X509_new();
    bool ok = one != NULL && scratch != NULL &&
              sk_GENERAL_NAME_push(one, name) > 0 &&
              X509_add1_ext_i2d(scratch, NID_subject_alt_name, one, 0, 0) == 1;

    if (ok) {
        (void)X509_check_purpose(scratch, -1, 0);
        ok = NAME_CONSTRAINTS_check(scratch, constraints) == X509_V_OK;
    }
    sk_GENERAL_NAME_free(one);
    X509_free(scratch);
    return ok;
}

/* The name that is outside: an alternative one, else the subject. Caller
 * frees with OPENSSL_free; NULL: no memory. */
static char *name_at_fault(const X509 *cert, NAME_CONSTRAINTS *constraints)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    char *text = NULL;

    for (int i = 0; text == NULL && i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (!permits(constraints, name))
            text = ca_san_text(name);
    }
    GENERAL_NAMES_free(names);
    return text != NULL ? text : ca_name_text(X509_get_subject_name(cert));
}

static bool has_dns_name(const X509 *cert)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        found = found || sk_GENERAL_NAME_value(names, i)->type == GEN_DNS;
    GENERAL_NAMES_free(names);
    return found;
}

static ks_rc check_names(X509 *ca, X509 *cert, struct ks_err *err)
{
    char *name, *outside;
    int critical = 0;
    NAME_CONSTRAINTS *constraints =
        X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
    int code;
    ks_rc rc = KS_OK;

    if (constraints == NULL)
        return critical == -1
                   ? KS_OK
                   : ks_fail(err, KS_E_POLICY, "damaged name constraints");
    code = NAME_CONSTRAINTS_check(cert, constraints);
    /* A CN is taken for a host's name where there is no better one (RFC 6125,
     * 6.4.4); that is how libcrypto verifies, too. */
    if (code == X509_V_OK && !has_dns_name(cert))
        code = NAME_CONSTRAINTS_check_CN(cert, constraints);
    if (code != X509_V_OK) {
        name = ca_name_text(X509_get_subject_name(ca));
        outside = name_at_fault(cert, constraints);
        rc = ks_fail(err, KS_E_POLICY,
                     "%s: outside of the name constraints of %s (%s)",
                     outside != NULL ? outside : "?", name != NULL ? name : "?",
                     X509_verify_cert_error_string(code));
        OPENSSL_free(outside);
        OPENSSL_free(name);
    }
    NAME_CONSTRAINTS_free(constraints);
    return rc;
}

ks_rc ca_chain_check_names(const STACK_OF(X509) * chain, X509 *cert,
                           struct ks_err *err)
{
    ks_rc rc = KS_OK;

    /* so that libcrypto has looked at its extensions */
    (void)X509_check_purpose(cert, -1, 0);
    for (int i = 0; rc == KS_OK && i < sk_X509_num(chain); i++)
        rc = check_names(sk_X509_value(chain, i), cert, err);
    return rc;
}

static X509_EXTENSION *basic_constraints(long path_len)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    X509_EXTENSION *ext = NULL;
    bool ok = constraints != NULL;

    if (ok)
        constraints->ca = 0xff;
    if (ok && path_len >= 0) {
        constraints->pathlen = ASN1_INTEGER_new();
        ok = constraints->pathlen != NULL &&
             ASN1_INTEGER_set(constraints->pathlen, path_len) == 1;
    }
    if (ok)
        ext = ca_ext_encode(NID_basic_constraints, true, constraints);
    BASIC_CONSTRAINTS_free(constraints);
    return ext;
}

ks_rc ca_draft_path(const struct ca_authority *authority, long path_len,
                    struct ca_draft *draft, struct ks_err *err)
{
    long left = authority == NULL ? -1 : authority->path_left;

    if (left == 0)
        return ks_fail(err, KS_E_POLICY,
                       "%s: its path length allows no CA below it",
                       authority->row.name);
    if (left > 0 && path_len > left - 1)
        return ks_fail(err, KS_E_POLICY,
                       "%s: its path length allows %ld below the new CA, not "
                       "%ld",
                       authority->row.name, left - 1, path_len);
    if (left > 0 && path_len < 0)
        path_len = left - 1;
    return ca_ext_set(draft->exts, basic_constraints(path_len), err);
}
