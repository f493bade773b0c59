/*
 * Certificates for output: PEM, DER or text, with their chains.
 */
#include "authority.h"
#include "texts.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static ks_rc print_one(BIO *bio, X509 *cert, enum ca_format format,
                       struct ks_err *err)
{
    int ok = format == CA_PEM ? PEM_write_bio_X509(bio, cert)
                              : X509_print_ex(bio, cert, XN_FLAG_ONELINE, 0);

    return ok == 1 ? KS_OK : ks_fail(err, KS_E_NOMEM, "cannot print");
}

/* The issuers, without the root, which the other side has or never will. */
static ks_rc print_chain(const struct ca_env *env, BIO *bio, int64_t ca,
                         enum ca_format format, struct ks_err *err)
{
    STACK_OF(X509) *chain = NULL;
    struct ks_ca_row row = {0};
    ks_rc rc = ks_ca_get(env->inv, ca, &row, err);

    if (rc == KS_OK)
        rc = ca_chain_load(env, &row, true, &chain, err);
    for (int i = 0; rc == KS_OK && i < sk_X509_num(chain) - 1; i++)
        rc = print_one(bio, sk_X509_value(chain, i), format, err);
    sk_X509_pop_free(chain, X509_free);
    ks_ca_row_clear(&row);
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
    const unsigned char *p = der->data;
    X509 *cert = NULL;
    BIO *bio = NULL;
    ks_rc rc;

    memset(out, 0, sizeof(*out));
    if (format == CA_DER)
        return ks_buf_set(out, der->data, der->len);
    cert = der->len == 0 ? NULL : d2i_X509(NULL, &p, (long)der->len);
    bio = BIO_new(BIO_s_mem());
    if (bio == NULL || cert == NULL)
        rc = ks_fail(err, KS_E_INVALID, "not a certificate");
    else
        rc = print_one(bio, cert, format, err);
    if (rc == KS_OK && chain && ca != 0)
        rc = print_chain(env, bio, ca, format, err);
    if (rc == KS_OK)
        rc = take_bio(bio, out, err);
    BIO_free(bio);
    X509_free(cert);
    ERR_clear_error();
    return rc;
}
