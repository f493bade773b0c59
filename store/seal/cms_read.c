/*
 * Decoding what is sealed to keys. All of it comes from a file or a database
 * that others may have written: what is not one of the few forms that are
 * made here or by "openssl cms -encrypt -aes-256-gcm" is refused.
 */
#include "seal/cms_read.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "seal/cms_crypt.h"

ks_rc ks_cms_damaged(struct ks_err *err, const char *what)
{
    return ks_fail(err, KS_E_DAMAGED, "sealed key: %s", what);
}

ks_rc ks_cms_unsupported(struct ks_err *err, const char *what,
                         const char *options)
{
    ks_hint(err,
            "what \"openssl cms -encrypt -aes-256-gcm -keyid%s\" makes "
            "can be opened",
            options);
    return ks_fail(err, KS_E_UNSUPPORTED, "sealed key: %s", what);
}

/* ---- decoding ---- */

void *ks_cms_decode(const uint8_t *data, size_t len, const ASN1_ITEM *it)
{
    const uint8_t *at = data;
    ASN1_VALUE *value = NULL;

    if (data == NULL || len == 0 || len > KS_PRIVATE_HALF_MAX)
        return NULL;
    value = ASN1_item_d2i(NULL, &at, (long)len, it);
    if (value != NULL && at != data + len) {
        ASN1_item_free(value, it);
        value = NULL;
    }
    return value;
}

/* Other kinds of ContentInfo are well-formed, and no damage. */
static ks_rc check_kind(const struct ks_buf *sealed, struct ks_err *err)
{
    KS_CMS_ANY_INFO *info = ks_cms_decode(sealed->data, sealed->len,
                                          ASN1_ITEM_rptr(KS_CMS_ANY_INFO));
    ks_rc rc = KS_OK;

    if (info == NULL)
        rc = ks_cms_damaged(err, "not a CMS ContentInfo (RFC 5652)");
    else if (OBJ_obj2nid(info->type) != NID_id_smime_ct_authEnvelopedData)
        rc = ks_cms_unsupported(err, "not AuthEnvelopedData (RFC 5083)", "");
    ASN1_item_free((ASN1_VALUE *)info, ASN1_ITEM_rptr(KS_CMS_ANY_INFO));
    return rc;
}

/* RFC 5084, 3.2. Caller frees *out. */
static ks_rc read_gcm(const X509_ALGOR *algorithm, KS_CMS_GCM **out,
                      struct ks_err *err)
{
    if (OBJ_obj2nid(algorithm->algorithm) != NID_aes_256_gcm)
        return ks_cms_unsupported(err, "not under AES-256-GCM", "");
    *out = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(KS_CMS_GCM),
                                     algorithm->parameter);
    return *out != NULL ? KS_OK
                        : ks_cms_damaged(err, "bad parameters of AES-256-GCM");
}

static ks_rc check_content(const KS_CMS_AUTH_ENVELOPED *data,
                           const KS_CMS_GCM *gcm, struct ks_err *err)
{
    const KS_CMS_CONTENT *content = data->content;

    if (ASN1_STRING_length(gcm->nonce) != KS_CMS_NONCE_LEN ||
        gcm->tag_len != KS_CMS_TAG_LEN)
        return ks_cms_unsupported(
            err, "nonce is not of 12 bytes, or tag not of 16", "");
    if (ASN1_STRING_length(data->mac) != KS_CMS_TAG_LEN)
        return ks_cms_damaged(err, "tag has a wrong length");
    if (content->content == NULL || ASN1_STRING_length(content->content) == 0)
        return ks_cms_damaged(err, "no content");
    if (OBJ_obj2nid(content->type) != NID_pkcs7_data)
        return ks_cms_unsupported(err, "content is not plain data", "");
    if (data->auth_attrs != NULL)
        return ks_cms_unsupported(err, "has authenticated attributes", "");
    return KS_OK;
}

/* ---- recipients ---- */

/* One that is not named by an identifier of this kind could be anybody. */
static ks_rc add_entry(struct ks_cms_parsed *parsed, struct ks_cms_entry entry,
                       struct ks_err *err)
{
    if (entry.id == NULL || ASN1_STRING_length(entry.id) != KS_KEY_ID_LEN)
        return ks_cms_unsupported(
            err, "a recipient is not named by key identifier", "");
    if (parsed->n == KS_CMS_RECIPIENTS_MAX)
        return ks_cms_unsupported(err, "more than 16 recipients", "");
    parsed->entries[parsed->n++] = entry;
    return KS_OK;
}

static ks_rc add_ktri(struct ks_cms_parsed *parsed, const KS_CMS_KTRI *ktri,
                      struct ks_err *err)
{
    struct ks_cms_entry entry = {.ktri = ktri,
                                 .encrypted_key = ktri->encrypted_key};

    if (ktri->rid->type == KS_CMS_RID_KEY_ID)
        entry.id = ktri->rid->d.key_id;
    return add_entry(parsed, entry, err);
}

static ks_rc add_kari(struct ks_cms_parsed *parsed, const KS_CMS_KARI *kari,
                      struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (int i = 0; i < sk_KS_CMS_REK_num(kari->keys) && rc == KS_OK; i++) {
        const KS_CMS_REK *rek = sk_KS_CMS_REK_value(kari->keys, i);
        struct ks_cms_entry entry = {.kari = kari,
                                     .encrypted_key = rek->encrypted_key};

        if (rek->rid->type == KS_CMS_KARID_KEY_ID)
            entry.id = rek->rid->d.key_id->key_id;
        rc = add_entry(parsed, entry, err);
    }
    return rc;
}

static ks_rc find_entries(struct ks_cms_parsed *parsed, struct ks_err *err)
{
    const STACK_OF(KS_CMS_RI) *recipients = parsed->info->data->recipients;
    ks_rc rc = KS_OK;

    for (int i = 0; i < sk_KS_CMS_RI_num(recipients) && rc == KS_OK; i++) {
        const KS_CMS_RI *ri = sk_KS_CMS_RI_value(recipients, i);

        if (ri->type == KS_CMS_RI_KTRI)
            rc = add_ktri(parsed, ri->d.ktri, err);
        else if (ri->type == KS_CMS_RI_KARI)
            rc = add_kari(parsed, ri->d.kari, err);
        else
            rc = ks_cms_unsupported(err, "a recipient is no RSA or EC key", "");
    }
    if (rc == KS_OK && parsed->n == 0)
        rc = ks_cms_damaged(err, "no recipient");
    return rc;
}

/* ---- all of it ---- */

static ks_rc parse(const struct ks_buf *sealed, struct ks_cms_parsed *parsed,
                   struct ks_err *err)
{
    ks_rc rc = check_kind(sealed, err);

    if (rc != KS_OK)
        return rc;
    parsed->info =
        ks_cms_decode(sealed->data, sealed->len, ASN1_ITEM_rptr(KS_CMS_INFO));
    if (parsed->info == NULL)
        return ks_cms_damaged(err, "not AuthEnvelopedData (RFC 5083)");
    rc = read_gcm(parsed->info->data->content->algorithm, &parsed->gcm, err);
    if (rc == KS_OK)
        rc = check_content(parsed->info->data, parsed->gcm, err);
    return rc == KS_OK ? find_entries(parsed, err) : rc;
}

ks_rc ks_cms_parse(const struct ks_buf *sealed, struct ks_cms_parsed *parsed,
                   struct ks_err *err)
{
    ks_rc rc;

    ERR_set_mark();
    rc = parse(sealed, parsed, err);
    ERR_pop_to_mark();
    if (rc != KS_OK)
        ks_cms_parsed_clear(parsed);
    return rc;
}

void ks_cms_parsed_clear(struct ks_cms_parsed *parsed)
{
    ASN1_item_free((ASN1_VALUE *)parsed->gcm, ASN1_ITEM_rptr(KS_CMS_GCM));
    ASN1_item_free((ASN1_VALUE *)parsed->info, ASN1_ITEM_rptr(KS_CMS_INFO));
    memset(parsed, 0, sizeof(*parsed));
}

ks_rc ks_cms_recipients(const struct ks_buf *sealed,
                        uint8_t ids[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN],
                        size_t *n, struct ks_err *err)
{
    struct ks_cms_parsed parsed = {0};
    ks_rc rc = ks_cms_parse(sealed, &parsed, err);

    if (rc != KS_OK)
        return rc;
    for (size_t i = 0; i < parsed.n; i++)
        memcpy(ids[i], ASN1_STRING_get0_data(parsed.entries[i].id),
               KS_KEY_ID_LEN);
    *n = parsed.n;
    ks_cms_parsed_clear(&parsed);
    return KS_OK;
}

ks_rc ks_cms_check(const struct ks_buf *sealed, struct ks_err *err)
{
    uint8_t ids[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN];
    size_t n;

    return ks_cms_recipients(sealed, ids, &n, err);
}
