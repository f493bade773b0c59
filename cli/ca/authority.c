/*
 * Opening a CA for issuing: everything that must hold of it before it signs
 * is looked at here, once.
 */
#include "authority.h"
#include "audit.h"
#include "ext.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

static ks_rc check_state(const struct ca_authority *authority,
                         struct ks_err *err)
{
    const char *name = authority->row.name;

    if (authority->row.state == KS_CA_RETIRED)
        return ks_fail(err, KS_E_POLICY, "%s: this CA is retired", name);
    if (authority->row.state != KS_CA_ACTIVE)
        return ks_fail(err, KS_E_POLICY, "%s: this CA is not complete", name);
    return KS_OK;
}

/* RFC 5280, 6.1.4 (k) to (n): a version 1 certificate is no issuer. */
static ks_rc check_cert(const struct ca_authority *authority,
                        struct ks_err *err)
{
    const char *name = authority->row.name;

    if (X509_get_version(authority->cert) != X509_VERSION_3 ||
        X509_check_ca(authority->cert) != 1)
        return ks_fail(err, KS_E_POLICY,
                       "%s: its certificate is not that of a CA", name);
    if ((X509_get_key_usage(authority->cert) & KU_KEY_CERT_SIGN) == 0)
        return ks_fail(err, KS_E_POLICY,
                       "%s: its certificate lacks keyCertSign", name);
    if (authority->ski == NULL)
        return ks_fail(err, KS_E_POLICY,
                       "%s: its certificate has no subject key identifier",
                       name);
    return KS_OK;
}

static ks_rc check_times(const struct ca_env *env,
                         struct ca_authority *authority, struct ks_err *err)
{
    time_t now = ca_now(env);

    for (int i = sk_X509_num(authority->chain) - 1; i >= 0; i--) {
        if (!ca_window_of(sk_X509_value(authority->chain, i),
                          &authority->window))
            return ks_fail(err, KS_E_POLICY, "%s: damaged validity",
                           authority->row.name);
        if (now < authority->window.not_before)
            return ks_fail(err, KS_E_POLICY, "%s: %s not valid yet",
                           authority->row.name,
                           i == 0 ? "this CA is" : "a CA above it is");
        if (now > authority->window.not_after)
            return ks_fail(err, KS_E_POLICY, "%s: %s expired",
                           authority->row.name,
                           i == 0 ? "this CA has" : "a CA above it has");
    }
    return KS_OK; /* the last window was its own */
}

#define MOVES_MAX 3 /* of a key, while we look for it */

/* It may have been moved since its row was read. */
static ks_rc load_private(const struct ca_env *env,
                          struct ca_authority *authority, struct ks_err *err)
{
    struct ks_ca_row *row = &authority->row;
    struct ks_err why = {0}, ignored = {0};
    ks_rc rc = ca_key_load(env, row->key_uri, &authority->pkey, &why);

    for (int i = 0; rc != KS_OK && i < MOVES_MAX; i++) {
        struct ks_ca_row now = {0};
        bool moved = ks_ca_get(env->inv, row->id, &now, &ignored) == KS_OK &&
                     strcmp(now.key_uri, row->key_uri) != 0;

        if (moved) {
            char *old = row->key_uri;

            row->key_uri = now.key_uri;
            now.key_uri = old;
        }
        ks_ca_row_clear(&now);
        if (!moved)
            break;
        why = (struct ks_err){0};
        rc = ca_key_load(env, row->key_uri, &authority->pkey, &why);
    }
    if (rc != KS_OK)
        *err = why;
    return rc;
}

static ks_rc load_key(const struct ca_env *env, struct ca_authority *authority,
                      struct ks_err *err)
{
    ks_rc rc;

    if (authority->preview) {
        authority->pkey = X509_get_pubkey(authority->cert);
        if (authority->pkey == NULL)
            return ks_fail(err, KS_E_POLICY, "%s: damaged public key",
                           authority->row.name);
        return KS_OK;
    }
    rc = load_private(env, authority, err);
    if (rc != KS_OK)
        return rc;
    if (X509_check_private_key(authority->cert, authority->pkey) == 1)
        return KS_OK;
    ERR_clear_error();
    return ks_fail(err, KS_E_POLICY,
                   "%s: the key at %s is not that of its certificate",
                   authority->row.name, authority->row.key_uri);
}

static ks_rc make_services(struct ca_authority *authority, struct ks_err *err)
{
    const struct ks_ca_row *row = &authority->row;
    ks_rc rc = KS_OK;

    if (row->crl_url != NULL)
        rc = ca_ext_crl_url(row->crl_url, &authority->crl_url, err);
    if (rc == KS_OK && (row->ocsp_url != NULL || row->issuer_url != NULL))
        rc = ca_ext_access(row->ocsp_url, row->issuer_url, &authority->access,
                           err);
    return rc;
}

static ks_rc open_authority(const struct ca_env *env, const char *name,
                            struct ca_authority *authority, struct ks_err *err)
{
    ks_rc rc = ks_ca_find(env->inv, name, &authority->row, err);

    if (rc == KS_OK)
        rc = check_state(authority, err);
    if (rc == KS_OK)
        rc = ca_chain_load(env, &authority->row, false, &authority->chain, err);
    if (rc != KS_OK)
        return rc;
    authority->cert = sk_X509_value(authority->chain, 0);
    authority->ski = X509_get0_subject_key_id(authority->cert);
    authority->path_left = ca_chain_path_left(authority->chain);
    authority->constrained = ca_chain_is_constrained(authority->chain);
    rc = check_cert(authority, err);
    if (rc == KS_OK)
        rc = check_times(env, authority, err);
    if (rc == KS_OK)
        rc = ca_clock_check(env, err);
    if (rc == KS_OK)
        rc = make_services(authority, err);
    if (rc == KS_OK)
        rc = load_key(env, authority, err);
    if (rc == KS_OK)
        rc = ca_signer_init(env, authority->pkey, &authority->signer, err);
    return rc;
}

ks_rc ca_authority_open(const struct ca_env *env, const char *name,
                        bool preview, struct ca_authority **out,
                        struct ks_err *err)
{
    struct ca_authority *authority = OPENSSL_zalloc(sizeof(*authority));
    ks_rc rc;

    *out = NULL;
    if (authority == NULL)
        return ca_nomem(err);
    authority->preview = preview;
    rc = open_authority(env, name, authority, err);
    if (rc == KS_OK) {
        *out = authority;
        authority = NULL; /* given to the caller */
    }
    ca_authority_close(authority);
    return rc;
}

void ca_authority_close(struct ca_authority *authority)
{
    if (authority == NULL)
        return;
    for (size_t i = 0; i < authority->n_profiles; i++)
        ca_profile_free(&authority->profiles[i]->show);
    ca_signer_clear(&authority->signer);
    X509_EXTENSION_free(authority->crl_url);
    X509_EXTENSION_free(authority->access);
    EVP_PKEY_free(authority->pkey);
    sk_X509_pop_free(authority->chain, X509_free);
    ks_ca_row_clear(&authority->row);
    OPENSSL_free(authority);
}

const struct ks_ca_row *ca_authority_row(const struct ca_authority *authority)
{
    return &authority->row;
}

X509 *ca_authority_cert(const struct ca_authority *authority)
{
    return authority->cert;
}

ks_rc ca_authority_profile(const struct ca_env *env,
                           struct ca_authority *authority, const char *name,
                           const struct ca_profile_full **out,
                           struct ks_err *err)
{
    struct ca_profile_full *full = NULL;
    ks_rc rc;

    for (size_t i = 0; i < authority->n_profiles; i++) {
        if (strcmp(authority->profiles[i]->show.name, name) == 0) {
            *out = authority->profiles[i];
            return KS_OK;
        }
    }
    if (authority->n_profiles == CA_PROFILES_OPEN)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "over %d profiles at once; split the batch",
                       CA_PROFILES_OPEN);
    rc = ca_profile_load(env, name, &full, err);
    if (rc != KS_OK)
        return rc;
    authority->profiles[authority->n_profiles++] = full;
    *out = full;
    return KS_OK;
}

/* RFC 5280, 4.1.2.4: the issuer's name is the CA's subject, octet for octet;
 * X509_NAME keeps the encoding it was read with. */
ks_rc ca_draft_issuer(const struct ca_authority *authority,
                      struct ca_draft *draft, struct ks_err *err)
{
    static const int nids[] = {NID_crl_distribution_points, NID_info_access};
    const X509_EXTENSION *from[] = {authority->crl_url, authority->access};
    ks_rc rc = KS_OK;

    if (X509_set_issuer_name(draft->cert,
                             X509_get_subject_name(authority->cert)) != 1)
        return ca_nomem(err);
    for (size_t i = 0; rc == KS_OK && i < 2; i++) {
        /* the profile or the command has the last word */
        if (from[i] != NULL && ca_ext_get(draft->exts, nids[i]) == NULL)
            rc = ca_ext_set(draft->exts,
                            X509_EXTENSION_dup((X509_EXTENSION *)from[i]), err);
    }
    return rc;
}

ks_rc ca_draft_check_names(const struct ca_env *env,
                           const struct ca_authority *authority,
                           struct ca_draft *draft, struct ks_err *err)
{
    X509 *cert = NULL;
    ks_rc rc;

    if (!authority->constrained)
        return KS_OK;
    rc = ca_draft_encode(&authority->signer, draft, err);
    if (rc == KS_OK)
        rc = ca_draft_blank(env, &authority->signer, draft, &cert, err);
    if (rc == KS_OK)
        rc = ca_chain_check_names(authority->chain, cert, err);
    X509_free(cert);
    return rc;
}
