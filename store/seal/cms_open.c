/*
 * Opening what is sealed to keys.
 */
#include "seal/cms.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "seal/cms_crypt.h"
#include "seal/cms_read.h"

#define OAEP_LABEL_MAX 256
#define ENCRYPTED_KEY_MAX 2048 /* RSA of 16384 bits */

/* ---- RSA ---- */

/* The digest that ALGORITHM names; NULL if it is none of OAEP's. */
static const char *digest_of(const X509_ALGOR *algorithm)
{
    return algorithm == NULL
               ? "SHA1" /* RFC 8017, A.2.1 */
               : ks_cms_digest_name(OBJ_obj2nid(algorithm->algorithm));
}

static const char *mgf1_digest_of(const X509_ALGOR *algorithm)
{
    X509_ALGOR *inner;
    const char *digest;

    if (algorithm == NULL)
        return "SHA1";
    if (OBJ_obj2nid(algorithm->algorithm) != NID_mgf1)
        return NULL;
    inner = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR),
                                      algorithm->parameter);
    digest = inner != NULL ? digest_of(inner) : NULL;
    X509_ALGOR_free(inner);
    return digest;
}

/* False if the label is not one. PARAMS borrows it from OAEP. */
static bool read_label(const RSA_OAEP_PARAMS *oaep,
                       struct ks_mech_params *params)
{
    const X509_ALGOR *source = oaep->pSourceFunc;
    const ASN1_OBJECT *object;
    const void *value;
    int type;

    if (source == NULL)
        return true;
    X509_ALGOR_get0(&object, &type, &value, source);
    if (OBJ_obj2nid(object) != NID_pSpecified || type != V_ASN1_OCTET_STRING ||
        ASN1_STRING_length(value) > OAEP_LABEL_MAX)
        return false;
    params->label = ASN1_STRING_get0_data(value);
    params->label_len = (size_t)ASN1_STRING_length(value);
    return true;
}

static ks_rc open_ktri(const struct ks_cms_entry *entry,
                       const struct ks_kek *kek, struct ks_secret *key,
                       struct ks_err *err)
{
    const X509_ALGOR *algorithm = entry->ktri->algorithm;
    struct ks_mech_params params = {.mech = KS_MECH_RSA_OAEP};
    RSA_OAEP_PARAMS *oaep;
    ks_rc rc;

    /* Who can ask often whether such a message was well padded, decrypts any:
     * RFC 8017, 7.2. */
    if (OBJ_obj2nid(algorithm->algorithm) != NID_rsaesOaep)
        return ks_cms_unsupported(err, "its key is not under RSA-OAEP",
                                  " -keyopt rsa_padding_mode:oaep");
    oaep = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS),
                                     algorithm->parameter);
    if (oaep == NULL)
        return ks_cms_damaged(err, "bad parameters of RSA-OAEP");
    params.digest = digest_of(oaep->hashFunc);
    params.mgf1_digest = mgf1_digest_of(oaep->maskGenFunc);
    if (params.digest == NULL || params.mgf1_digest == NULL ||
        !read_label(oaep, &params))
        rc = ks_cms_unsupported(err, "RSA-OAEP with unknown parameters",
                                " -keyopt rsa_padding_mode:oaep");
    else if (kek->ops->decrypt == NULL)
        rc = ks_fail(err, KS_E_UNSUPPORTED, "the key does not decrypt");
    else
        rc = kek->ops->decrypt(
            kek->key, &params, ASN1_STRING_get0_data(entry->encrypted_key),
            (size_t)ASN1_STRING_length(entry->encrypted_key), key, err);
    RSA_OAEP_PARAMS_free(oaep);
    return rc;
}

/* ---- EC ---- */

/* The originator's point, on the curve of the recipient (RFC 5753, 3.1.1). */
static const ASN1_BIT_STRING *point_of(const KS_CMS_KARI *kari)
{
    const KS_CMS_SPKI *key = kari->originator->type == KS_CMS_ORIGINATOR_KEY
                                 ? kari->originator->d.key
                                 : NULL;

    if (key == NULL ||
        OBJ_obj2nid(key->algorithm->algorithm) != NID_X9_62_id_ecPublicKey ||
        (key->bits->flags & 0x07) != 0 || ASN1_STRING_length(key->bits) == 0)
        return NULL;
    return key->bits;
}

static ks_rc unwrap(const struct ks_crypto *crypto,
                    const struct ks_cms_entry *entry, const struct ks_kek *kek,
                    struct ks_cms_agreed *agreed, struct ks_secret *key,
                    struct ks_err *err)
{
    const ASN1_BIT_STRING *point = point_of(entry->kari);
    const struct ks_mech_params params = {.mech = KS_MECH_ECDH,
                                          .cofactor = agreed->how->cofactor};
    struct ks_secret secret = {0};
    ks_rc rc;

    if (point == NULL)
        return ks_cms_unsupported(err, "no EC key of its sealing is with it",
                                  "");
    if (kek->ops->derive == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "the key does not agree on secrets");
    rc = kek->ops->derive(kek->key, &params, ASN1_STRING_get0_data(point),
                          (size_t)ASN1_STRING_length(point), &secret, err);
    agreed->secret = &secret;
    if (rc == KS_OK &&
        !ks_cms_wrap_key(crypto, false, agreed,
                         ASN1_STRING_get0_data(entry->encrypted_key),
                         (size_t)ASN1_STRING_length(entry->encrypted_key), key))
        rc = ks_cms_damaged(
            err, "its key cannot be unwrapped: made for another key, "
                 "or damaged");
    ks_secret_clear(&secret);
    return rc;
}

static ks_rc open_kari(const struct ks_crypto *crypto,
                       const struct ks_cms_entry *entry,
                       const struct ks_kek *kek, struct ks_secret *key,
                       struct ks_err *err)
{
    const X509_ALGOR *algorithm = entry->kari->algorithm;
    X509_ALGOR *wrap = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR),
                                                 algorithm->parameter);
    struct ks_cms_agreed agreed = {
        .how = ks_cms_agreement_find(OBJ_obj2nid(algorithm->algorithm)),
        .wrap = wrap != NULL ? ks_cms_wrap_find(OBJ_obj2nid(wrap->algorithm))
                             : NULL,
        .wrap_algorithm = wrap,
        .ukm = entry->kari->ukm,
    };
    ks_rc rc =
        agreed.how != NULL && agreed.wrap != NULL
            ? unwrap(crypto, entry, kek, &agreed, key, err)
            : ks_cms_unsupported(err,
                                 "its key is not under ECDH with the KDF of "
                                 "X9.63 and AES key wrap",
                                 "");

    X509_ALGOR_free(wrap);
    return rc;
}

/* ---- content ---- */

static bool is_pkcs8(const struct ks_secret *pkcs8)
{
    PKCS8_PRIV_KEY_INFO *info = ks_cms_decode(
        pkcs8->data, pkcs8->len, ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO));
    bool is = info != NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    return is;
}

static ks_rc decrypt_content(const struct ks_crypto *crypto,
                             const struct ks_cms_parsed *parsed,
                             const struct ks_secret *key,
                             struct ks_secret *pkcs8, struct ks_err *err)
{
    const KS_CMS_AUTH_ENVELOPED *data = parsed->info->data;
    const ASN1_OCTET_STRING *content = data->content->content;
    const size_t len = (size_t)ASN1_STRING_length(content);
    uint8_t tag[KS_CMS_TAG_LEN];
    struct ks_secret plain = {0};
    ks_rc rc;

    if (ks_secret_alloc(&plain, len) != KS_OK)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    memcpy(tag, ASN1_STRING_get0_data(data->mac), sizeof(tag));
    if (!ks_cms_gcm(crypto, false, key->data,
                    ASN1_STRING_get0_data(parsed->gcm->nonce), tag,
                    ASN1_STRING_get0_data(content), len, plain.data))
        rc = ks_cms_damaged(err, "its content is not what was sealed");
    else if (!is_pkcs8(&plain))
        rc = ks_cms_damaged(err, "its content is not a private key (RFC 5958)");
    else
        rc = KS_OK;
    if (rc == KS_OK) {
        *pkcs8 = plain;
        plain = (struct ks_secret){0}; /* given to the caller */
    }
    ks_secret_clear(&plain);
    return rc;
}

static ks_rc open_entry(const struct ks_crypto *crypto,
                        const struct ks_cms_parsed *parsed,
                        const struct ks_cms_entry *entry,
                        const struct ks_kek *kek, struct ks_secret *pkcs8,
                        struct ks_err *err)
{
    struct ks_secret key = {0};
    ks_rc rc;

    if (ASN1_STRING_length(entry->encrypted_key) > ENCRYPTED_KEY_MAX)
        return ks_cms_damaged(err, "its encrypted key is too long");
    rc = entry->ktri != NULL ? open_ktri(entry, kek, &key, err)
                             : open_kari(crypto, entry, kek, &key, err);
    if (rc == KS_OK && key.len != KS_CMS_KEY_LEN)
        rc = ks_cms_damaged(err, "its encrypted key has a wrong length");
    if (rc == KS_OK)
        rc = decrypt_content(crypto, parsed, &key, pkcs8, err);
    ks_secret_clear(&key);
    return rc;
}

/* The last that was tried is what is told about. */
static ks_rc open_any(const struct ks_crypto *crypto,
                      const struct ks_cms_parsed *parsed,
                      const uint8_t id[static KS_KEY_ID_LEN],
                      const struct ks_kek *kek, struct ks_secret *pkcs8,
                      struct ks_err *err)
{
    struct ks_err why = {.text = "not sealed to this key"};
    ks_rc rc = KS_E_NOT_FOUND;

    for (size_t i = 0; i < parsed->n && rc != KS_OK; i++) {
        const struct ks_cms_entry *entry = &parsed->entries[i];

        if (memcmp(ASN1_STRING_get0_data(entry->id), id, KS_KEY_ID_LEN) != 0)
            continue;
        why = (struct ks_err){0};
        rc = open_entry(crypto, parsed, entry, kek, pkcs8, &why);
    }
    if (rc == KS_OK)
        return rc;
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s",
                   why.text[0] != '\0' ? why.text : ks_rc_text(rc));
}

ks_rc ks_cms_open(const struct ks_crypto *crypto, const struct ks_buf *sealed,
                  const struct ks_kek *kek, struct ks_secret *pkcs8,
                  struct ks_err *err)
{
    struct ks_cms_parsed parsed = {0};
    uint8_t id[KS_KEY_ID_LEN];
    ks_rc rc = ks_cms_parse(sealed, &parsed, err);

    if (rc != KS_OK)
        return rc;
    ERR_set_mark();
    rc = ks_cms_key_id(crypto, &kek->spki, id, err);
    if (rc == KS_OK)
        rc = open_any(crypto, &parsed, id, kek, pkcs8, err);
    ERR_pop_to_mark();
    ks_cms_parsed_clear(&parsed);
    return rc;
}
