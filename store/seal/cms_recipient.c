/*
 * Sealing a content's key to one recipient: RSA by key transport (RFC 5652,
 * 6.2.1) with OAEP (RFC 8017, A.2.1), EC by key agreement with a key made for
 * this alone (RFC 5753, 3.1).
 */
#include "seal/cms_recipient.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "public_key.h"
#include "seal/cms_crypt.h"

#define SECURITY_BITS_MIN 112 /* RSA of 2048 bits, P-224 */

/* Versions where recipients are named by key identifier (RFC 5652, 6.2.1 and
 * 6.2.2). */
#define KTRI_VERSION 2
#define KARI_VERSION 3

static ks_rc crypto_failed(const char *what, struct ks_err *err)
{
    return ks_fail(err, KS_E_CRYPTO, "cannot seal to the key: %s", what);
}

/* ---- public keys ---- */

static ks_rc refuse_kind(const EVP_PKEY *pkey, struct ks_err *err)
{
    const char *type = EVP_PKEY_get0_type_name(pkey);

    ks_hint(err, "name an RSA key of 2048 bits or more, or an EC key such as "
                 "P-256");
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "keys cannot be sealed to a key of type %s, %d bits",
                   type != NULL ? type : "unknown", EVP_PKEY_get_bits(pkey));
}

/* Caller frees *out. */
static ks_rc read_public(const struct ks_crypto *crypto,
                         const struct ks_buf *spki, EVP_PKEY **out,
                         struct ks_err *err)
{
    EVP_PKEY *pkey = ks_public_key(crypto, spki);
    ks_rc rc;

    if (pkey == NULL)
        return ks_fail(err, KS_E_DAMAGED, "public key cannot be decoded");
    if ((EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "EC")) &&
        EVP_PKEY_get_security_bits(pkey) >= SECURITY_BITS_MIN) {
        *out = pkey;
        return KS_OK;
    }
    rc = refuse_kind(pkey, err);
    EVP_PKEY_free(pkey);
    return rc;
}

ks_rc ks_cms_recipient_check(const struct ks_crypto *crypto,
                             const struct ks_buf *spki, struct ks_err *err)
{
    EVP_PKEY *pkey = NULL;
    ks_rc rc;

    ERR_set_mark();
    rc = read_public(crypto, spki, &pkey, err);
    EVP_PKEY_free(pkey);
    ERR_pop_to_mark();
    return rc;
}

/* ---- RSA ---- */

/* Caller frees. */
static X509_ALGOR *digest_algorithm(const char *digest)
{
    int nid = ks_cms_digest_nid(digest);
    X509_ALGOR *algorithm = nid != NID_undef ? X509_ALGOR_new() : NULL;

    /* RFC 4055, 2.1: parameters are NULL here. */
    if (algorithm != NULL &&
        !X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_NULL, NULL)) {
        X509_ALGOR_free(algorithm);
        return NULL;
    }
    return algorithm;
}

static bool set_sequence(X509_ALGOR *algorithm, int nid, void *value,
                         const ASN1_ITEM *it)
{
    ASN1_STRING *packed = ASN1_item_pack(value, it, NULL);

    if (packed != NULL &&
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_SEQUENCE, packed))
        return true;
    ASN1_STRING_free(packed);
    return false;
}

/* Parameters that say the default, SHA-1, are left out (RFC 8017, A.2.1). */
static bool set_oaep(X509_ALGOR *algorithm, const char *digest)
{
    RSA_OAEP_PARAMS *params = RSA_OAEP_PARAMS_new();
    X509_ALGOR *inner = NULL;
    bool ok = params != NULL;

    if (ok && strcmp(digest, "SHA1") != 0) {
        inner = digest_algorithm(digest);
        params->hashFunc = digest_algorithm(digest);
        params->maskGenFunc = X509_ALGOR_new();
        ok = inner != NULL && params->hashFunc != NULL &&
             params->maskGenFunc != NULL &&
             set_sequence(params->maskGenFunc, NID_mgf1, inner,
                          ASN1_ITEM_rptr(X509_ALGOR));
    }
    ok = ok && set_sequence(algorithm, NID_rsaesOaep, params,
                            ASN1_ITEM_rptr(RSA_OAEP_PARAMS));
    X509_ALGOR_free(inner);
    RSA_OAEP_PARAMS_free(params);
    return ok;
}

static bool encrypt_oaep(const struct ks_crypto *crypto, EVP_PKEY *pkey,
                         const char *digest, const struct ks_secret *key,
                         ASN1_OCTET_STRING *out)
{
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(crypto->libctx, pkey, crypto->propq);
    int pad = RSA_PKCS1_OAEP_PADDING;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
                                         (char *)digest, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                                         (char *)digest, 0),
        OSSL_PARAM_construct_end()};
    uint8_t *sealed = NULL;
    size_t len = 0;
    bool ok = false;

    if (ctx == NULL || EVP_PKEY_encrypt_init_ex(ctx, params) != 1 ||
        EVP_PKEY_encrypt(ctx, NULL, &len, key->data, key->len) != 1)
        goto out;
    sealed = OPENSSL_malloc(len);
    ok = sealed != NULL &&
         EVP_PKEY_encrypt(ctx, sealed, &len, key->data, key->len) == 1 &&
         ASN1_OCTET_STRING_set(out, sealed, (int)len);
out:
    OPENSSL_free(sealed);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static ks_rc make_ktri(const struct ks_crypto *crypto, EVP_PKEY *pkey,
                       const struct ks_cms_recipient *to,
                       const uint8_t id[static KS_KEY_ID_LEN],
                       const struct ks_secret *key, KS_CMS_RI *ri,
                       struct ks_err *err)
{
    KS_CMS_KTRI *ktri =
        (KS_CMS_KTRI *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_KTRI));

    if (ktri == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    ri->type = KS_CMS_RI_KTRI;
    ri->d.ktri = ktri; /* given to *ri */
    ktri->version = KTRI_VERSION;
    ktri->rid->type = KS_CMS_RID_KEY_ID;
    ktri->rid->d.key_id = ASN1_OCTET_STRING_new();
    if (ktri->rid->d.key_id == NULL ||
        !ASN1_OCTET_STRING_set(ktri->rid->d.key_id, id, KS_KEY_ID_LEN) ||
        !set_oaep(ktri->algorithm, to->oaep_digest))
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    return encrypt_oaep(crypto, pkey, to->oaep_digest, key, ktri->encrypted_key)
               ? KS_OK
               : crypto_failed("OAEP failed", err);
}

/* ---- EC ---- */

/* A key on PKEY's curve, and what it and PKEY agree on. Caller frees *out and
 * clears *secret. */
static bool agree(const struct ks_crypto *crypto, EVP_PKEY *pkey,
                  EVP_PKEY **out, struct ks_secret *secret)
{
    EVP_PKEY_CTX *make =
        EVP_PKEY_CTX_new_from_pkey(crypto->libctx, pkey, crypto->propq);
    EVP_PKEY_CTX *ctx = NULL;
    size_t len = 0;
    bool ok = false;

    if (make == NULL || EVP_PKEY_keygen_init(make) != 1 ||
        EVP_PKEY_generate(make, out) != 1)
        goto out;
    ctx = EVP_PKEY_CTX_new_from_pkey(crypto->libctx, *out, crypto->propq);
    ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
         /* That the point is on the curve was seen when it was decoded; no
          * key of ours that lasts could leak through it. */
         EVP_PKEY_derive_set_peer_ex(ctx, pkey, 0) == 1 &&
         EVP_PKEY_derive(ctx, NULL, &len) == 1 &&
         ks_secret_alloc(secret, len) == KS_OK &&
         EVP_PKEY_derive(ctx, secret->data, &len) == 1 && len == secret->len;
out:
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_CTX_free(make);
    return ok;
}

/* RFC 5753, 7.1.4: the wrap is the parameter of the agreement, and has none
 * itself (RFC 3565, 2.3.2). */
static bool set_agreement(X509_ALGOR *algorithm, X509_ALGOR *wrap)
{
    return X509_ALGOR_set0(wrap, OBJ_nid2obj(NID_id_aes256_wrap), V_ASN1_UNDEF,
                           NULL) &&
           set_sequence(algorithm, NID_dhSinglePass_stdDH_sha256kdf_scheme,
                        wrap, ASN1_ITEM_rptr(X509_ALGOR));
}

static bool set_originator(KS_CMS_ORIGINATOR *originator, EVP_PKEY *own)
{
    KS_CMS_SPKI *key =
        (KS_CMS_SPKI *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_SPKI));
    uint8_t *point = NULL;
    size_t len = EVP_PKEY_get1_encoded_public_key(own, &point);
    bool ok = false;

    originator->type = KS_CMS_ORIGINATOR_KEY;
    originator->d.key = key; /* given to *originator */
    if (key == NULL || len == 0 || len > INT_MAX ||
        !X509_ALGOR_set0(key->algorithm, OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
                         V_ASN1_UNDEF, NULL) ||
        !ASN1_BIT_STRING_set(key->bits, point, (int)len))
        goto out;
    key->bits->flags &= ~0x07L; /* no unused bits: zeros at the end count */
    key->bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    ok = true;
out:
    OPENSSL_free(point);
    return ok;
}

static bool add_key(KS_CMS_KARI *kari, const uint8_t id[static KS_KEY_ID_LEN],
                    const struct ks_secret *wrapped)
{
    KS_CMS_REK *rek = (KS_CMS_REK *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_REK));
    KS_CMS_RKID *rkid =
        (KS_CMS_RKID *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_RKID));

    if (rek == NULL || rkid == NULL)
        goto fail;
    rek->rid->type = KS_CMS_KARID_KEY_ID;
    rek->rid->d.key_id = rkid;
    if (!ASN1_OCTET_STRING_set(rkid->key_id, id, KS_KEY_ID_LEN) ||
        !ASN1_OCTET_STRING_set(rek->encrypted_key, wrapped->data,
                               (int)wrapped->len) ||
        !sk_KS_CMS_REK_push(kari->keys, rek)) {
        rkid = NULL; /* given to rek */
        goto fail;
    }
    return true;
fail:
    ASN1_item_free((ASN1_VALUE *)rkid, ASN1_ITEM_rptr(KS_CMS_RKID));
    ASN1_item_free((ASN1_VALUE *)rek, ASN1_ITEM_rptr(KS_CMS_REK));
    return false;
}

static ks_rc make_kari(const struct ks_crypto *crypto, EVP_PKEY *pkey,
                       const uint8_t id[static KS_KEY_ID_LEN],
                       const struct ks_secret *key, KS_CMS_RI *ri,
                       struct ks_err *err)
{
    KS_CMS_KARI *kari =
        (KS_CMS_KARI *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_KARI));
    struct ks_secret secret = {0}, wrapped = {0};
    struct ks_cms_agreed agreed = {
        .how = ks_cms_agreement_find(NID_dhSinglePass_stdDH_sha256kdf_scheme),
        .wrap = ks_cms_wrap_find(NID_id_aes256_wrap),
        .wrap_algorithm = X509_ALGOR_new(),
        .secret = &secret,
    };
    EVP_PKEY *own = NULL;
    ks_rc rc = KS_E_NOMEM;

    if (kari == NULL || agreed.wrap_algorithm == NULL)
        goto out;
    kari->version = KARI_VERSION;
    rc = KS_E_CRYPTO;
    if (!agree(crypto, pkey, &own, &secret) ||
        !set_originator(kari->originator, own) ||
        !set_agreement(kari->algorithm, agreed.wrap_algorithm) ||
        !ks_cms_wrap_key(crypto, true, &agreed, key->data, key->len,
                         &wrapped) ||
        !add_key(kari, id, &wrapped))
        goto out;
    ri->type = KS_CMS_RI_KARI;
    ri->d.kari = kari;
    kari = NULL; /* given to *ri */
    rc = KS_OK;
out:
    if (rc == KS_E_NOMEM)
        (void)ks_fail(err, rc, "out of memory"); /* rc is kept */
    else if (rc != KS_OK)
        (void)crypto_failed("ECDH or AES key wrap failed", err); /* as above */
    ASN1_item_free((ASN1_VALUE *)kari, ASN1_ITEM_rptr(KS_CMS_KARI));
    X509_ALGOR_free(agreed.wrap_algorithm);
    EVP_PKEY_free(own);
    ks_secret_clear(&secret);
    ks_secret_clear(&wrapped);
    return rc;
}

/* ---- either ---- */

ks_rc ks_cms_recipient_make(const struct ks_crypto *crypto,
                            const struct ks_cms_recipient *to,
                            const struct ks_secret *key, KS_CMS_RI *ri,
                            struct ks_err *err)
{
    uint8_t id[KS_KEY_ID_LEN];
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ks_cms_key_id(crypto, &to->spki, id, err);

    if (rc == KS_OK)
        rc = read_public(crypto, &to->spki, &pkey, err);
    if (rc == KS_OK)
        rc = EVP_PKEY_is_a(pkey, "RSA")
                 ? make_ktri(crypto, pkey, to, id, key, ri, err)
                 : make_kari(crypto, pkey, id, key, ri, err);
    EVP_PKEY_free(pkey);
    return rc;
}
