/*
 * Sealing to keys. Not by libcrypto's CMS_encrypt(3): that wants a signed
 * certificate where all there is is a public key, and making one for each
 * costs more than all the rest.
 */
#include "seal/cms.h"

#include <limits.h>
#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "seal/cms_asn1.h"
#include "seal/cms_crypt.h"
#include "seal/cms_recipient.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

ks_rc ks_cms_key_id(const struct ks_crypto *crypto, const struct ks_buf *spki,
                    uint8_t id[KS_KEY_ID_LEN], struct ks_err *err)
{
    const uint8_t *at = spki->data;
    KS_CMS_SPKI *key = NULL;
    size_t len = 0;
    ks_rc rc;

    ERR_set_mark();
    if (spki->len > 0 && spki->len < INT_MAX)
        key = (KS_CMS_SPKI *)ASN1_item_d2i(NULL, &at, (long)spki->len,
                                           ASN1_ITEM_rptr(KS_CMS_SPKI));
    if (key == NULL || at != spki->data + spki->len)
        rc = ks_fail(err, KS_E_DAMAGED, "not a SubjectPublicKeyInfo");
    else
        rc = EVP_Q_digest(crypto->libctx, "SHA1", crypto->propq,
                          ASN1_STRING_get0_data(key->bits),
                          (size_t)ASN1_STRING_length(key->bits), id, &len) == 1
                 ? KS_OK
                 : ks_fail(err, KS_E_CRYPTO,
                           "SHA-1 is not available, which names keys");
    ASN1_item_free((ASN1_VALUE *)key, ASN1_ITEM_rptr(KS_CMS_SPKI));
    ERR_pop_to_mark();
    return rc;
}

/* RFC 5084, 3.2. */
static bool set_gcm(X509_ALGOR *algorithm,
                    const uint8_t nonce[static KS_CMS_NONCE_LEN])
{
    KS_CMS_GCM *gcm = (KS_CMS_GCM *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_GCM));
    ASN1_STRING *packed = NULL;
    bool ok = false;

    if (gcm == NULL ||
        !ASN1_OCTET_STRING_set(gcm->nonce, nonce, KS_CMS_NONCE_LEN))
        goto out;
    gcm->tag_len = KS_CMS_TAG_LEN;
    packed = ASN1_item_pack(gcm, ASN1_ITEM_rptr(KS_CMS_GCM), NULL);
    if (packed == NULL ||
        !X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_aes_256_gcm),
                         V_ASN1_SEQUENCE, packed))
        goto out;
    packed = NULL; /* given to algorithm */
    ok = true;
out:
    ASN1_STRING_free(packed);
    ASN1_item_free((ASN1_VALUE *)gcm, ASN1_ITEM_rptr(KS_CMS_GCM));
    return ok;
}

static ks_rc encrypt_content(const struct ks_crypto *crypto,
                             const struct ks_secret *pkcs8,
                             const struct ks_secret *key,
                             KS_CMS_AUTH_ENVELOPED *data, struct ks_err *err)
{
    uint8_t nonce[KS_CMS_NONCE_LEN], tag[KS_CMS_TAG_LEN];
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    uint8_t *out = OPENSSL_malloc(pkcs8->len);

    data->content->content = content; /* given to data */
    if (content == NULL || out == NULL)
        goto nomem;
    ASN1_STRING_set0(content, out, (int)pkcs8->len); /* takes out */
    if (RAND_bytes_ex(crypto->libctx, nonce, sizeof(nonce), 0) != 1 ||
        !ks_cms_gcm(crypto, true, key->data, nonce, tag, pkcs8->data,
                    pkcs8->len, out))
        return ks_fail(err, KS_E_CRYPTO,
                       "cannot encrypt the key (AES-256-GCM)");
    data->content->type = OBJ_nid2obj(NID_pkcs7_data);
    if (!set_gcm(data->content->algorithm, nonce) ||
        !ASN1_OCTET_STRING_set(data->mac, tag, sizeof(tag)))
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    return KS_OK;
nomem:
    OPENSSL_free(out);
    return ks_fail(err, KS_E_NOMEM, "out of memory");
}

static ks_rc add_recipients(const struct ks_crypto *crypto,
                            const struct ks_cms_recipient *recipients, size_t n,
                            const struct ks_secret *key,
                            KS_CMS_AUTH_ENVELOPED *data, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (size_t i = 0; i < n && rc == KS_OK; i++) {
        KS_CMS_RI *ri = (KS_CMS_RI *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_RI));

        if (ri == NULL || !sk_KS_CMS_RI_push(data->recipients, ri)) {
            ASN1_item_free((ASN1_VALUE *)ri, ASN1_ITEM_rptr(KS_CMS_RI));
            return ks_fail(err, KS_E_NOMEM, "out of memory");
        }
        rc = ks_cms_recipient_make(crypto, &recipients[i], key, ri, err);
    }
    return rc;
}

static ks_rc encode(const KS_CMS_INFO *info, struct ks_buf *sealed,
                    struct ks_err *err)
{
    uint8_t *der = NULL;
    int len = ASN1_item_i2d((const ASN1_VALUE *)info, &der,
                            ASN1_ITEM_rptr(KS_CMS_INFO));
    ks_rc rc;

    if (len <= 0)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = ks_buf_set(sealed, der, (size_t)len);
    OPENSSL_free(der);
    return rc == KS_OK ? rc : ks_fail(err, rc, "out of memory");
}

ks_rc ks_cms_seal(const struct ks_crypto *crypto, const struct ks_secret *pkcs8,
                  const struct ks_cms_recipient *recipients, size_t n,
                  struct ks_buf *sealed, struct ks_err *err)
{
    KS_CMS_INFO *info = NULL;
    struct ks_secret key = {0};
    ks_rc rc;

    if (n == 0 || n > KS_CMS_RECIPIENTS_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "a key is sealed to 1 to %d keys, not to %zu",
                       KS_CMS_RECIPIENTS_MAX, n);
    if (pkcs8->len == 0 || pkcs8->len > KS_PRIVATE_HALF_MAX)
        return ks_fail(err, KS_E_INVALID, "private key has %zu bytes",
                       pkcs8->len);
    ERR_set_mark();
    info = (KS_CMS_INFO *)ASN1_item_new(ASN1_ITEM_rptr(KS_CMS_INFO));
    rc = info != NULL ? ks_secret_alloc(&key, KS_CMS_KEY_LEN) : KS_E_NOMEM;
    if (rc != KS_OK) {
        (void)ks_fail(err, rc, "out of memory"); /* rc is kept */
        goto out;
    }
    info->type = OBJ_nid2obj(NID_id_smime_ct_authEnvelopedData);
    rc = RAND_priv_bytes_ex(crypto->libctx, key.data, key.len, 0) == 1
             ? KS_OK
             : ks_fail(err, KS_E_CRYPTO, "no random numbers");
    if (rc == KS_OK)
        rc = encrypt_content(crypto, pkcs8, &key, info->data, err);
    if (rc == KS_OK)
        rc = add_recipients(crypto, recipients, n, &key, info->data, err);
    if (rc == KS_OK)
        rc = encode(info, sealed, err);
out:
    ks_secret_clear(&key);
    ASN1_item_free((ASN1_VALUE *)info, ASN1_ITEM_rptr(KS_CMS_INFO));
    ERR_pop_to_mark();
    return rc;
}
