/*
 * Certificates for output: PEM, DER or text, with their chains.
 */
#include "authority.h"
#include "texts.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define CHAIN_MAX 32 /* against a ring in a damaged inventory */

/* One SEQUENCE and nothing after it. That much is enough for PEM, where no
 * X509 is made of it: decoding costs more than all else here. */
static bool is_sequence(const struct ks_buf *der)
{
    const unsigned char *p = der->data;
    long len = 0;
    int tag = 0, class = 0;

    return der->len > 0 && der->len <= INT_MAX &&
           ASN1_get_object(&p, &len, &tag, &class, (long)der->len) ==
               V_ASN1_CONSTRUCTED &&
           tag == V_ASN1_SEQUENCE && class == V_ASN1_UNIVERSAL &&
           p + len == der->data + der->len;
}

static ks_rc print_pem(BIO *bio, const struct ks_buf *der, struct ks_err *err)
{
    if (!is_sequence(der))
        return ks_fail(err, KS_E_INVALID, "not a certificate");
    if (PEM_write_bio(bio, PEM_STRING_X509, "", der->data, (long)der->len) <= 0)
        return ca_nomem(err);
    return KS_OK;
}

static ks_rc print_text(BIO *bio, const struct ks_buf *der, struct ks_err *err)
{
    const unsigned char *p = der->data;
    X509 *cert = der->len == 0 ? NULL : d2i_X509(NULL, &p, (long)der->len);
    ks_rc rc = KS_OK;

    if (cert == NULL)
        rc = ks_fail(err, KS_E_INVALID, "not a certificate");
    else if (X509_print_ex(bio, cert, XN_FLAG_ONELINE, 0) != 1)
        rc = ks_fail(err, KS_E_NOMEM, "cannot print");
    X509_free(cert);
    return rc;
}

static ks_rc print_one(BIO *bio, const struct ks_buf *der,
                       enum ca_format format, struct ks_err *err)
{
    return format == CA_PEM ? print_pem(bio, der, err)
                            : print_text(bio, der, err);
}

/* The issuers, without the root, which the other side has or never will. */
static ks_rc print_chain(const struct ca_env *env, BIO *bio, int64_t ca,
                         enum ca_format format, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (int depth = 0; rc == KS_OK && ca != 0 && depth < CHAIN_MAX; depth++) {
        struct ks_ca_row row = {0};

        rc = ks_ca_get(env->inv, ca, &row, err);
        if (rc == KS_OK && row.parent != 0)
            rc = print_one(bio, &row.cert, format, err);
        ca = row.parent;
        ks_ca_row_clear(&row);
    }
    return rc;
}

static ks_rc take_bio(BIO *bio, struct ks_buf *out, struct ks_err *err)
{
    char *text = ca_bio_text(bio);

    if (text == NULL)
        return ca_nomem(err);
    out->data = (uint8_t *)text;
    out->len = strlen(text);
    return KS_OK;
}

ks_rc ca_cert_format(const struct ca_env *env, const struct ks_buf *der,
                     int64_t ca, bool chain, enum ca_format format,
                     struct ks_buf *out, struct ks_err *err)
{
    BIO *bio = NULL;
    ks_rc rc;

    memset(out, 0, sizeof(*out));
    if (format == CA_DER)
        return ks_buf_set(out, der->data, der->len);
    bio = BIO_new(BIO_s_mem());
    rc = bio == NULL ? ca_nomem(err) : print_one(bio, der, format, err);
    if (rc == KS_OK && chain)
        rc = print_chain(env, bio, ca, format, err);
    if (rc == KS_OK)
        rc = take_bio(bio, out, err);
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}
