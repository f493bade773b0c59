/*
 * Extensions that the CA makes itself: key identifiers, where to ask about
 * revocation, key usage cut to what a key can do.
 */
#include "ext.h"
#include "texts.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

static GENERAL_NAME *uri_name(const char *url)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();

    if (name == NULL || string == NULL ||
        ASN1_STRING_set(string, url, -1) != 1) {
        GENERAL_NAME_free(name);
        ASN1_IA5STRING_free(string);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, string);
    return name;
}

ks_rc ca_ext_crl_url(const char *url, X509_EXTENSION **out, struct ks_err *err)
{
    CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
    DIST_POINT *point = DIST_POINT_new();
    GENERAL_NAME *name = uri_name(url);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    ks_rc rc = KS_E_NOMEM;

    if (points == NULL || point == NULL || name == NULL || names == NULL ||
        (point->distpoint = DIST_POINT_NAME_new()) == NULL ||
        sk_GENERAL_NAME_push(names, name) <= 0)
        goto out;
    name = NULL; /* given to names */
    point->distpoint->type = 0;
    point->distpoint->name.fullname = names;
    names = NULL; /* given to point */
    if (sk_DIST_POINT_push(points, point) <= 0)
        goto out;
    point = NULL; /* given to points */
    *out = ca_ext_encode(NID_crl_distribution_points, false, points);
    rc = *out != NULL ? KS_OK : KS_E_NOMEM;
out:
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    DIST_POINT_free(point);
    CRL_DIST_POINTS_free(points);
    return rc == KS_OK ? rc : ca_nomem(err);
}

static bool add_access(AUTHORITY_INFO_ACCESS *access, int method,
                       const char *url)
{
    ACCESS_DESCRIPTION *description = ACCESS_DESCRIPTION_new();
    GENERAL_NAME *name = uri_name(url);

    if (description == NULL || name == NULL ||
        sk_ACCESS_DESCRIPTION_push(access, description) <= 0) {
        ACCESS_DESCRIPTION_free(description);
        GENERAL_NAME_free(name);
        return false;
    }
    ASN1_OBJECT_free(description->method);
    GENERAL_NAME_free(description->location);
    description->method = OBJ_nid2obj(method);
    description->location = name;
    return true;
}

ks_rc ca_ext_access(const char *ocsp_url, const char *issuer_url,
                    X509_EXTENSION **out, struct ks_err *err)
{
    AUTHORITY_INFO_ACCESS *access = AUTHORITY_INFO_ACCESS_new();
    bool ok = access != NULL;

    if (ok && ocsp_url != NULL)
        ok = add_access(access, NID_ad_OCSP, ocsp_url);
    if (ok && issuer_url != NULL)
        ok = add_access(access, NID_ad_ca_issuers, issuer_url);
    *out = ok ? ca_ext_encode(NID_info_access, false, access) : NULL;
    AUTHORITY_INFO_ACCESS_free(access);
    return *out != NULL ? KS_OK : ca_nomem(err);
}

ks_rc ca_ext_ski(X509 *cert, X509_EXTENSION **out, struct ks_err *err)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
    unsigned char hash[SHA_DIGEST_LENGTH];
    ASN1_OCTET_STRING *ski = ASN1_OCTET_STRING_new();

    *out = NULL;
    if (bits != NULL && ski != NULL &&
        EVP_Digest(ASN1_STRING_get0_data(bits),
                   (size_t)ASN1_STRING_length(bits), hash, NULL, EVP_sha1(),
                   NULL) == 1 &&
        ASN1_OCTET_STRING_set(ski, hash, sizeof(hash)) == 1)
        *out = ca_ext_encode(NID_subject_key_identifier, false, ski);
    ASN1_OCTET_STRING_free(ski);
    return *out != NULL
               ? KS_OK
               : ks_fail(err, KS_E_CRYPTO, "cannot make a key identifier");
}

ks_rc ca_ext_aki(const ASN1_OCTET_STRING *ski, X509_EXTENSION **out,
                 struct ks_err *err)
{
    AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();

    *out = NULL;
    if (aki != NULL && (aki->keyid = ASN1_OCTET_STRING_dup(ski)) != NULL)
        *out = ca_ext_encode(NID_authority_key_identifier, false, aki);
    AUTHORITY_KEYID_free(aki);
    return *out != NULL ? KS_OK : ca_nomem(err);
}

/* --- key usage ------------------------------------------------------------ */

/* Bits of KeyUsage, RFC 5280, 4.2.1.3. */
enum {
    USE_SIGNATURE = 1 << 0,
    USE_NON_REPUDIATION = 1 << 1,
    USE_KEY_ENCIPHERMENT = 1 << 2,
    USE_DATA_ENCIPHERMENT = 1 << 3,
    USE_KEY_AGREEMENT = 1 << 4,
    USE_CERT_SIGN = 1 << 5,
    USE_CRL_SIGN = 1 << 6,
    USE_ENCIPHER_ONLY = 1 << 7,
    USE_DECIPHER_ONLY = 1 << 8,
    USE_BITS = 9,
    USE_ALL_SIGNING =
        USE_SIGNATURE | USE_NON_REPUDIATION | USE_CERT_SIGN | USE_CRL_SIGN,
    USE_ALL_AGREEING =
        USE_KEY_AGREEMENT | USE_ENCIPHER_ONLY | USE_DECIPHER_ONLY,
};

/* RFC 3279, 2.3.1 and 2.3.5; RFC 4055, 1.2; RFC 5480, 3; RFC 8410, 5. */
static const struct {
    int nid;
    unsigned allowed;
} usages[] = {
    {NID_rsaEncryption,
     USE_ALL_SIGNING | USE_KEY_ENCIPHERMENT | USE_DATA_ENCIPHERMENT},
    {NID_rsassaPss, USE_ALL_SIGNING},
    {NID_X9_62_id_ecPublicKey, USE_ALL_SIGNING | USE_ALL_AGREEING},
    {NID_ED25519, USE_ALL_SIGNING},
    {NID_ED448, USE_ALL_SIGNING},
    {NID_X25519, USE_ALL_AGREEING},
    {NID_X448, USE_ALL_AGREEING},
};

static unsigned allowed_for(int pkey_nid)
{
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        if (usages[i].nid == pkey_nid)
            return usages[i].allowed;
    }
    return USE_ALL_SIGNING; /* signature algorithms to come */
}

static unsigned read_bits(const ASN1_BIT_STRING *string)
{
    unsigned bits = 0;

    for (int i = 0; i < USE_BITS; i++) {
        if (ASN1_BIT_STRING_get_bit(string, i) != 0)
            bits |= 1u << i;
    }
    return bits;
}

static X509_EXTENSION *write_bits(unsigned bits, bool critical)
{
    ASN1_BIT_STRING *string = ASN1_BIT_STRING_new();
    X509_EXTENSION *ext = NULL;
    bool ok = string != NULL;

    for (int i = 0; ok && i < USE_BITS; i++)
        ok =
            (bits & 1u << i) == 0 || ASN1_BIT_STRING_set_bit(string, i, 1) == 1;
    if (ok)
        ext = ca_ext_encode(NID_key_usage, critical, string);
    ASN1_BIT_STRING_free(string);
    return ext;
}

ks_rc ca_ext_key_usage(const X509_EXTENSION *ext, int pkey_nid,
                       X509_EXTENSION **out, struct ks_err *err)
{
    ASN1_BIT_STRING *string = X509V3_EXT_d2i((X509_EXTENSION *)ext);
    unsigned allowed = allowed_for(pkey_nid), have, bits;

    *out = NULL;
    if (string == NULL)
        return ca_nomem(err);
    have = read_bits(string);
    ASN1_BIT_STRING_free(string);
    bits = have & allowed;
    if (bits == have)
        return KS_OK;
    if ((bits & ~(unsigned)(USE_ENCIPHER_ONLY | USE_DECIPHER_ONLY)) == 0)
        return ks_fail(err, KS_E_POLICY,
                       "a key of type %s can do nothing that the profile is "
                       "for",
                       OBJ_nid2sn(pkey_nid));
    *out = write_bits(bits, X509_EXTENSION_get_critical(ext) != 0);
    return *out != NULL ? KS_OK : ca_nomem(err);
}
