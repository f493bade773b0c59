/*
 * Public keys of the common forms without a decoder. The first decoder that
 * a library context uses has it look up all that there are, of every provider:
 * that would be most of what a process pays for its first key on a token.
 */
#include "public_key.h"

#include <limits.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/x509.h>

/* SubjectPublicKeyInfo (RFC 5280, 4.1); libcrypto's own item decodes the key
 * as well. The templates want plain names. */
typedef struct spki {
    X509_ALGOR *algor;
    ASN1_BIT_STRING *key;
} SPKI_PLAIN;

/* RSAPublicKey (RFC 8017, A.1.1). */
typedef struct numbers {
    ASN1_INTEGER *n;
    ASN1_INTEGER *e;
} RSA_NUMBERS;

/* clang-format off */
ASN1_SEQUENCE(SPKI_PLAIN) = {
    ASN1_SIMPLE(SPKI_PLAIN, algor, X509_ALGOR),
    ASN1_SIMPLE(SPKI_PLAIN, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(SPKI_PLAIN)

ASN1_SEQUENCE(RSA_NUMBERS) = {
    ASN1_SIMPLE(RSA_NUMBERS, n, ASN1_INTEGER),
    ASN1_SIMPLE(RSA_NUMBERS, e, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(RSA_NUMBERS)

static EVP_PKEY *make(const struct ks_crypto *crypto, const char *type,
                      OSSL_PARAM *params)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(crypto->libctx, type, crypto->propq);
    EVP_PKEY *pkey = NULL;

    if (pctx != NULL && EVP_PKEY_fromdata_init(pctx) == 1 &&
        EVP_PKEY_fromdata(pctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}
/* clang-format on */

/* All of DER, or NULL; freed by ASN1_item_free. */
static void *parse(const unsigned char *der, size_t len, const ASN1_ITEM *it)
{
    const unsigned char *p = der;
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &p, (long)len, it);

    if (value != NULL && p != der + len) {
        ASN1_item_free(value, it);
        value = NULL;
    }
    return value;
}

static EVP_PKEY *make_rsa(const struct ks_crypto *crypto,
                          const unsigned char *key, size_t len)
{
    RSA_NUMBERS *rsa = parse(key, len, ASN1_ITEM_rptr(RSA_NUMBERS));
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *n = NULL, *e = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;

    if (rsa != NULL && bld != NULL &&
        ASN1_STRING_type(rsa->n) == V_ASN1_INTEGER &&
        ASN1_STRING_type(rsa->e) == V_ASN1_INTEGER) { /* none is negative */
        n = ASN1_INTEGER_to_BN(rsa->n, NULL);
        e = ASN1_INTEGER_to_BN(rsa->e, NULL);
        if (n != NULL && e != NULL &&
            OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
            OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
            params = OSSL_PARAM_BLD_to_param(bld);
    }
    if (params != NULL)
        pkey = make(crypto, "RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    ASN1_item_free((ASN1_VALUE *)rsa, ASN1_ITEM_rptr(RSA_NUMBERS));
    return pkey;
}

/* CURVE may be NULL. */
static EVP_PKEY *make_point(const struct ks_crypto *crypto, const char *type,
                            const char *curve, const unsigned char *key,
                            size_t len)
{
    OSSL_PARAM params[3];
    size_t n = 0;

    if (curve != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0);
    params[n++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                    (unsigned char *)key, len);
    params[n] = OSSL_PARAM_construct_end();
    return make(crypto, type, params);
}

/* RFC 5480, 2.1.1: a named curve, and a point that is not compressed. */
static EVP_PKEY *make_ec(const struct ks_crypto *crypto, int type,
                         const void *value, const unsigned char *key,
                         size_t len)
{
    int nid = type == V_ASN1_OBJECT ? OBJ_obj2nid(value) : NID_undef;

    if (nid == NID_undef || len == 0 || key[0] != 0x04)
        return NULL;
    return make_point(crypto, "EC", OBJ_nid2sn(nid), key, len);
}

static EVP_PKEY *make_any(const struct ks_crypto *crypto,
                          const SPKI_PLAIN *spki)
{
    const unsigned char *key = ASN1_STRING_get0_data(spki->key);
    size_t len = (size_t)ASN1_STRING_length(spki->key);
    const ASN1_OBJECT *algorithm;
    const void *value;
    int type, nid;

    X509_ALGOR_get0(&algorithm, &type, &value, spki->algor);
    nid = OBJ_obj2nid(algorithm);
    if (nid == NID_rsaEncryption && type == V_ASN1_NULL)
        return make_rsa(crypto, key, len);
    if (nid == NID_X9_62_id_ecPublicKey)
        return make_ec(crypto, type, value, key, len);
    if ((nid == NID_ED25519 || nid == NID_ED448 || nid == NID_X25519 ||
         nid == NID_X448) &&
        type == V_ASN1_UNDEF) /* RFC 8410, 3 */
        return make_point(crypto, OBJ_nid2sn(nid), NULL, key, len);
    return NULL;
}

EVP_PKEY *ks_public_key_plain(const struct ks_crypto *crypto,
                              const struct ks_buf *spki)
{
    SPKI_PLAIN *plain =
        parse(spki->data, spki->len, ASN1_ITEM_rptr(SPKI_PLAIN));
    EVP_PKEY *pkey = NULL;

    if (plain != NULL && (plain->key->flags & 0x07) == 0) /* unused bits */
        pkey = make_any(crypto, plain);
    ASN1_item_free((ASN1_VALUE *)plain, ASN1_ITEM_rptr(SPKI_PLAIN));
    return pkey;
}

/* One of the other forms; or damage, of which it knows better. */
static EVP_PKEY *decode(const struct ks_crypto *crypto,
                        const struct ks_buf *spki)
{
    const unsigned char *p = spki->data;
    EVP_PKEY *pkey =
        d2i_PUBKEY_ex(NULL, &p, (long)spki->len, crypto->libctx, crypto->propq);

    if (pkey == NULL || p == spki->data + spki->len)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

EVP_PKEY *ks_public_key(const struct ks_crypto *crypto,
                        const struct ks_buf *spki)
{
    EVP_PKEY *pkey = NULL;

    if (spki->len == 0 || spki->len >= INT_MAX)
        return NULL;
    ERR_set_mark();
    pkey = ks_public_key_plain(crypto, spki);
    if (pkey == NULL)
        pkey = decode(crypto, spki);
    ERR_pop_to_mark();
    return pkey;
}
