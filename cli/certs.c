/*
 * Certificates that come with a key.
 */
#include "certs.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "file.h"
#include "out.h"
#include "when.h"

static ks_rc push(STACK_OF(X509) * certs, X509 *cert, const char *path,
                  struct ks_err *err)
{
    if (sk_X509_push(certs, cert) > 0)
        return KS_OK;
    X509_free(cert);
    return ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
}

static ks_rc read_pem(const struct ks_buf *content, const char *path,
                      STACK_OF(X509) * certs, struct ks_err *err)
{
    BIO *bio = BIO_new_mem_buf(content->data, (int)content->len);
    X509 *cert = NULL;
    ks_rc rc = KS_OK;
    unsigned long last;

    ERR_clear_error();
    while (rc == KS_OK && bio != NULL &&
           (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        rc = push(certs, cert, path, err);
    last = ERR_peek_last_error();
    ERR_clear_error();
    BIO_free(bio);
    /* What ends the file is no error, a broken certificate is. */
    if (rc == KS_OK && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        rc = ks_fail(err, KS_E_INVALID, "%s: certificate %d is damaged", path,
                     sk_X509_num(certs) + 1);
    return rc;
}

static ks_rc read_der(const struct ks_buf *content, const char *path,
                      STACK_OF(X509) * certs, struct ks_err *err)
{
    const unsigned char *at = content->data;
    X509 *cert = d2i_X509(NULL, &at, (long)content->len);

    ERR_clear_error();
    if (cert != NULL && at == content->data + content->len)
        return push(certs, cert, path, err);
    X509_free(cert);
    ks_hint(err, "PEM of one or more certificates, or DER of one, is "
                 "understood");
    return ks_fail(err, KS_E_INVALID, "%s: no certificate in it", path);
}

ks_rc certs_read(const char *option, const char *path, STACK_OF(X509) * *out,
                 struct ks_err *err)
{
    struct ks_buf content = {0};
    STACK_OF(X509) *certs = sk_X509_new_null();
    ks_rc rc = certs != NULL ? cli_file_read(option, path, &content, err)
                             : ks_fail(err, KS_E_NOMEM, "out of memory");

    if (rc == KS_OK)
        rc = read_pem(&content, path, certs, err);
    if (rc == KS_OK && sk_X509_num(certs) == 0)
        rc = read_der(&content, path, certs, err);
    cli_file_wipe(&content); /* people keep the key there as well */
    if (rc == KS_OK)
        *out = certs;
    else
        sk_X509_pop_free(certs, X509_free);
    return rc;
}

static ks_rc describe(X509 *cert, json_t **out, struct ks_err *err)
{
    struct ca_cert_info info = {0};
    struct ks_buf der = {0};
    unsigned char *data = NULL;
    int len = i2d_X509(cert, &data);
    ks_rc rc = KS_E_NOMEM;

    if (len > 0) {
        der = (struct ks_buf){data, (size_t)len};
        rc = ca_cert_describe(&der, &info, err);
    }
    if (rc == KS_OK)
        *out = json_pack(
            "{s:o, s:o, s:s, s:o, s:s}", "subject", cli_json_text(info.subject),
            "issuer", cli_json_text(info.issuer), "serial", info.serial,
            "not_after", cli_json_time(info.not_after), "sha256", info.sha256);
    ca_cert_info_clear(&info);
    ks_buf_clear(&der);
    if (rc == KS_OK && *out == NULL)
        rc = KS_E_NOMEM;
    return rc == KS_OK ? rc
                       : ks_fail(err, rc, "certificate: %s", ks_rc_text(rc));
}

ks_rc certs_json(const STACK_OF(X509) * certs, json_t **out, struct ks_err *err)
{
    json_t *list = json_array();
    ks_rc rc = list != NULL ? KS_OK : ks_fail(err, KS_E_NOMEM, "out of memory");

    for (int i = 0; rc == KS_OK && i < sk_X509_num(certs); i++) {
        json_t *one = NULL;

        rc = describe(sk_X509_value(certs, i), &one, err);
        if (rc == KS_OK && json_array_append_new(list, one) != 0)
            rc = ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    if (rc == KS_OK)
        *out = list;
    else
        json_decref(list);
    return rc;
}
