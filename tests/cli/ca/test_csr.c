/*
 * Requests: only good ones get in.
 */
#include "fixture.h"

#include <string.h>
#include <sys/stat.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "strength.h"
#include "tmpdir.h"

static ks_rc parse(const void *data, size_t len, struct ks_err *err)
{
    struct ca_env env = {0};
    struct ca_csr *csr = NULL;
    ks_rc rc;

    memset(err, 0, sizeof(*err));
    rc = ca_csr_parse(&env, "t.csr", data, len, &csr, err);
    CHECK((rc == KS_OK) == (csr != NULL));
    if (rc != KS_OK)
        CHECK_CONTAINS(err->text, "t.csr");
    ca_csr_free(csr);
    return rc;
}

static unsigned char *der_of(X509_REQ *req, size_t *len)
{
    unsigned char *der = NULL;

    *len = (size_t)i2d_X509_REQ(req, &der);
    return der;
}

static char *pem_of(X509_REQ *req, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL, *copy;

    CHECK(PEM_write_bio_X509_REQ(bio, req) == 1);
    *len = (size_t)BIO_get_mem_data(bio, &data);
    copy = OPENSSL_zalloc(*len + 100);
    memcpy(copy, data, *len);
    BIO_free(bio);
    return copy;
}

static void der_and_pem_are_read_with_text_before(void)
{
    X509_REQ *req = fixture_req(NULL, "CN=x", NULL);
    struct ks_err err;
    size_t len = 0;
    unsigned char *der = der_of(req, &len);
    char *pem, text[4096] = "Certificate Request:\n  some text\n";

    CHECK_OK(parse(der, len, &err), &err);
    OPENSSL_free(der);
    pem = pem_of(req, &len);
    CHECK_OK(parse(pem, len, &err), &err);
    (void)strcat(text, pem);
    CHECK_OK(parse(text, strlen(text), &err), &err);
    (void)strcat(text, "\r\n \n");
    CHECK_OK(parse(text, strlen(text), &err), &err);
    OPENSSL_free(pem);
    X509_REQ_free(req);
}

static void trailing_data_is_refused(void)
{
    X509_REQ *req = fixture_req(NULL, "CN=x", NULL);
    struct ks_err err;
    size_t len = 0;
    unsigned char *der = der_of(req, &len), more[2048] = {0};
    char *pem;

    memcpy(more, der, len);
    CHECK_RC(parse(more, len + 1, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "trailing");
    OPENSSL_free(der);
    pem = pem_of(req, &len);
    (void)strcat(pem, "more");
    CHECK_RC(parse(pem, len + 4, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "trailing");
    OPENSSL_free(pem);
    X509_REQ_free(req);
}

static void what_is_no_request_is_refused(void)
{
    static const char other[] = "-----BEGIN CERTIFICATE-----\nMAA=\n"
                                "-----END CERTIFICATE-----\n";
    static char large[CA_CSR_MAX + 1];
    struct ks_err err;

    CHECK_RC(parse("", 0, &err), KS_E_INVALID);
    CHECK_RC(parse("hello", 5, &err), KS_E_INVALID);
    CHECK_RC(parse("\x30\x84\xff\xff\xff\xff", 6, &err), KS_E_INVALID);
    CHECK_RC(parse("\x30\x80\x00\x00", 4, &err), KS_E_INVALID);
    CHECK_RC(parse("-----BEGIN ", 11, &err), KS_E_INVALID);
    CHECK_RC(parse(other, strlen(other), &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "CERTIFICATE");
    CHECK_RC(parse(large, sizeof(large), &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "over");
}

static void every_truncation_and_bit_flip_is_refused(void)
{
    X509_REQ *req = fixture_req(NULL, "CN=x", NULL);
    struct ks_err err;
    size_t len = 0;
    unsigned char *der = der_of(req, &len);

    for (size_t i = 0; i < len; i++)
        CHECK(parse(der, i, &err) != KS_OK);
    for (size_t i = 0; i < len; i++) {
        der[i] ^= 0x10;
        CHECK(parse(der, len, &err) != KS_OK);
        der[i] ^= 0x10;
    }
    OPENSSL_free(der);
    X509_REQ_free(req);
}

static ks_rc parse_key(EVP_PKEY *key, struct ks_err *err)
{
    X509_REQ *req = fixture_req(key, "CN=x", NULL);
    size_t len = 0;
    unsigned char *der = der_of(req, &len);
    ks_rc rc = parse(der, len, err);

    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    return rc;
}

static void keys_of_good_types_are_taken(void)
{
    struct ks_err err;

    CHECK_OK(parse_key(EVP_RSA_gen(2048), &err), &err);
    CHECK_OK(parse_key(EVP_EC_gen("P-384"), &err), &err);
    CHECK_OK(parse_key(EVP_EC_gen("P-521"), &err), &err);
    CHECK_OK(parse_key(EVP_EC_gen("secp256k1"), &err), &err);
    CHECK_OK(parse_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &err), &err);
    CHECK_OK(parse_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), &err), &err);
}

static ks_rc parse_req(X509_REQ *req, struct ks_err *err)
{
    size_t len = 0;
    unsigned char *der = der_of(req, &len);
    ks_rc rc = parse(der, len, err);

    OPENSSL_free(der);
    X509_REQ_free(req);
    return rc;
}

/* The same key in another guise has another hash. */
static void keys_in_unusual_encodings_are_refused(void)
{
    struct ks_err err;
    EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
    X509_REQ *req = fixture_req(rsa, "CN=x", NULL);
    X509_PUBKEY *spki = X509_REQ_get_X509_PUBKEY(req);
    const unsigned char *bits = NULL;
    int len = 0;

    CHECK(EVP_PKEY_set_utf8_string_param(
              ec, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed") ==
          1);
    CHECK_RC(parse_key(ec, &err), KS_E_POLICY);
    CHECK_CONTAINS(err.text, "encoding");
    CHECK(X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, spki) == 1);
    CHECK(X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_rsaEncryption),
                                 V_ASN1_UNDEF, NULL,
                                 OPENSSL_memdup(bits, (size_t)len), len) == 1);
    CHECK(X509_REQ_sign(req, rsa, EVP_sha256()) > 0);
    CHECK_RC(parse_req(req, &err), KS_E_POLICY);
    CHECK_CONTAINS(err.text, "encoding");
    EVP_PKEY_free(rsa);
}

static ks_rc parse_pss(EVP_PKEY *rsa, const EVP_MD *md, struct ks_err *err)
{
    X509_REQ *req = fixture_req(rsa, "CN=x", NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;

    CHECK(EVP_DigestSignInit(ctx, &pctx, md, NULL, rsa) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1);
    CHECK(X509_REQ_sign_ctx(req, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    return parse_req(req, err);
}

static void a_pss_signature_by_a_broken_digest_is_refused(void)
{
    struct ks_err err;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);

    CHECK_OK(parse_pss(rsa, EVP_sha256(), &err), &err);
    CHECK_RC(parse_pss(rsa, EVP_sha1(), &err), KS_E_POLICY);
    CHECK_CONTAINS(err.text, "SHA1");
    EVP_PKEY_free(rsa);
}

static void weak_keys_are_refused(void)
{
    struct ks_err err;

    CHECK_RC(parse_key(EVP_RSA_gen(1024), &err), KS_E_POLICY);
    CHECK_CONTAINS(err.text, "1024");
    CHECK_RC(parse_key(EVP_EC_gen("secp224r1"), &err), KS_E_POLICY);
    CHECK_CONTAINS(err.text, "secp224r1");
}

/* A public RSA key of N and E, good or not. */
static EVP_PKEY *rsa_public(const BIGNUM *n, unsigned long e)
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *exponent = BN_new();
    OSSL_PARAM *params;
    EVP_PKEY *pkey = NULL;

    CHECK(BN_set_word(exponent, e) == 1);
    (void)OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
    (void)OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent);
    params = OSSL_PARAM_BLD_to_param(bld);
    CHECK(EVP_PKEY_fromdata_init(ctx) == 1);
    CHECK(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    BN_free(exponent);
    return pkey;
}

static BIGNUM *product(const BIGNUM *p, const BIGNUM *q)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new();

    CHECK(BN_mul(n, p, q, ctx) == 1);
    BN_CTX_free(ctx);
    return n;
}

static void exponents_and_moduli_are_looked_at(void)
{
    static const struct {
        unsigned long e;
        ks_rc rc;
    } exponents[] = {{65537, KS_OK},       {3, KS_E_POLICY},  {1, KS_E_POLICY},
                     {65536, KS_E_POLICY}, {17, KS_E_POLICY}, {65539, KS_OK}};
    BIGNUM *p = BN_new(), *q = BN_new(), *n;
    struct ks_err err = {0};

    CHECK(BN_generate_prime_ex(p, 1024, 0, NULL, NULL, NULL) == 1);
    CHECK(BN_generate_prime_ex(q, 1024, 0, NULL, NULL, NULL) == 1);
    n = product(p, q);
    CHECK_INT(BN_num_bits(n), 2048);
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
        EVP_PKEY *pkey = rsa_public(n, exponents[i].e);

        memset(&err, 0, sizeof(err));
        CHECK_RC(ca_key_strength(pkey, &err), exponents[i].rc);
        EVP_PKEY_free(pkey);
    }
    CHECK(ca_rsa_weakness(n) == NULL);
    BN_free(n);

    /* the next prime but a few: found by Fermat's method */
    CHECK(BN_copy(q, p) != NULL);
    do {
        CHECK(BN_add_word(q, 2) == 1);
    } while (BN_check_prime(q, NULL, NULL) != 1);
    n = product(p, q);
    CHECK_CONTAINS(ca_rsa_weakness(n), "close");
    BN_free(n);
    n = product(p, p);
    CHECK_CONTAINS(ca_rsa_weakness(n), "close");
    CHECK(BN_mul_word(n, 751) == 1);
    CHECK_CONTAINS(ca_rsa_weakness(n), "small factor");
    BN_free(n);
    BN_free(p);
    BN_free(q);
}

/* A ROCA modulus: powers of 65537 modulo the product of small primes. */
static void a_roca_modulus_is_recognised(void)
{
    BIGNUM *m = BN_new(), *n = BN_new(), *base = BN_new(), *e = BN_new();
    BN_CTX *ctx = BN_CTX_new();

    CHECK(BN_one(m) == 1);
    for (unsigned p = 2; p < 168; p++) {
        unsigned d = 2;

        while (p % d != 0)
            d++;
        if (d == p)
            CHECK(BN_mul_word(m, p) == 1);
    }
    CHECK(BN_set_word(base, 65537) == 1);
    CHECK(BN_set_word(e, 123456789) == 1);
    CHECK(BN_mod_exp(n, base, e, m, ctx) == 1);
    CHECK(BN_lshift(e, BN_value_one(), 2047) == 1);
    CHECK(BN_div(e, NULL, e, m, ctx) == 1);
    for (int i = 0; i < 5000; i++) { /* one without factors below 752 */
        BIGNUM *t = product(e, m);

        CHECK(BN_add(t, t, n) == 1);
        if (ca_rsa_weakness(t) != NULL &&
            strstr(ca_rsa_weakness(t), "ROCA") != NULL) {
            BN_free(t);
            goto found;
        }
        BN_free(t);
        CHECK(BN_add_word(e, 1) == 1);
    }
    CHECK(0);
found:
    BN_free(m);
    BN_free(n);
    BN_free(base);
    BN_free(e);
    BN_CTX_free(ctx);
}

static void broken_digests_are_refused(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509_REQ *req = fixture_req(key, "CN=x", NULL);
    struct ks_err err;
    size_t len = 0;
    unsigned char *der;

    CHECK(X509_REQ_sign(req, key, EVP_sha1()) > 0);
    der = der_of(req, &len);
    CHECK_RC(parse(der, len, &err), KS_E_POLICY);
    CHECK_CONTAINS(err.text, "SHA1");
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

static void files_that_are_none_are_refused(void)
{
    struct ca_env env = {0};
    struct ca_csr *csr = NULL;
    struct ks_err err = {0};

    CHECK_RC(ca_csr_read(&env, test_path("absent.csr"), &csr, &err),
             KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "absent.csr");
    memset(&err, 0, sizeof(err));
    CHECK_INT(mkfifo(test_path("fifo"), 0600), 0);
    CHECK_RC(ca_csr_read(&env, test_path("fifo"), &csr, &err), KS_E_INVALID);
    CHECK_RC(ca_csr_read(&env, test_dir(), &csr, &err), KS_E_INVALID);
    CHECK(csr == NULL);
    ca_csr_free(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(der_and_pem_are_read_with_text_before),
    TEST_CASE(trailing_data_is_refused),
    TEST_CASE(what_is_no_request_is_refused),
    TEST_CASE(every_truncation_and_bit_flip_is_refused),
    TEST_CASE(keys_of_good_types_are_taken),
    TEST_CASE(weak_keys_are_refused),
    TEST_CASE(keys_in_unusual_encodings_are_refused),
    TEST_CASE(a_pss_signature_by_a_broken_digest_is_refused),
    TEST_CASE(exponents_and_moduli_are_looked_at),
    TEST_CASE(a_roca_modulus_is_recognised),
    TEST_CASE(broken_digests_are_refused),
    TEST_CASE(files_that_are_none_are_refused),
};
TEST_MAIN("ca.csr", cases)
