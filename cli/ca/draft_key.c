/*
 * The public key of a certificate in the making.
 */
#include "csr.h"
#include "draft.h"
#include "strength.h"
#include "texts.h"

#include <openssl/x509.h>

/* The SubjectPublicKeyInfo is copied as it is: X509_set_pubkey decodes and
 * encodes it, which on OpenSSL 3.0 costs ten times a P-256 signature. */
static ks_rc copy_spki(const X509_PUBKEY *from, X509 *cert, struct ks_err *err)
{
    ASN1_OBJECT *algorithm = NULL;
    const unsigned char *bits = NULL;
    X509_ALGOR *alg = NULL;
    const ASN1_OBJECT *ignored;
    const void *value = NULL;
    void *params = NULL;
    unsigned char *copy;
    int len = 0, type = V_ASN1_UNDEF;

    if (X509_PUBKEY_get0_param(&algorithm, &bits, &len, &alg, from) != 1)
        return ks_fail(err, KS_E_CRYPTO, "cannot read the public key");
    X509_ALGOR_get0(&ignored, &type, &value, alg);
    if (type == V_ASN1_OBJECT)
        params = OBJ_dup(value);
    else if (type != V_ASN1_UNDEF && type != V_ASN1_NULL)
        params = ASN1_STRING_dup(value);
    copy = OPENSSL_memdup(bits, (size_t)len);
    if (copy == NULL ||
        (params == NULL && type != V_ASN1_UNDEF && type != V_ASN1_NULL) ||
        X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert), OBJ_dup(algorithm),
                               type, params, copy, len) != 1) {
        OPENSSL_free(copy);
        if (type == V_ASN1_OBJECT)
            ASN1_OBJECT_free(params);
        else
            ASN1_STRING_free(params);
        return ca_nomem(err);
    }
    return KS_OK;
}

ks_rc ca_draft_key_is_free(const struct ca_env *env, bool own,
                           const struct ca_draft *draft, struct ks_err *err)
{
    char *name = NULL;
    ks_rc rc = ks_ca_of_key(env->inv, draft->spki_hash, &name, err);

    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc == KS_OK)
        rc = ks_fail(err, KS_E_POLICY, "the key is %sthat of the CA %s",
                     own ? "already " : "", name);
    OPENSSL_free(name);
    return rc;
}

/* One key, one purpose: a certificate on a CA's key would let its holder
 * speak for the CA; and a key once compromised stays so. */
static ks_rc check_reuse(const struct ca_env *env, bool own,
                         const struct ca_draft *draft, struct ks_err *err)
{
    bool compromised = false;
    ks_rc rc;

    if (env->inv == NULL)
        return KS_OK;
    rc = ca_draft_key_is_free(env, own, draft, err);
    if (rc == KS_OK)
        rc = ks_cert_key_compromised(env->inv, draft->spki_hash, &compromised,
                                     err);
    if (rc == KS_OK && compromised)
        rc = ks_fail(err, KS_E_POLICY,
                     "the key was reported compromised: make a new one");
    return rc;
}

ks_rc ca_draft_key(const struct ca_env *env, const struct ca_csr *csr,
                   EVP_PKEY *pkey, bool own, struct ca_draft *draft,
                   struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (csr != NULL) { /* its strength was checked when it was parsed */
        rc = copy_spki(X509_REQ_get_X509_PUBKEY(csr->req), draft->cert, err);
        memcpy(draft->spki_hash, csr->spki_hash, KS_HASH_LEN);
        memcpy(draft->request_hash, csr->hash, KS_HASH_LEN);
        draft->has_request = true;
    } else {
        rc = ca_key_strength(pkey, err);
        if (rc == KS_OK && X509_set_pubkey(draft->cert, pkey) != 1)
            rc = ca_crypto_fail(KS_E_CRYPTO, "public key", err);
        if (rc == KS_OK)
            rc = ca_key_hash(pkey, draft->spki_hash, err);
    }
    if (rc == KS_OK)
        rc = check_reuse(env, own, draft, err);
    return rc;
}
