/*
 * The public half of what lies on a token: reads the attributes and leaves
 * their sense to spki.c.
 */
#include "public.h"

#include <openssl/crypto.h>

#include "spki.h"

/* PKCS#11 3.0; younger than p11-kit's header. */
#ifndef CKM_SHA3_256_RSA_PKCS_PSS
#    define CKM_SHA3_256_RSA_PKCS_PSS 0x63UL
#    define CKM_SHA3_384_RSA_PKCS_PSS 0x64UL
#    define CKM_SHA3_512_RSA_PKCS_PSS 0x65UL
#    define CKM_SHA3_224_RSA_PKCS_PSS 0x67UL
#endif

/* Bytes of one attribute that are read at once: a modulus of 16384 bits, or
 * the parameters of a curve written out. */
#define PART_MAX 2048

/* RSA keys that may do nothing but PSS (RFC 4055, 1.2). The list is that of
 * PKCS#11 3.0, 2.1.10 and 2.1.25. */
static bool is_pss(CK_MECHANISM_TYPE type)
{
    static const CK_MECHANISM_TYPE types[] = {
        CKM_RSA_PKCS_PSS,          CKM_SHA1_RSA_PKCS_PSS,
        CKM_SHA224_RSA_PKCS_PSS,   CKM_SHA256_RSA_PKCS_PSS,
        CKM_SHA384_RSA_PKCS_PSS,   CKM_SHA512_RSA_PKCS_PSS,
        CKM_SHA3_224_RSA_PKCS_PSS, CKM_SHA3_256_RSA_PKCS_PSS,
        CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_512_RSA_PKCS_PSS,
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i] == type)
            return true;
    return false;
}

bool hsm_is_pss_only(const CK_MECHANISM_TYPE *types, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_pss(types[i]))
            return false;
    return n > 0;
}

static struct hsm_bytes bytes_of(const CK_ATTRIBUTE *attribute)
{
    return (struct hsm_bytes){attribute->pValue, attribute->ulValueLen};
}

/* What every kind of key is read into, with one call. */
struct parts {
    uint8_t first[PART_MAX], second[PART_MAX], info[PART_MAX];
    CK_MECHANISM_TYPE allowed[64];
    CK_ATTRIBUTE rows[4];
};

static CK_RV read_parts(const struct hsm_session *session,
                        CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE first,
                        CK_ATTRIBUTE_TYPE second, struct parts *parts)
{
    const CK_ATTRIBUTE rows[] = {
        {first, parts->first, sizeof(parts->first)},
        {second, parts->second, sizeof(parts->second)},
        {CKA_PUBLIC_KEY_INFO, parts->info, sizeof(parts->info)},
        {CKA_ALLOWED_MECHANISMS, parts->allowed, sizeof(parts->allowed)}};

    for (size_t i = 0; i < 4; i++)
        parts->rows[i] = rows[i];
    return hsm_attributes(session, object, parts->rows, 4);
}

/* RV, or where the parts were of no use what the object says itself. */
static CK_RV or_info(CK_RV rv, const struct parts *parts, struct ks_buf *spki)
{
    if (rv != CKR_OK && parts->rows[2].ulValueLen > 0 &&
        hsm_spki_copy(bytes_of(&parts->rows[2]), spki) == CKR_OK)
        return CKR_OK;
    return rv;
}

static CK_RV of_rsa(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                    CK_KEY_TYPE type, struct parts *parts, struct ks_buf *spki)
{
    CK_RV rv =
        read_parts(session, object, CKA_MODULUS, CKA_PUBLIC_EXPONENT, parts);
    size_t n_allowed = parts->rows[3].ulValueLen / sizeof(parts->allowed[0]);

    (void)type;
    if (rv != CKR_OK)
        return rv;
    if (parts->rows[0].ulValueLen > 0 && parts->rows[1].ulValueLen > 0)
        return hsm_spki_rsa(bytes_of(&parts->rows[0]),
                            bytes_of(&parts->rows[1]),
                            hsm_is_pss_only(parts->allowed, n_allowed), spki);
    return or_info(CKR_ATTRIBUTE_TYPE_INVALID, parts, spki);
}

static CK_RV of_ec(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                   CK_KEY_TYPE type, struct parts *parts, struct ks_buf *spki)
{
    CK_RV rv = read_parts(session, object, CKA_EC_PARAMS, CKA_EC_POINT, parts);

    if (rv != CKR_OK)
        return rv;
    rv = CKR_ATTRIBUTE_TYPE_INVALID;
    if (parts->rows[1].ulValueLen > 0)
        rv = hsm_spki_ec(type, bytes_of(&parts->rows[0]),
                         bytes_of(&parts->rows[1]), spki);
    return or_info(rv, parts, spki);
}

static const struct {
    CK_KEY_TYPE type;
    CK_RV(*read)
    (const struct hsm_session *session, CK_OBJECT_HANDLE object,
     CK_KEY_TYPE type, struct parts *parts, struct ks_buf *spki);
} kinds[] = {{CKK_RSA, of_rsa},
             {CKK_EC, of_ec},
             {CKK_EC_EDWARDS, of_ec},
             {CKK_EC_MONTGOMERY, of_ec}};

static CK_RV of_key(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                    CK_KEY_TYPE type, struct ks_buf *spki)
{
    struct parts parts;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == type)
            return kinds[i].read(session, object, type, &parts, spki);
    return CKR_KEY_TYPE_INCONSISTENT;
}

static CK_RV of_cert(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                     struct ks_buf *spki)
{
    struct ks_buf der = {0};
    struct hsm_cert_view view;
    CK_RV rv = hsm_attribute(session, object, CKA_VALUE, &der);

    if (rv == CKR_OK)
        rv = hsm_cert_view((struct hsm_bytes){der.data, der.len}, &view);
    if (rv == CKR_OK)
        rv = hsm_spki_copy(view.spki, spki);
    ks_buf_clear(&der);
    return rv;
}

CK_RV hsm_public_of(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                    struct ks_buf *spki)
{
    CK_OBJECT_CLASS class = 0;
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE rows[] = {{CKA_CLASS, &class, sizeof(class)},
                           {CKA_KEY_TYPE, &type, sizeof(type)}};
    CK_RV rv = hsm_attributes(session, object, rows, 2);

    if (rv != CKR_OK)
        return rv;
    if (rows[0].ulValueLen != sizeof(class))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (class == CKO_CERTIFICATE)
        return of_cert(session, object, spki);
    if (rows[1].ulValueLen != sizeof(type) ||
        (class != CKO_PRIVATE_KEY && class != CKO_PUBLIC_KEY))
        return CKR_KEY_TYPE_INCONSISTENT;
    return of_key(session, object, type, spki);
}
