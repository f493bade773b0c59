/*
 * A URI-PEM's content, by libcrypto's own ASN.1 templates.
 */
#include "uripem.h"

#include <limits.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "ks_uri.h"

#define VERSION "PKCS#11 Provider URI v1.0"
#define VERSION_LEN (sizeof(VERSION) - 1)

struct uripem {
    ASN1_VISIBLESTRING *version;
    ASN1_UTF8STRING *uri;
};
typedef struct uripem URIPEM; /* the templates want a plain name */

ASN1_SEQUENCE(URIPEM) =
    {
        ASN1_SIMPLE(URIPEM, version, ASN1_VISIBLESTRING),
        ASN1_SIMPLE(URIPEM, uri, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(URIPEM)

        static void uripem_free(URIPEM * pem)
{
    ASN1_item_free((ASN1_VALUE *)pem, ASN1_ITEM_rptr(URIPEM));
}

ks_rc prov_uripem_make(const char *uri, struct ks_buf *der, struct ks_err *err)
{
    ks_rc rc = KS_E_NOMEM;
    unsigned char *out = NULL;
    size_t uri_len = strlen(uri);
    int len;
    URIPEM *pem = (URIPEM *)ASN1_item_new(ASN1_ITEM_rptr(URIPEM));

    if (pem == NULL || uri_len > KS_URI_MAX ||
        ASN1_STRING_set(pem->version, VERSION, (int)VERSION_LEN) <= 0 ||
        ASN1_STRING_set(pem->uri, uri, (int)uri_len) <= 0)
        goto out;
    len = ASN1_item_i2d((ASN1_VALUE *)pem, &out, ASN1_ITEM_rptr(URIPEM));
    if (len > 0)
        rc = ks_buf_set(der, out, (size_t)len);
out:
    if (rc != KS_OK)
        rc = ks_fail(err, rc, "cannot write a URI-PEM: out of memory");
    OPENSSL_free(out);
    uripem_free(pem);
    return rc;
}

/* The version and the URI within PEM. */
static ks_rc check(const URIPEM *pem, struct ks_err *err)
{
    const char *uri = (const char *)ASN1_STRING_get0_data(pem->uri);
    int len = ASN1_STRING_length(pem->uri);

    if (ASN1_STRING_length(pem->version) != (int)VERSION_LEN ||
        memcmp(ASN1_STRING_get0_data(pem->version), VERSION, VERSION_LEN) != 0)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "URI-PEM: not of the version \"%s\"", VERSION);
    if (len < 1 || len > KS_URI_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "URI-PEM: its URI has %d bytes, and may have 1 to %d",
                       len, KS_URI_MAX);
    if (memchr(uri, '\0', (size_t)len) != NULL)
        return ks_fail(err, KS_E_INVALID, "URI-PEM: its URI holds a NUL byte");
    return KS_OK;
}

ks_rc prov_uripem_parse(const uint8_t *der, size_t len, char **uri,
                        struct ks_err *err)
{
    ks_rc rc = KS_E_INVALID;
    const unsigned char *at = der;
    URIPEM *pem = NULL;

    *uri = NULL;
    if (der == NULL || len > LONG_MAX)
        return ks_fail(err, rc, "URI-PEM: no content");
    /* The text below says more than libcrypto's several errors. */
    ERR_set_mark();
    pem = (URIPEM *)ASN1_item_d2i(NULL, &at, (long)len, ASN1_ITEM_rptr(URIPEM));
    ERR_pop_to_mark();
    if (pem == NULL) {
        rc = ks_fail(err, rc, "URI-PEM: damaged, not a version and a URI");
        goto out;
    }
    if (at != der + len) {
        rc = ks_fail(err, rc, "URI-PEM: damaged, %zu bytes too many",
                     (size_t)(der + len - at));
        goto out;
    }
    rc = check(pem, err);
    if (rc != KS_OK)
        goto out;
    *uri = OPENSSL_strndup((const char *)ASN1_STRING_get0_data(pem->uri),
                           (size_t)ASN1_STRING_length(pem->uri));
    if (*uri == NULL)
        rc = ks_fail(err, KS_E_NOMEM, "out of memory");
out:
    uripem_free(pem);
    return rc;
}
