/*
 * SubjectPublicKeyInfo from parts. X509_PUBKEY is filled and written by
 * ASN.1 templates: the encoders of OpenSSL 3 would first make a key of it.
 */
#include "spki.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "curve.h"

#define NUMBER_MAX 4096 /* bytes of a modulus or exponent */

/* RFC 8017, A.1.1. */
struct rsa_public {
    ASN1_INTEGER *n, *e;
};

/* clang-format off */
ASN1_SEQUENCE(rsa_public) = {
    ASN1_SIMPLE(struct rsa_public, n, ASN1_INTEGER),
    ASN1_SIMPLE(struct rsa_public, e, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct rsa_public, rsa_public)
    /* clang-format on */

    /* Writes the structure. Takes PARAMETER (as ptype says) and KEY. */
    static CK_RV write_spki(int nid, int ptype, void *parameter, uint8_t *key,
                            size_t key_len, struct ks_buf *spki)
{
    X509_PUBKEY *pub = X509_PUBKEY_new();
    uint8_t *der = NULL;
    int len = -1;

    if (pub == NULL || !X509_PUBKEY_set0_param(pub, OBJ_nid2obj(nid), ptype,
                                               parameter, key, (int)key_len)) {
        if (ptype == V_ASN1_OBJECT)
            ASN1_OBJECT_free(parameter);
        OPENSSL_free(key);
    } else {
        len = i2d_X509_PUBKEY(pub, &der);
    }
    X509_PUBKEY_free(pub);
    if (len <= 0)
        return CKR_HOST_MEMORY;
    ks_buf_clear(spki);
    spki->data = der; /* given to the caller */
    spki->len = (size_t)len;
    return CKR_OK;
}

static ASN1_INTEGER *integer_of(struct hsm_bytes number)
{
    BIGNUM *bn = NULL;
    ASN1_INTEGER *integer = NULL;

    if (number.len == 0 || number.len > NUMBER_MAX)
        return NULL;
    bn = BN_bin2bn(number.data, (int)number.len, NULL);
    if (bn != NULL && !BN_is_zero(bn))
        integer = BN_to_ASN1_INTEGER(bn, NULL);
    BN_free(bn);
    return integer;
}

CK_RV hsm_spki_rsa(struct hsm_bytes n, struct hsm_bytes e, bool pss,
                   struct ks_buf *spki)
{
    struct rsa_public rsa = {integer_of(n), integer_of(e)};
    uint8_t *key = NULL;
    int len = -1;

    if (rsa.n != NULL && rsa.e != NULL)
        len = ASN1_item_i2d((const ASN1_VALUE *)&rsa, &key,
                            ASN1_ITEM_rptr(rsa_public));
    ASN1_INTEGER_free(rsa.n);
    ASN1_INTEGER_free(rsa.e);
    if (len <= 0)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    return write_spki(pss ? NID_rsassaPss : NID_rsaEncryption,
                      pss ? V_ASN1_UNDEF : V_ASN1_NULL, NULL, key, (size_t)len,
                      spki);
}

CK_RV hsm_spki_ec(CK_KEY_TYPE type, struct hsm_bytes params,
                  struct hsm_bytes point, struct ks_buf *spki)
{
    uint8_t *key = NULL;
    size_t len = 0;
    int nid = NID_undef;
    CK_RV rv;

    ERR_set_mark();
    rv = hsm_curve_of(type, params, point.len, &nid);
    if (rv == CKR_OK)
        rv = hsm_curve_point(nid, point, &key, &len);
    ERR_pop_to_mark();
    if (rv != CKR_OK)
        return rv;
    if (hsm_curve_is_named_by_key(nid))
        return write_spki(nid, V_ASN1_UNDEF, NULL, key, len, spki);
    return write_spki(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, OBJ_nid2obj(nid),
                      key, len, spki);
}

/* --- DER from outside ----------------------------------------------------- */

/* One element of DER, borrowed. */
struct element {
    int tag, class;
    struct hsm_bytes all, inner;
};

/* Takes the first element off REST; false if there is none whole one. */
static bool take(struct hsm_bytes *rest, struct element *out)
{
    const uint8_t *at = rest->data;
    long len = 0;
    int flags;

    if (rest->len == 0 || rest->len > LONG_MAX)
        return false;
    flags = ASN1_get_object(&at, &len, &out->tag, &out->class, (long)rest->len);
    /* 0x80: fault; 1: indefinite length, which DER has not. */
    if ((flags & 0x81) != 0 || len < 0)
        return false;
    out->inner = (struct hsm_bytes){at, (size_t)len};
    out->all =
        (struct hsm_bytes){rest->data, (size_t)(at - rest->data) + (size_t)len};
    rest->data += out->all.len;
    rest->len -= out->all.len;
    return true;
}

static bool take_universal(struct hsm_bytes *rest, int tag, struct element *out)
{
    return take(rest, out) && out->class == V_ASN1_UNIVERSAL && out->tag == tag;
}

static bool is_spki(struct hsm_bytes der)
{
    struct element whole, algorithm, oid, key;

    return take_universal(&der, V_ASN1_SEQUENCE, &whole) && der.len == 0 &&
           take_universal(&whole.inner, V_ASN1_SEQUENCE, &algorithm) &&
           take_universal(&algorithm.inner, V_ASN1_OBJECT, &oid) &&
           take_universal(&whole.inner, V_ASN1_BIT_STRING, &key) &&
           whole.inner.len == 0 && key.inner.len > 1;
}

CK_RV hsm_spki_copy(struct hsm_bytes der, struct ks_buf *spki)
{
    bool is;

    ERR_set_mark();
    is = is_spki(der);
    ERR_pop_to_mark();
    if (!is)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    return ks_buf_set(spki, der.data, der.len) == KS_OK ? CKR_OK
                                                        : CKR_HOST_MEMORY;
}

/* RFC 5280, 4.1: TBSCertificate as far as the public key. */
static bool view(struct hsm_bytes der, struct hsm_cert_view *out)
{
    struct element whole, tbs, part, validity, time;
    struct hsm_bytes rest;

    if (!take_universal(&der, V_ASN1_SEQUENCE, &whole) || der.len != 0 ||
        !take_universal(&whole.inner, V_ASN1_SEQUENCE, &tbs))
        return false;
    rest = tbs.inner;
    if (!take(&rest, &part))
        return false;
    if (part.class == V_ASN1_CONTEXT_SPECIFIC && part.tag == 0 &&
        !take(&rest, &part)) /* version */
        return false;
    if (part.class != V_ASN1_UNIVERSAL || part.tag != V_ASN1_INTEGER ||
        !take_universal(&rest, V_ASN1_SEQUENCE, &part) || /* signature */
        !take_universal(&rest, V_ASN1_SEQUENCE, &part) || /* issuer */
        !take_universal(&rest, V_ASN1_SEQUENCE, &validity) ||
        !take_universal(&rest, V_ASN1_SEQUENCE, &part) || /* subject */
        !take(&validity.inner, &time))
        return false;
    out->not_before = time.all;
    if (!take_universal(&rest, V_ASN1_SEQUENCE, &part))
        return false;
    out->spki = part.all;
    return is_spki(part.all);
}

CK_RV hsm_cert_view(struct hsm_bytes der, struct hsm_cert_view *out)
{
    struct hsm_cert_view found = {.spki = {0}};
    bool is;

    ERR_set_mark();
    is = view(der, &found);
    ERR_pop_to_mark();
    if (!is)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    *out = found;
    return CKR_OK;
}
