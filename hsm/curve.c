/*
 * Curves as tokens name them: by OID, by a name in a PrintableString (PKCS#11
 * 3.0, 2.3.5), by explicit parameters; and points raw or wrapped.
 */
#include "curve.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

/* Curves whose keys have raw public halves. */
static const struct raw_curve {
    int nid;
    CK_KEY_TYPE type;
    size_t len;
    const char *names[2]; /* the first is PKCS#11's */
    const char *old_oid;  /* from before RFC 8410; NULL: none */
} raw_curves[] = {
    {NID_ED25519,
     CKK_EC_EDWARDS,
     32,
     {"edwards25519", "Ed25519"},
     "1.3.6.1.4.1.11591.15.1"},
    {NID_ED448, CKK_EC_EDWARDS, 57, {"edwards448", "Ed448"}, NULL},
    {NID_X25519,
     CKK_EC_MONTGOMERY,
     32,
     {"curve25519", "X25519"},
     "1.3.6.1.4.1.3029.1.5.1"},
    {NID_X448, CKK_EC_MONTGOMERY, 56, {"curve448", "X448"}, NULL},
};
#define N_RAW_CURVES (sizeof(raw_curves) / sizeof(raw_curves[0]))

static const struct raw_curve *raw_curve(int nid)
{
    for (size_t i = 0; i < N_RAW_CURVES; i++)
        if (raw_curves[i].nid == nid)
            return &raw_curves[i];
    return NULL;
}

bool hsm_curve_is_named_by_key(int nid)
{
    return raw_curve(nid) != NULL;
}

int hsm_curve_by_name(const char *name)
{
    int nid = EC_curve_nist2nid(name); /* "P-256" */

    /* SEC 2's names for what libcrypto calls by X9.62's. */
    if (strcasecmp(name, "secp256r1") == 0)
        nid = NID_X9_62_prime256v1;
    if (strcasecmp(name, "secp192r1") == 0)
        nid = NID_X9_62_prime192v1;
    return nid != NID_undef ? nid : OBJ_txt2nid(name);
}

static int nid_of_object(const ASN1_OBJECT *object)
{
    char text[64];
    int nid = OBJ_obj2nid(object);

    if (nid != NID_undef || OBJ_obj2txt(text, sizeof(text), object, 1) <= 0)
        return nid;
    for (size_t i = 0; i < N_RAW_CURVES; i++)
        if (raw_curves[i].old_oid != NULL &&
            strcmp(raw_curves[i].old_oid, text) == 0)
            return raw_curves[i].nid;
    return NID_undef;
}

static int nid_of_oid(struct hsm_bytes der)
{
    const uint8_t *at = der.data;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)der.len);
    int nid = NID_undef;

    if (object != NULL && at == der.data + der.len)
        nid = nid_of_object(object);
    ASN1_OBJECT_free(object);
    return nid;
}

/* The name without what wraps it. */
static int nid_of_name(struct hsm_bytes name)
{
    char text[32];

    if (name.len >= sizeof(text) || memchr(name.data, '\0', name.len) != NULL)
        return NID_undef;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    for (size_t i = 0; i < N_RAW_CURVES; i++)
        if (strcasecmp(raw_curves[i].names[0], text) == 0 ||
            strcasecmp(raw_curves[i].names[1], text) == 0)
            return raw_curves[i].nid;
    return hsm_curve_by_name(text);
}

/* Explicit parameters that are those of a curve with a name. */
static int nid_of_explicit(struct hsm_bytes der)
{
    const uint8_t *at = der.data;
    EC_GROUP *group = d2i_ECPKParameters(NULL, &at, (long)der.len);
    int nid = NID_undef;

    if (group != NULL && at == der.data + der.len)
        nid = EC_GROUP_get_curve_name(group);
    EC_GROUP_free(group);
    return nid;
}

/* What stands in an element that fills DER and has a short length. */
static struct hsm_bytes inside(struct hsm_bytes der)
{
    const uint8_t *at = der.data;
    long len = 0;
    int tag, class;

    if (der.len == 0 || der.len > LONG_MAX ||
        (ASN1_get_object(&at, &len, &tag, &class, (long)der.len) & 0x81) != 0 ||
        len <= 0 || at + len != der.data + der.len)
        return (struct hsm_bytes){0};
    return (struct hsm_bytes){at, (size_t)len};
}

static int nid_of_params(struct hsm_bytes params)
{
    if (params.len == 0 || params.len > INT_MAX)
        return NID_undef;
    switch (params.data[0]) {
    case V_ASN1_OBJECT:
        return nid_of_oid(params);
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_UTF8STRING: {
        struct hsm_bytes name = inside(params);

        return name.len > 0 ? nid_of_name(name) : NID_undef;
    }
    case V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED:
        return nid_of_explicit(params);
    default:
        return NID_undef;
    }
}

/* EC_GROUP_new_by_curve_name also takes curves in binary fields and leaves an
 * error for numbers that are no curve's. */
static bool is_known_group(int nid)
{
    EC_GROUP *group = nid == NID_undef ? NULL : EC_GROUP_new_by_curve_name(nid);

    EC_GROUP_free(group);
    return group != NULL;
}

CK_RV hsm_curve_of(CK_KEY_TYPE type, struct hsm_bytes params, size_t point_len,
                   int *nid)
{
    int found = nid_of_params(params);
    size_t most = 5; /* bytes around a wrapped point */

    for (size_t i = 0; found == NID_undef && i < N_RAW_CURVES; i++)
        if (type == raw_curves[i].type && point_len >= raw_curves[i].len &&
            point_len <= raw_curves[i].len + most)
            found = raw_curves[i].nid;
    /* SM2 is not signed with like other curves; libcrypto calls it so too. */
    if (found == NID_sm2)
        return CKR_CURVE_NOT_SUPPORTED;
    if (raw_curve(found) == NULL && (type != CKK_EC || !is_known_group(found)))
        return CKR_CURVE_NOT_SUPPORTED;
    *nid = found;
    return CKR_OK;
}

/* Tries POINT as it is, then what it wraps: both begin with 04 where it is
 * uncompressed in an OCTET STRING, but never are both of the right length. */
typedef bool fits_fn(const void *arg, struct hsm_bytes point);

static bool unwrap(fits_fn *fits, const void *arg, struct hsm_bytes *point)
{
    struct hsm_bytes inner;

    if (point->len == 0 || fits(arg, *point))
        return point->len > 0;
    if (point->data[0] != V_ASN1_OCTET_STRING &&
        point->data[0] != V_ASN1_BIT_STRING)
        return false;
    inner = inside(*point);
    if (inner.len > 1 && point->data[0] == V_ASN1_BIT_STRING &&
        inner.data[0] == 0) { /* no unused bits */
        inner.data++;
        inner.len--;
    }
    *point = inner;
    return inner.len > 0 && fits(arg, inner);
}

static bool fits_raw(const void *arg, struct hsm_bytes point)
{
    const struct raw_curve *curve = arg;

    return point.len == curve->len;
}

/* X9.62, 4.3.6, by the first byte and the length. */
static bool fits_group(const void *arg, struct hsm_bytes point)
{
    const EC_GROUP *group = arg;
    size_t field = ((size_t)EC_GROUP_get_degree(group) + 7) / 8;

    switch (point.data[0]) {
    case POINT_CONVERSION_COMPRESSED:
    case POINT_CONVERSION_COMPRESSED + 1:
        return point.len == 1 + field;
    case POINT_CONVERSION_UNCOMPRESSED:
    case POINT_CONVERSION_HYBRID:
    case POINT_CONVERSION_HYBRID + 1:
        return point.len == 1 + 2 * field;
    default:
        return false;
    }
}

static CK_RV raw_point(const struct raw_curve *curve, struct hsm_bytes point,
                       uint8_t **out, size_t *len)
{
    if (!unwrap(fits_raw, curve, &point))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    *out = OPENSSL_memdup(point.data, point.len);
    *len = point.len;
    return *out == NULL ? CKR_HOST_MEMORY : CKR_OK;
}

/* Through libcrypto's arithmetic, which refuses what is not on the curve. */
static CK_RV group_point(const EC_GROUP *group, struct hsm_bytes bytes,
                         uint8_t **out, size_t *len)
{
    EC_POINT *point = EC_POINT_new(group);
    CK_RV rv = CKR_ATTRIBUTE_VALUE_INVALID;

    if (point == NULL)
        return CKR_HOST_MEMORY;
    if (unwrap(fits_group, group, &bytes) &&
        EC_POINT_oct2point(group, point, bytes.data, bytes.len, NULL)) {
        *len = EC_POINT_point2buf(group, point, POINT_CONVERSION_UNCOMPRESSED,
                                  out, NULL);
        rv = *len > 0 ? CKR_OK : CKR_HOST_MEMORY;
    }
    EC_POINT_free(point);
    return rv;
}

CK_RV hsm_curve_point(int nid, struct hsm_bytes point, uint8_t **out,
                      size_t *len)
{
    const struct raw_curve *raw = raw_curve(nid);
    EC_GROUP *group;
    CK_RV rv;

    if (raw != NULL)
        return raw_point(raw, point, out, len);
    group = EC_GROUP_new_by_curve_name(nid);
    if (group == NULL)
        return CKR_CURVE_NOT_SUPPORTED;
    rv = group_point(group, point, out, len);
    EC_GROUP_free(group);
    return rv;
}

CK_RV hsm_curve_params(int nid, bool as_name, struct ks_buf *params)
{
    const struct raw_curve *raw = raw_curve(nid);
    uint8_t *der = NULL;
    int len;

    if (as_name) {
        ASN1_PRINTABLESTRING *name;

        if (raw == NULL)
            return CKR_CURVE_NOT_SUPPORTED;
        name = ASN1_PRINTABLESTRING_new();
        len = name != NULL && ASN1_STRING_set(name, raw->names[0], -1)
                  ? i2d_ASN1_PRINTABLESTRING(name, &der)
                  : -1;
        ASN1_PRINTABLESTRING_free(name);
    } else {
        len = i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &der);
    }
    if (len <= 0)
        return CKR_HOST_MEMORY;
    ks_buf_clear(params);
    params->data = der; /* given to the caller */
    params->len = (size_t)len;
    return CKR_OK;
}
