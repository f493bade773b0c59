/*
 * RSA-PSS keys on a token: they sign with PSS and do nothing else, whoever
 * loads them, and a certificate says so.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm.h"

#define SIG_MAX 512
#define TEXT_MAX 1024
#define GUARD_SECONDS 110
#define URI "keystore://hsm/pss"

static const uint8_t message[] = "what is signed here";

struct pair {
    struct fixture f;
    EVP_PKEY *inside; /* loaded anew, after it was made */
    EVP_PKEY *public;
};

static bool pair_open(struct pair *p)
{
    (void)alarm(GUARD_SECONDS);
    memset(p, 0, sizeof(*p));
    hsm_open(&p->f);
    EVP_PKEY_free(hsm_make(&p->f, "RSA-PSS", URI, NULL));
    p->inside = fixture_load(&p->f, URI, NULL, NULL);
    p->public = hsm_public(&p->f, URI);
    if (!CHECK(p->inside != NULL && p->public != NULL))
        ERR_print_errors_fp(stderr);
    return p->inside != NULL && p->public != NULL;
}

static void pair_close(struct pair *p)
{
    EVP_PKEY_free(p->inside);
    EVP_PKEY_free(p->public);
    fixture_close(&p->f);
    (void)alarm(0);
}

static void loaded_key_is_of_its_type(void)
{
    struct pair p;

    if (pair_open(&p)) {
        CHECK_STR(EVP_PKEY_get0_type_name(p.inside), "RSA-PSS");
        CHECK_STR(fixture_provider_of(p.inside), "keystore");
        CHECK_STR(EVP_PKEY_get0_type_name(p.public), "RSA-PSS");
        CHECK_INT(EVP_PKEY_eq(p.inside, p.public), 1);
        CHECK(fixture_use(&p.f, p.inside, p.public));
        CHECK_INT(ERR_peek_error(), 0);
    }
    pair_close(&p);
}

static bool sign(const struct pair *p, const char *digest,
                 const OSSL_PARAM params[])
{
    EVP_MD_CTX *signer = EVP_MD_CTX_new(), *verifier = EVP_MD_CTX_new();
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);
    bool ok =
        EVP_DigestSignInit_ex(signer, NULL, digest, p->f.ctx, NULL, p->inside,
                              params) == 1 &&
        EVP_DigestSign(signer, sig, &len, message, sizeof(message)) == 1 &&
        EVP_DigestVerifyInit_ex(verifier, NULL, digest, p->f.ctx, NULL,
                                p->public, params) == 1 &&
        EVP_DigestVerify(verifier, sig, len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(signer);
    EVP_MD_CTX_free(verifier);
    return ok;
}

static void every_digest_and_salt_signs(void)
{
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    static const char *const salts[] = {"digest", "max", "0", "20"};
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};
    struct pair p;
    size_t i, k;

    if (pair_open(&p))
        for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
            for (k = 0; k < sizeof(salts) / sizeof(salts[0]); k++) {
                params[0] = OSSL_PARAM_construct_utf8_string(
                    OSSL_SIGNATURE_PARAM_PSS_SALTLEN, (char *)salts[k], 0);
                if (!CHECK(sign(&p, digests[i], params)))
                    ERR_print_errors_fp(stderr);
            }
    pair_close(&p);
}

static void other_paddings_are_refused(void)
{
    static const int pads[] = {RSA_PKCS1_PADDING, RSA_NO_PADDING,
                               RSA_X931_PADDING};
    struct pair p;
    size_t i;

    if (pair_open(&p))
        for (i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
            EVP_PKEY_CTX *ctx =
                EVP_PKEY_CTX_new_from_pkey(p.f.ctx, p.inside, NULL);

            CHECK_INT(EVP_PKEY_sign_init(ctx), 1);
            CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, pads[i]) <= 0);
            CHECK(ERR_peek_error() != 0);
            ERR_clear_error();
            EVP_PKEY_CTX_free(ctx);
        }
    pair_close(&p);
}

static void key_does_not_decrypt(void)
{
    struct pair p;
    EVP_PKEY_CTX *ctx;

    if (pair_open(&p)) {
        ctx = EVP_PKEY_CTX_new_from_pkey(p.f.ctx, p.inside, NULL);
        CHECK(EVP_PKEY_decrypt_init(ctx) <= 0);
        EVP_PKEY_CTX_free(ctx);
        CHECK(hsm_make(&p.f, "RSA-PSS", "keystore://hsm/b", "decrypt") == NULL);
        CHECK(ERR_peek_error() != 0);
        ERR_clear_error();
        CHECK_INT(hsm_count(&p.f, "keystore://hsm/"), 1);
    }
    pair_close(&p);
}

/* A token has no attribute for them; so none is made that would lose them. */
static void restrictions_are_refused_when_a_key_is_made(void)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)URI, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST,
                                         (char *)"SHA256", 0),
        OSSL_PARAM_construct_end()};
    char text[TEXT_MAX];
    struct fixture f;
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *pkey = NULL;

    hsm_open(&f);
    ctx = EVP_PKEY_CTX_new_from_name(f.ctx, "RSA-PSS", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_keygen_init(ctx), 1);
    CHECK_INT(EVP_PKEY_CTX_set_params(ctx, params), 1);
    CHECK(EVP_PKEY_generate(ctx, &pkey) != 1 && pkey == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(text, OSSL_PKEY_PARAM_RSA_DIGEST);
    CHECK_INT(hsm_count(&f, "keystore://hsm/"), 0);
    EVP_PKEY_CTX_free(ctx);
    fixture_close(&f);
}

static X509 *make_cert(const struct pair *p)
{
    X509 *cert = X509_new_ex(p->f.ctx, NULL);
    X509_NAME *name = X509_get_subject_name(cert);

    (void)X509_set_version(cert, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                     (const unsigned char *)"x", -1, -1, 0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, p->public);
    return cert;
}

static void certificate_says_pss_and_verifies(void)
{
    EVP_MD *md = NULL;
    struct pair p;
    X509 *cert;
    const X509_ALGOR *alg = NULL;
    int md_nid = NID_undef, key_nid = NID_undef;
    uint32_t flags = 0;

    if (pair_open(&p)) {
        cert = make_cert(&p);
        md = EVP_MD_fetch(p.f.ctx, "SHA256", NULL);
        if (!CHECK(X509_sign(cert, p.inside, md) > 0))
            ERR_print_errors_fp(stderr);
        X509_get0_signature(NULL, &alg, cert);
        CHECK_INT(OBJ_obj2nid(alg->algorithm), NID_rsassaPss);
        CHECK_INT(
            X509_get_signature_info(cert, &md_nid, &key_nid, NULL, &flags), 1);
        CHECK_INT(md_nid, NID_sha256);
        CHECK_INT(X509_verify(cert, p.public), 1);
        CHECK_INT(X509_verify(cert, p.inside), 1);
        CHECK_INT(X509_check_private_key(cert, p.inside), 1);
        CHECK_INT(ERR_peek_error(), 0);
        EVP_MD_free(md);
        X509_free(cert);
    }
    pair_close(&p);
}

static const struct test_case cases[] = {
    TEST_CASE(loaded_key_is_of_its_type),
    TEST_CASE(every_digest_and_salt_signs),
    TEST_CASE(other_paddings_are_refused),
    TEST_CASE(key_does_not_decrypt),
    TEST_CASE(restrictions_are_refused_when_a_key_is_made),
    TEST_CASE(certificate_says_pss_and_verifies),
};
TEST_MAIN("provider.hsm_pss", cases)
