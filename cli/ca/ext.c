/*
 * Extensions: from OpenSSL's value strings, and in lists.
 */
#include "ext.h"
#include "texts.h"

#include <string.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

/* iniparser gives keys in lower case; OpenSSL's names are mixed. */
static const int named[] = {
    NID_basic_constraints,
    NID_key_usage,
    NID_ext_key_usage,
    NID_subject_alt_name,
    NID_issuer_alt_name,
    NID_certificate_policies,
    NID_policy_constraints,
    NID_policy_mappings,
    NID_inhibit_any_policy,
    NID_name_constraints,
    NID_info_access,
    NID_sinfo_access,
    NID_crl_distribution_points,
    NID_freshest_crl,
    NID_tlsfeature,
    NID_id_pkix_OCSP_noCheck,
    NID_subject_key_identifier,
    NID_authority_key_identifier,
    NID_netscape_comment,
    NID_netscape_cert_type,
    NID_private_key_usage_period,
};

int ca_ext_nid(const char *name)
{
    ASN1_OBJECT *object;
    int nid = NID_undef;

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (OPENSSL_strcasecmp(OBJ_nid2sn(named[i]), name) == 0)
            return named[i];
    }
    (void)ERR_set_mark();
    object = OBJ_txt2obj(name, 1);
    if (object != NULL)
        nid = OBJ_obj2nid(object);
    ASN1_OBJECT_free(object);
    (void)ERR_pop_to_mark();
    return nid;
}

bool ca_ext_is_ours(int nid)
{
    return nid == NID_authority_key_identifier ||
           nid == NID_subject_key_identifier;
}

/* A dotted OID that OpenSSL does not know takes DER: or ASN1: values. */
static X509_EXTENSION *build(const char *name, const char *value,
                             X509V3_CTX *ctx, CONF *conf)
{
    int nid = ca_ext_nid(name);

    if (nid != NID_undef)
        return X509V3_EXT_nconf_nid(conf, ctx, nid, value);
    if (strspn(name, "0123456789.") != strlen(name))
        return NULL;
    return X509V3_EXT_nconf(conf, ctx, name, value);
}

/* Octets given as such (DER:, ASN1:) must be what the extension's type says. */
static bool is_sound(X509_EXTENSION *ext)
{
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
    void *value;

    if (method == NULL)
        return true;
    value = X509V3_EXT_d2i(ext);
    if (value == NULL)
        return false;
    if (method->it != NULL)
        ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
    else
        method->ext_free(value);
    return true;
}

ks_rc ca_ext_build(const char *name, const char *value, X509 *issuer,
                   X509_EXTENSION **out, struct ks_err *err)
{
    X509V3_CTX ctx;
    /* Policies insist on a configuration: an empty one, so that "@section"
     * values find nothing. */
    CONF *conf = NCONF_new(NULL);
    const char *why;

    *out = NULL;
    if (conf == NULL)
        return ca_nomem(err);
    X509V3_set_ctx(&ctx, issuer, NULL, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf);
    (void)ERR_set_mark();
    if (ca_ext_nid(name) == NID_certificate_policies &&
        ca_ext_has_qualifiers(value)) {
        why = ca_ext_policies(value, out);
    } else {
        *out = build(name, value, &ctx, conf);
        why = ERR_reason_error_string(ERR_peek_error());
    }
    (void)ERR_pop_to_mark();
    NCONF_free(conf);
    if (*out != NULL && is_sound(*out))
        return KS_OK;
    X509_EXTENSION_free(*out);
    *out = NULL;
    if (ca_ext_nid(name) == NID_undef)
        return ks_fail(err, KS_E_INVALID, "%.60s: unknown extension", name);
    return ks_fail(err, KS_E_INVALID, "%.60s = %.120s: %s", name, value,
                   why != NULL ? why : "bad value");
}

X509_EXTENSION *ca_ext_encode(int nid, bool critical, void *value)
{
    return value == NULL ? NULL : X509V3_EXT_i2d(nid, critical, value);
}

ks_rc ca_ext_set(STACK_OF(X509_EXTENSION) * exts, X509_EXTENSION *ext,
                 struct ks_err *err)
{
    int at;

    if (ext == NULL)
        return ca_nomem(err);
    at = X509v3_get_ext_by_OBJ(exts, X509_EXTENSION_get_object(ext), -1);
    if (at >= 0) {
        X509_EXTENSION_free(sk_X509_EXTENSION_value(exts, at));
        (void)sk_X509_EXTENSION_set(exts, at, ext);
        return KS_OK;
    }
    if (sk_X509_EXTENSION_push(exts, ext) > 0)
        return KS_OK;
    X509_EXTENSION_free(ext);
    return ca_nomem(err);
}

X509_EXTENSION *ca_ext_get(const STACK_OF(X509_EXTENSION) * exts, int nid)
{
    int at = X509v3_get_ext_by_NID(exts, nid, -1);

    return at < 0 ? NULL : X509v3_get_ext(exts, at);
}
