/*
 * Public keys from the bytes that tokens give, in every form that was seen.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "curve.h"
#include "keys.h"
#include "spki.h"
#include "test.h"

/* A key, its SPKI, and its parts as a token would tell them. */
struct sample {
    struct test_key key;
    uint8_t point[256], oid[32], name[32], wrapped[260], bits[261];
    size_t point_len, oid_len, name_len, wrapped_len, bits_len;
    CK_KEY_TYPE type;
};

static const struct {
    const char *kind, *name, *oid;
    CK_KEY_TYPE type;
} kinds[] = {
    {"P-256", "secp256r1", "1.2.840.10045.3.1.7", CKK_EC},
    {"P-384", "P-384", "1.3.132.0.34", CKK_EC},
    {"P-521", "secp521r1", "1.3.132.0.35", CKK_EC},
    {"ED25519", "edwards25519", "1.3.101.112", CKK_EC_EDWARDS},
    {"ED448", "edwards448", "1.3.101.113", CKK_EC_EDWARDS},
    {"X25519", "curve25519", "1.3.101.110", CKK_EC_MONTGOMERY},
    {"X448", "curve448", "1.3.101.111", CKK_EC_MONTGOMERY},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* TAG, a length, PREFIX bytes of zero and DATA. */
static size_t wrap(int tag, size_t prefix, const uint8_t *data, size_t len,
                   uint8_t *out)
{
    size_t used = 0;

    out[used++] = (uint8_t)tag;
    if (len + prefix > 127)
        out[used++] = 0x81;
    out[used++] = (uint8_t)(len + prefix);
    memset(out + used, 0, prefix);
    memcpy(out + used + prefix, data, len);
    return used + prefix + len;
}

static void sample_make(size_t kind, struct sample *s)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(kinds[kind].oid, 1);
    X509_PUBKEY *pub = NULL;
    const uint8_t *at, *bits = NULL;
    uint8_t *end = s->oid;
    int len = 0;

    test_key_make(kinds[kind].kind, &s->key);
    s->type = kinds[kind].type;
    at = s->key.spki.data;
    pub = d2i_X509_PUBKEY(NULL, &at, (long)s->key.spki.len);
    CHECK(X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, pub) == 1);
    memcpy(s->point, bits, (size_t)len);
    s->point_len = (size_t)len;
    s->oid_len = (size_t)i2d_ASN1_OBJECT(oid, &end);
    s->name_len =
        wrap(V_ASN1_PRINTABLESTRING, 0, (const uint8_t *)kinds[kind].name,
             strlen(kinds[kind].name), s->name);
    s->wrapped_len =
        wrap(V_ASN1_OCTET_STRING, 0, s->point, s->point_len, s->wrapped);
    s->bits_len = wrap(V_ASN1_BIT_STRING, 1, s->point, s->point_len, s->bits);
    X509_PUBKEY_free(pub);
    ASN1_OBJECT_free(oid);
}

static CK_RV read(const struct sample *s, const uint8_t *params,
                  size_t params_len, const uint8_t *point, size_t point_len,
                  struct ks_buf *spki)
{
    return hsm_spki_ec(s->type, (struct hsm_bytes){params, params_len},
                       (struct hsm_bytes){point, point_len}, spki);
}

static void check_reads(const struct sample *s, const uint8_t *params,
                        size_t params_len, const uint8_t *point,
                        size_t point_len)
{
    struct ks_buf spki = {0};

    CHECK_INT(read(s, params, params_len, point, point_len, &spki), CKR_OK);
    CHECK_BYTES(spki.data, spki.len, s->key.spki.data, s->key.spki.len);
    ks_buf_clear(&spki);
}

static void points_and_curves_come_in_every_form(void)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        struct sample s;

        sample_make(i, &s);
        check_reads(&s, s.oid, s.oid_len, s.point, s.point_len);
        check_reads(&s, s.oid, s.oid_len, s.wrapped, s.wrapped_len);
        check_reads(&s, s.oid, s.oid_len, s.bits, s.bits_len);
        check_reads(&s, s.name, s.name_len, s.point, s.point_len);
        check_reads(&s, s.name, s.name_len, s.wrapped, s.wrapped_len);
        if (s.type != CKK_EC) /* by its length alone */
            check_reads(&s, NULL, 0, s.wrapped, s.wrapped_len);
        test_key_clear(&s.key);
    }
}

static void a_compressed_point_comes_out_whole(void)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
    EC_POINT *point = EC_POINT_new(group);
    uint8_t *small = NULL, wrapped[64];
    struct sample s;
    size_t len;

    sample_make(1, &s);
    CHECK(EC_POINT_oct2point(group, point, s.point, s.point_len, NULL) == 1);
    len = EC_POINT_point2buf(group, point, POINT_CONVERSION_COMPRESSED, &small,
                             NULL);
    CHECK_INT(len, 49);
    check_reads(&s, s.oid, s.oid_len, small, len);
    len = wrap(V_ASN1_OCTET_STRING, 0, small, len, wrapped);
    check_reads(&s, s.oid, s.oid_len, wrapped, len);
    OPENSSL_free(small);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    test_key_clear(&s.key);
}

static void written_out_parameters_of_a_known_curve_are_that_curve(void)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    uint8_t *der = NULL;
    struct sample s;
    int len;

    EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
    len = i2d_ECPKParameters(group, &der);
    REQUIRE(len > 0 && der[0] == 0x30);
    sample_make(0, &s);
    check_reads(&s, der, (size_t)len, s.point, s.point_len);
    OPENSSL_free(der);
    EC_GROUP_free(group);
    test_key_clear(&s.key);
}

static void points_that_are_none_are_refused(void)
{
    struct ks_buf spki = {0};
    struct sample s;

    sample_make(0, &s);
    for (size_t len = 0; len < s.wrapped_len; len++)
        CHECK_INT(read(&s, s.oid, s.oid_len, s.wrapped, len, &spki),
                  CKR_ATTRIBUTE_VALUE_INVALID);
    s.point[s.point_len - 1] ^= 1; /* off the curve */
    CHECK_INT(read(&s, s.oid, s.oid_len, s.point, s.point_len, &spki),
              CKR_ATTRIBUTE_VALUE_INVALID);
    memset(s.point, 0, s.point_len);
    CHECK_INT(read(&s, s.oid, s.oid_len, s.point, s.point_len, &spki),
              CKR_ATTRIBUTE_VALUE_INVALID);
    CHECK_INT(read(&s, s.oid, s.oid_len, s.point, 1, &spki),
              CKR_ATTRIBUTE_VALUE_INVALID); /* the point at infinity */
    CHECK(spki.data == NULL);
    test_key_clear(&s.key);
}

static void curves_that_are_not_ours_are_refused(void)
{
    static const char *const oids[] = {
        "1.2.156.10197.1.301",  /* SM2 */
        "1.2.840.113549.1.1.1", /* no curve at all */
        "2.999.1",              /* nobody's */
    };
    static const uint8_t implicit[] = {5, 0}, sequence[] = {0x30, 0},
                         cut[] = {6, 8, 0x2a}, loose[] = {0x30, 0x80};
    struct ks_buf spki = {0};
    struct sample s;

    sample_make(0, &s);
    for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
        ASN1_OBJECT *oid = OBJ_txt2obj(oids[i], 1);
        uint8_t der[32], *end = der;
        int len = i2d_ASN1_OBJECT(oid, &end);

        CHECK_INT(read(&s, der, (size_t)len, s.point, s.point_len, &spki),
                  CKR_CURVE_NOT_SUPPORTED);
        ASN1_OBJECT_free(oid);
    }
    CHECK_INT(read(&s, implicit, 2, s.point, s.point_len, &spki),
              CKR_CURVE_NOT_SUPPORTED);
    CHECK_INT(read(&s, sequence, 2, s.point, s.point_len, &spki),
              CKR_CURVE_NOT_SUPPORTED);
    CHECK_INT(read(&s, cut, 3, s.point, s.point_len, &spki),
              CKR_CURVE_NOT_SUPPORTED);
    CHECK_INT(read(&s, loose, 2, s.point, s.point_len, &spki),
              CKR_CURVE_NOT_SUPPORTED);
    CHECK_INT(read(&s, NULL, 0, s.point, s.point_len, &spki),
              CKR_CURVE_NOT_SUPPORTED);
    s.type = CKK_EC_EDWARDS; /* and P-256: they contradict each other */
    CHECK_INT(read(&s, s.oid, s.oid_len, s.point, s.point_len, &spki),
              CKR_CURVE_NOT_SUPPORTED);
    test_key_clear(&s.key);
}

/* N and E of an RSA key, with zeros before them as some tokens give them. */
static void rsa_keys_are_told_from_pss_keys(void)
{
    static const char *const names[] = {"RSA", "RSA-PSS"};

    for (int pss = 0; pss < 2; pss++) {
        uint8_t n[300] = {0}, e[8] = {0};
        BIGNUM *bn_n = NULL, *bn_e = NULL;
        struct ks_buf spki = {0};
        struct test_key key;
        const uint8_t *at;
        EVP_PKEY *pkey;

        test_key_make(names[pss], &key);
        at = key.spki.data;
        pkey = d2i_PUBKEY(NULL, &at, (long)key.spki.len);
        CHECK(EVP_PKEY_get_bn_param(pkey, "n", &bn_n) == 1);
        CHECK(EVP_PKEY_get_bn_param(pkey, "e", &bn_e) == 1);
        CHECK(BN_bn2binpad(bn_n, n, sizeof(n)) > 0);
        CHECK(BN_bn2binpad(bn_e, e, sizeof(e)) > 0);
        CHECK_INT(hsm_spki_rsa((struct hsm_bytes){n, sizeof(n)},
                               (struct hsm_bytes){e, sizeof(e)}, pss == 1,
                               &spki),
                  CKR_OK);
        CHECK_BYTES(spki.data, spki.len, key.spki.data, key.spki.len);
        ks_buf_clear(&spki);
        CHECK_INT(hsm_spki_rsa((struct hsm_bytes){n, 0},
                               (struct hsm_bytes){e, sizeof(e)}, false, &spki),
                  CKR_ATTRIBUTE_VALUE_INVALID);
        CHECK_INT(hsm_spki_rsa((struct hsm_bytes){n, sizeof(n)},
                               (struct hsm_bytes){e, 3}, false, &spki),
                  CKR_ATTRIBUTE_VALUE_INVALID); /* zero */
        BN_free(bn_n);
        BN_free(bn_e);
        EVP_PKEY_free(pkey);
        test_key_clear(&key);
    }
}

static X509 *certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), 77) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(cert), 60) != NULL);
    CHECK(X509_set_pubkey(cert, key) == 1);
    CHECK(X509_sign(cert, key, NULL) > 0);
    return cert;
}

static void a_certificate_gives_its_key_and_its_beginning(void)
{
    struct hsm_cert_view view = {.spki = {0}};
    struct test_key key;
    const uint8_t *at;
    uint8_t *der = NULL;
    EVP_PKEY *pkey;
    X509 *cert;
    int len;

    test_key_make("ED25519", &key);
    at = key.pkcs8.data;
    pkey = d2i_AutoPrivateKey(NULL, &at, (long)key.pkcs8.len);
    cert = certificate(pkey);
    len = i2d_X509(cert, &der);
    REQUIRE(len > 0);
    CHECK_INT(hsm_cert_view((struct hsm_bytes){der, (size_t)len}, &view),
              CKR_OK);
    CHECK_BYTES(view.spki.data, view.spki.len, key.spki.data, key.spki.len);
    CHECK_INT(view.not_before.len, 15);
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        uint8_t *part = OPENSSL_memdup(der, cut == 0 ? 1 : cut);

        CHECK_INT(hsm_cert_view((struct hsm_bytes){part, cut}, &view),
                  CKR_ATTRIBUTE_VALUE_INVALID);
        OPENSSL_free(part);
    }
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(pkey);
    test_key_clear(&key);
}

static void public_key_info_is_looked_at(void)
{
    struct ks_buf spki = {0};
    struct test_key key;

    test_key_make("P-256", &key);
    CHECK_INT(
        hsm_spki_copy((struct hsm_bytes){key.spki.data, key.spki.len}, &spki),
        CKR_OK);
    CHECK_BYTES(spki.data, spki.len, key.spki.data, key.spki.len);
    ks_buf_clear(&spki);
    for (size_t cut = 0; cut < key.spki.len; cut++)
        CHECK_INT(hsm_spki_copy((struct hsm_bytes){key.spki.data, cut}, &spki),
                  CKR_ATTRIBUTE_VALUE_INVALID);
    CHECK(spki.data == NULL);
    test_key_clear(&key);
}

static const struct test_case cases[] = {
    TEST_CASE(points_and_curves_come_in_every_form),
    TEST_CASE(a_compressed_point_comes_out_whole),
    TEST_CASE(written_out_parameters_of_a_known_curve_are_that_curve),
    TEST_CASE(points_that_are_none_are_refused),
    TEST_CASE(curves_that_are_not_ours_are_refused),
    TEST_CASE(rsa_keys_are_told_from_pss_keys),
    TEST_CASE(a_certificate_gives_its_key_and_its_beginning),
    TEST_CASE(public_key_info_is_looked_at),
};
TEST_MAIN("hsm.spki", cases)
