/*
 * The parts of CMS that sealed keys are made of: RFC 5652, 6.2 and RFC 5083,
 * 2.1. libcrypto's own CMS opens nothing with a key that it cannot fetch, and
 * shows neither encrypted keys nor the tag; so these are templates of our own.
 * What nobody looks into stays encoded.
 */
#ifndef KS_CMS_ASN1_H
#define KS_CMS_ASN1_H

#include <openssl/asn1.h>
#include <openssl/x509.h>

/* Names are typedefs because the templates want plain ones. */

/* RecipientIdentifier */
typedef struct {
    int type;
    union {
        ASN1_STRING *issuer_serial; /* encoded */
        ASN1_OCTET_STRING *key_id;
    } d;
} KS_CMS_RID;
#define KS_CMS_RID_KEY_ID 1

/* KeyTransRecipientInfo */
typedef struct {
    int32_t version;
    KS_CMS_RID *rid;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *encrypted_key;
} KS_CMS_KTRI;

/* OriginatorPublicKey; SubjectPublicKeyInfo has the same shape. */
typedef struct {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *bits;
} KS_CMS_SPKI;

/* OriginatorIdentifierOrKey */
typedef struct {
    int type;
    union {
        ASN1_STRING *issuer_serial; /* encoded */
        ASN1_OCTET_STRING *key_id;
        KS_CMS_SPKI *key;
    } d;
} KS_CMS_ORIGINATOR;
#define KS_CMS_ORIGINATOR_KEY 2

/* RecipientKeyIdentifier */
typedef struct {
    ASN1_OCTET_STRING *key_id;
    ASN1_GENERALIZEDTIME *date;
    ASN1_STRING *other; /* encoded */
} KS_CMS_RKID;

/* KeyAgreeRecipientIdentifier */
typedef struct {
    int type;
    union {
        ASN1_STRING *issuer_serial; /* encoded */
        KS_CMS_RKID *key_id;
    } d;
} KS_CMS_KARID;
#define KS_CMS_KARID_KEY_ID 1

/* RecipientEncryptedKey */
typedef struct {
    KS_CMS_KARID *rid;
    ASN1_OCTET_STRING *encrypted_key;
} KS_CMS_REK;
DEFINE_STACK_OF(KS_CMS_REK)

/* KeyAgreeRecipientInfo */
typedef struct {
    int32_t version;
    KS_CMS_ORIGINATOR *originator;
    ASN1_OCTET_STRING *ukm;
    X509_ALGOR *algorithm;
    STACK_OF(KS_CMS_REK) * keys;
} KS_CMS_KARI;

/* RecipientInfo */
typedef struct {
    int type;
    union {
        KS_CMS_KTRI *ktri;
        KS_CMS_KARI *kari;
        ASN1_STRING *other; /* kekri, pwri, ori; encoded */
    } d;
} KS_CMS_RI;
#define KS_CMS_RI_KTRI 0
#define KS_CMS_RI_KARI 1
DEFINE_STACK_OF(KS_CMS_RI)

/* EncryptedContentInfo */
typedef struct {
    ASN1_OBJECT *type;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *content;
} KS_CMS_CONTENT;

/* AuthEnvelopedData */
typedef struct {
    int32_t version;
    ASN1_STRING *originator_info; /* encoded */
    STACK_OF(KS_CMS_RI) * recipients;
    KS_CMS_CONTENT *content;
    ASN1_STRING *auth_attrs; /* encoded */
    ASN1_OCTET_STRING *mac;
    ASN1_STRING *unauth_attrs; /* encoded */
} KS_CMS_AUTH_ENVELOPED;

/* ContentInfo of AuthEnvelopedData */
typedef struct {
    ASN1_OBJECT *type;
    KS_CMS_AUTH_ENVELOPED *data;
} KS_CMS_INFO;

/* The beginning of any other ContentInfo. */
typedef struct {
    ASN1_OBJECT *type;
    ASN1_TYPE *data;
} KS_CMS_ANY_INFO;

/* GCMParameters (RFC 5084, 3.2) */
typedef struct {
    ASN1_OCTET_STRING *nonce;
    int32_t tag_len;
} KS_CMS_GCM;

DECLARE_ASN1_ITEM(KS_CMS_SPKI)
DECLARE_ASN1_ITEM(KS_CMS_KTRI)
DECLARE_ASN1_ITEM(KS_CMS_KARI)
DECLARE_ASN1_ITEM(KS_CMS_RKID)
DECLARE_ASN1_ITEM(KS_CMS_RI)
DECLARE_ASN1_ITEM(KS_CMS_REK)
DECLARE_ASN1_ITEM(KS_CMS_INFO)
DECLARE_ASN1_ITEM(KS_CMS_ANY_INFO)
DECLARE_ASN1_ITEM(KS_CMS_GCM)

#endif
