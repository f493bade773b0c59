/*
 * What a listing says of a certificate.
 */
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "draft.h"

void ca_cert_info_clear(struct ca_cert_info *info)
{
    if (info == NULL)
        return;
    OPENSSL_free(info->subject);
    OPENSSL_free(info->issuer);
    ca_strings_clear(&info->names);
    ca_strings_clear(&info->exts);
    memset(info, 0, sizeof(*info));
}

static ks_rc list_names(X509 *cert, struct ca_cert_info *info)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    ks_rc rc = KS_OK;

    for (int i = 0; rc == KS_OK && i < sk_GENERAL_NAME_num(names); i++)
        rc = ca_strings_take(&info->names,
                             ca_san_text(sk_GENERAL_NAME_value(names, i)));
    GENERAL_NAMES_free(names);
    return rc;
}

/* OpenSSL prints over several lines; here each run of blanks is one. */
static void one_line(char *text)
{
    char *to = text;
    bool blank = false;

    for (const char *from = text; *from != '\0'; from++) {
        if (strchr(" \t\r\n", *from) != NULL) {
            blank = to != text;
            continue;
        }
        if (blank)
            *to++ = ' ';
        blank = false;
        *to++ = *from;
    }
    *to = '\0';
}

static ks_rc list_ext(X509_EXTENSION *ext, struct ca_cert_info *info)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char name[128];
    char *text = NULL;
    ks_rc rc = KS_E_NOMEM;

    if (bio == NULL)
        return rc;
    (void)OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(ext), 0);
    if (OBJ_obj2nid(X509_EXTENSION_get_object(ext)) != NID_undef)
        (void)OPENSSL_strlcpy(
            name, OBJ_nid2sn(OBJ_obj2nid(X509_EXTENSION_get_object(ext))),
            sizeof(name));
    (void)BIO_printf(bio, "%s%s: ", name,
                     X509_EXTENSION_get_critical(ext) != 0 ? ", critical" : "");
    (void)X509V3_EXT_print(bio, ext, X509V3_EXT_DUMP_UNKNOWN, 0);
    text = ca_bio_text(bio);
    BIO_free(bio);
    if (text != NULL)
        one_line(text);
    return ca_strings_take(&info->exts, text);
}

static ks_rc list_exts(X509 *cert, struct ca_cert_info *info)
{
    ks_rc rc = KS_OK;

    for (int i = 0; rc == KS_OK && i < X509_get_ext_count(cert); i++)
        rc = list_ext(X509_get_ext(cert, i), info);
    return rc;
}

static void describe_serial(X509 *cert, struct ca_cert_info *info)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    int len = ASN1_STRING_length(serial);

    ca_hex(ASN1_STRING_get0_data(serial),
           len > KS_SERIAL_MAX ? KS_SERIAL_MAX : (size_t)len, info->serial);
}

static void describe_key(X509 *cert, struct ca_cert_info *info)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);
    EVP_PKEY *pkey = X509_get0_pubkey(cert);
    int len = ski != NULL ? ASN1_STRING_length(ski) : 0;

    if (pkey != NULL)
        ca_key_type_text(pkey, info->key_type, sizeof(info->key_type));
    else
        (void)OPENSSL_strlcpy(info->key_type, "unknown",
                              sizeof(info->key_type));
    (void)OPENSSL_strlcpy(info->signature,
                          OBJ_nid2sn(X509_get_signature_nid(cert)),
                          sizeof(info->signature));
    if (len > 0 && len <= 64)
        ca_hex(ASN1_STRING_get0_data(ski), (size_t)len, info->ski);
}

static ks_rc describe_hashes(X509 *cert, const struct ks_buf *der,
                             struct ca_cert_info *info, struct ks_err *err)
{
    uint8_t hash[KS_HASH_LEN];
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    ks_rc rc = ca_sha256(der->data, der->len, hash, err);

    ca_hex(hash, sizeof(hash), info->sha256);
    if (rc == KS_OK)
        rc = len > 0 ? ca_sha256(spki, (size_t)len, hash, err) : ca_nomem(err);
    ca_hex(hash, sizeof(hash), info->key_sha256);
    OPENSSL_free(spki);
    return rc;
}

static ks_rc describe(X509 *cert, const struct ks_buf *der,
                      struct ca_cert_info *info, struct ks_err *err)
{
    struct ca_window window = {0};
    ks_rc rc = KS_OK;

    info->subject = ca_name_text(X509_get_subject_name(cert));
    info->issuer = ca_name_text(X509_get_issuer_name(cert));
    if (!ca_window_of(cert, &window))
        return ks_fail(err, KS_E_INVALID, "a certificate without validity");
    info->not_before = window.not_before;
    info->not_after = window.not_after;
    info->is_ca = X509_check_ca(cert) == 1;
    info->path_length = info->is_ca ? (int)X509_get_pathlen(cert) : -1;
    describe_serial(cert, info);
    describe_key(cert, info);
    if (info->subject == NULL || info->issuer == NULL ||
        list_names(cert, info) != KS_OK || list_exts(cert, info) != KS_OK)
        rc = ca_nomem(err);
    if (rc == KS_OK)
        rc = describe_hashes(cert, der, info, err);
    return rc;
}

ks_rc ca_cert_describe(const struct ks_buf *der, struct ca_cert_info *info,
                       struct ks_err *err)
{
    const unsigned char *p = der->data;
    X509 *cert = der->len == 0 ? NULL : d2i_X509(NULL, &p, (long)der->len);
    ks_rc rc;

    memset(info, 0, sizeof(*info));
    if (cert == NULL) {
        ERR_clear_error();
        return ks_fail(err, KS_E_INVALID, "not a certificate");
    }
    rc = describe(cert, der, info, err);
    X509_free(cert);
    ERR_clear_error(); /* of keys and extensions that it does not know */
    if (rc != KS_OK)
        ca_cert_info_clear(info);
    return rc;
}
