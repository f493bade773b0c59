/*
 * The certificate of a key. CKA_ID is what ties the two (PKCS#11 3.0, 4.5);
 * that it holds the key is looked at all the same, for a renewed key may lie
 * beside its old certificate.
 */
#include "cert.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "spki.h"

/* The best that was found so far. */
struct best {
    const struct ks_buf *spki;
    struct ks_buf cert;
    ASN1_TIME *from;
};

static ASN1_TIME *time_of(struct hsm_bytes der)
{
    const uint8_t *at = der.data;

    return d2i_ASN1_TIME(NULL, &at, (long)der.len);
}

/* Keeps DER in *best, if it is of the key and newer. Takes DER. */
static void consider(struct best *best, struct ks_buf *der)
{
    struct hsm_cert_view view;
    ASN1_TIME *from = NULL;

    if (hsm_cert_view((struct hsm_bytes){der->data, der->len}, &view) !=
            CKR_OK ||
        (best->spki->len > 0 &&
         (view.spki.len != best->spki->len ||
          memcmp(view.spki.data, best->spki->data, view.spki.len) != 0))) {
        ks_buf_clear(der);
        return;
    }
    ERR_set_mark();
    from = time_of(view.not_before);
    if (best->cert.len > 0 &&
        (from == NULL || ASN1_TIME_compare(from, best->from) <= 0)) {
        ASN1_TIME_free(from);
        ks_buf_clear(der);
    } else {
        ASN1_TIME_free(best->from);
        ks_buf_clear(&best->cert);
        best->from = from;
        best->cert = *der; /* taken */
    }
    ERR_pop_to_mark();
}

static CK_RV look(const struct hsm_session *session,
                  const struct hsm_query *query, struct best *best)
{
    CK_OBJECT_HANDLE *handles = NULL;
    size_t n = 0;
    CK_RV rv = hsm_find_all(session, query, &handles, &n);

    for (size_t i = 0; rv == CKR_OK && i < n; i++) {
        struct ks_buf der = {0};

        rv = hsm_attribute(session, handles[i], CKA_VALUE, &der);
        if (rv == CKR_OK)
            consider(best, &der);
        else if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
            rv = CKR_OK; /* a certificate that is kept elsewhere (CKA_URL) */
    }
    OPENSSL_free(handles);
    return rv;
}

CK_RV hsm_cert_of(const struct hsm_session *session, const uint8_t *id,
                  size_t id_len, const struct ks_buf *spki, struct ks_buf *cert)
{
    const struct hsm_query any = {.has_class = true, .class = CKO_CERTIFICATE};
    struct hsm_query by_id = any;
    struct best best = {.spki = spki};
    CK_RV rv = CKR_OK;

    by_id.id = id;
    by_id.id_len = id_len;
    if (id_len > 0)
        rv = look(session, &by_id, &best);
    if (rv == CKR_OK && best.cert.len == 0 && spki->len > 0)
        rv = look(session, &any, &best);
    ASN1_TIME_free(best.from);
    if (rv == CKR_OK)
        *cert = best.cert; /* given to the caller */
    else
        ks_buf_clear(&best.cert);
    return rv;
}
