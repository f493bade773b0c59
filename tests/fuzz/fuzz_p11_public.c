/*
 * What a token says of a public key: curve, point, modulus, certificate. The
 * first byte chooses what is read, the second the length of the first part.
 * What is accepted must be a SubjectPublicKeyInfo, and the same key when its
 * own parts are read again.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "spki.h"

static void no_error_is_left(void)
{
    if (ERR_peek_error() != 0)
        abort();
}

/* SPKI is one, and libcrypto can take it apart. */
static void check(const struct ks_buf *spki)
{
    const uint8_t *at = spki->data;
    struct ks_buf copy = {0};
    X509_PUBKEY *pub;

    if (spki->len == 0 ||
        hsm_spki_copy((struct hsm_bytes){spki->data, spki->len}, &copy) !=
            CKR_OK)
        abort();
    pub = d2i_X509_PUBKEY(NULL, &at, (long)spki->len);
    if (pub == NULL || at != spki->data + spki->len)
        abort();
    X509_PUBKEY_free(pub);
    ks_buf_clear(&copy);
}

/* The point as it came out is read as the same one. */
static void check_point(CK_KEY_TYPE type, struct hsm_bytes params,
                        const struct ks_buf *spki)
{
    const uint8_t *at = spki->data, *point = NULL;
    X509_PUBKEY *pub = d2i_X509_PUBKEY(NULL, &at, (long)spki->len);
    struct ks_buf again = {0};
    int len = 0;

    if (X509_PUBKEY_get0_param(NULL, &point, &len, NULL, pub) != 1 ||
        hsm_spki_ec(type, params, (struct hsm_bytes){point, (size_t)len},
                    &again) != CKR_OK ||
        again.len != spki->len ||
        memcmp(again.data, spki->data, spki->len) != 0)
        abort();
    ks_buf_clear(&again);
    X509_PUBKEY_free(pub);
}

static void read_ec(CK_KEY_TYPE type, struct hsm_bytes params,
                    struct hsm_bytes point)
{
    struct ks_buf spki = {0};
    CK_RV rv = hsm_spki_ec(type, params, point, &spki);

    no_error_is_left();
    if (rv == CKR_OK) {
        check(&spki);
        check_point(type, params, &spki);
    } else if (spki.data != NULL) {
        abort();
    }
    ks_buf_clear(&spki);
}

static void read_rsa(struct hsm_bytes n, struct hsm_bytes e, bool pss)
{
    struct ks_buf spki = {0};
    CK_RV rv = hsm_spki_rsa(n, e, pss, &spki);

    no_error_is_left();
    if (rv == CKR_OK)
        check(&spki);
    else if (spki.data != NULL)
        abort();
    ks_buf_clear(&spki);
}

static void read_cert(struct hsm_bytes der)
{
    struct hsm_cert_view view = {.spki = {0}};
    struct ks_buf spki = {0};
    CK_RV rv = hsm_cert_view(der, &view);

    no_error_is_left();
    if (rv != CKR_OK)
        return;
    if (view.spki.data < der.data ||
        view.spki.data + view.spki.len > der.data + der.len ||
        view.not_before.data < der.data ||
        view.not_before.data + view.not_before.len > der.data + der.len ||
        hsm_spki_copy(view.spki, &spki) != CKR_OK)
        abort();
    ks_buf_clear(&spki);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const CK_KEY_TYPE types[] = {CKK_EC, CKK_EC_EDWARDS,
                                        CKK_EC_MONTGOMERY};
    struct hsm_bytes first, second;
    size_t cut;

    if (size < 2)
        return 0;
    cut = data[1] <= size - 2 ? data[1] : size - 2;
    first = (struct hsm_bytes){data + 2, cut};
    second = (struct hsm_bytes){data + 2 + cut, size - 2 - cut};
    if (data[0] < 3)
        read_ec(types[data[0]], first, second);
    else if (data[0] < 5)
        read_rsa(first, second, data[0] == 4);
    else
        read_cert((struct hsm_bytes){data + 2, size - 2});
    ERR_clear_error(); /* libcrypto's, in the checks */
    return 0;
}
