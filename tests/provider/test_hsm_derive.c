/*
 * Shared secrets of keys on a token.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "hsm.h"
#include "tls.h"

#define SECRET_MAX 256
#define TEXT_MAX 1024
#define GUARD_SECONDS 110
#define URI "keystore://hsm/agree"

struct trio {
    struct fixture f;
    EVP_PKEY *inside;
    EVP_PKEY *public;
    EVP_PKEY *peer; /* in software */
};

static bool trio_make(struct trio *t, const char *kind, const char *usage)
{
    t->inside = hsm_make(&t->f, kind, URI, usage);
    t->public = hsm_public(&t->f, URI);
    t->peer = hsm_make_soft(&t->f, kind);
    if (!CHECK(t->inside != NULL && t->public != NULL && t->peer != NULL)) {
        (void)fprintf(stderr, "%s\n", kind);
        ERR_print_errors_fp(stderr);
    }
    return t->inside != NULL && t->public != NULL && t->peer != NULL;
}

static void trio_drop(struct trio *t)
{
    EVP_PKEY_free(t->inside);
    EVP_PKEY_free(t->public);
    EVP_PKEY_free(t->peer);
    t->inside = t->public = t->peer = NULL;
    (void)fixture_delete(&t->f, URI);
    ERR_clear_error();
}

static void trio_open(struct trio *t)
{
    (void)alarm(GUARD_SECONDS);
    memset(t, 0, sizeof(*t));
    hsm_open(&t->f);
}

static void trio_close(struct trio *t)
{
    trio_drop(t);
    fixture_close(&t->f);
    (void)alarm(0);
}

static EVP_PKEY_CTX *begin(const struct trio *t, EVP_PKEY *private,
                           EVP_PKEY *peer, const OSSL_PARAM params[])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(t->f.ctx, private, NULL);

    if (EVP_PKEY_derive_init_ex(ctx, params) == 1 &&
        EVP_PKEY_derive_set_peer(ctx, peer) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static size_t agree(const struct trio *t, EVP_PKEY *private, EVP_PKEY *peer,
                    const OSSL_PARAM params[], uint8_t out[SECRET_MAX])
{
    EVP_PKEY_CTX *ctx = begin(t, private, peer, params);
    size_t len = 0, most = 0;

    if (ctx != NULL && EVP_PKEY_derive(ctx, NULL, &most) == 1 &&
        CHECK(most <= SECRET_MAX)) {
        len = most;
        if (EVP_PKEY_derive(ctx, out, &len) != 1)
            len = 0;
    }
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static void check_agreed(const struct trio *t, const OSSL_PARAM params[])
{
    uint8_t a[SECRET_MAX], b[SECRET_MAX];
    size_t a_len = agree(t, t->inside, t->peer, params, a);
    size_t b_len = agree(t, t->peer, t->public, params, b);

    CHECK(a_len > 0);
    CHECK_BYTES(a, a_len, b, b_len);
}

static void every_curve_agrees_with_software(void)
{
    static const char *const kinds[] = {
        "P-256",           "P-384",           "P-521", "secp256k1",
        "brainpoolP256r1", "brainpoolP384r1", NULL};
    struct trio t;
    size_t i;

    trio_open(&t);
    for (i = 0; kinds[i] != NULL; i++) {
        if (trio_make(&t, kinds[i], "derive")) {
            check_agreed(&t, NULL);
            CHECK_INT(ERR_peek_error(), 0);
        }
        trio_drop(&t);
    }
    trio_close(&t);
}

static void montgomery_keys_agree_with_software(void)
{
    static const char *const kinds[] = {"X25519", "X448"};
    struct trio t;
    size_t i;

    trio_open(&t);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (trio_make(&t, kinds[i], NULL)) {
            check_agreed(&t, NULL);
            CHECK_INT(ERR_peek_error(), 0);
        }
        trio_drop(&t);
    }
    trio_close(&t);
}

static void x963_kdf_is_applied_to_the_secret(void)
{
    size_t want = 48;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE,
                                         (char *)"X963KDF", 0),
        OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST,
                                         (char *)"SHA256", 0),
        OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &want),
        OSSL_PARAM_construct_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM,
                                          (void *)"user keying", 11),
        OSSL_PARAM_construct_end()};
    struct trio t;

    trio_open(&t);
    if (trio_make(&t, "P-256", "derive"))
        check_agreed(&t, params);
    trio_close(&t);
}

static void context_is_duplicated_at_every_stage(void)
{
    uint8_t a[SECRET_MAX], b[SECRET_MAX];
    size_t a_len = sizeof(a), b_len;
    EVP_PKEY_CTX *ctx, *dup;
    struct trio t;

    trio_open(&t);
    if (trio_make(&t, "P-384", "derive")) {
        b_len = agree(&t, t.peer, t.public, NULL, b);
        ctx = begin(&t, t.inside, t.peer, NULL);
        REQUIRE(ctx != NULL);
        dup = EVP_PKEY_CTX_dup(ctx);
        EVP_PKEY_CTX_free(ctx);
        REQUIRE(dup != NULL);
        CHECK_INT(EVP_PKEY_derive(dup, a, &a_len), 1);
        CHECK_BYTES(a, a_len, b, b_len);
        ctx = EVP_PKEY_CTX_dup(dup);
        EVP_PKEY_CTX_free(dup);
        a_len = sizeof(a);
        CHECK_INT(EVP_PKEY_derive(ctx, a, &a_len), 1);
        CHECK_BYTES(a, a_len, b, b_len);
        EVP_PKEY_CTX_free(ctx);
    }
    trio_close(&t);
}

static void peer_on_another_curve_is_refused(void)
{
    struct trio t;
    EVP_PKEY *other;

    trio_open(&t);
    if (trio_make(&t, "P-256", "derive")) {
        other = hsm_make_soft(&t.f, "P-384");
        CHECK(begin(&t, t.inside, other, NULL) == NULL);
        EVP_PKEY_free(other);
        ERR_clear_error();
        check_agreed(&t, NULL);
    }
    trio_close(&t);
}

static void key_for_signing_does_not_agree(void)
{
    uint8_t out[SECRET_MAX];
    char text[TEXT_MAX];
    struct trio t;

    trio_open(&t);
    if (trio_make(&t, "P-256", NULL)) {
        CHECK_INT(agree(&t, t.inside, t.peer, NULL, out), 0);
        CHECK(fixture_raised(text, sizeof(text)) != KS_OK);
        CHECK_CONTAINS(text, URI);
        CHECK(fixture_use(&t.f, t.inside, t.public));
    }
    trio_close(&t);
}

static void key_for_both_uses_signs_and_agrees(void)
{
    struct trio t;

    trio_open(&t);
    if (trio_make(&t, "P-256", "derive,sign")) {
        check_agreed(&t, NULL);
        CHECK(fixture_use(&t.f, t.inside, t.public));
    }
    trio_close(&t);
}

static void cms_for_an_ec_recipient_is_opened(void)
{
    static const uint8_t secret[] = "for one pair of eyes";
    BIO *in = BIO_new_mem_buf(secret, sizeof(secret));
    BIO *out = BIO_new(BIO_s_mem());
    char opened[64] = "";
    CMS_ContentInfo *cms;
    struct trio t;
    X509 *cert;

    trio_open(&t);
    if (trio_make(&t, "P-256", "sign,derive")) {
        cert = tls_certificate(t.f.ctx, t.inside);
        cms = CMS_EnvelopedData_create_ex(EVP_aes_256_cbc(), t.f.ctx, NULL);
        CHECK(cms != NULL && CMS_add1_recipient_cert(cms, cert, 0) != NULL);
        CHECK_INT(CMS_set_detached(cms, 0), 1);
        CHECK_INT(CMS_final(cms, in, NULL, CMS_BINARY), 1);
        if (!CHECK(CMS_decrypt(cms, t.inside, cert, NULL, out, 0) == 1))
            ERR_print_errors_fp(stderr);
        CHECK_INT(BIO_read(out, opened, sizeof(opened)), sizeof(secret));
        CHECK_STR(opened, (const char *)secret);
        CMS_ContentInfo_free(cms);
        X509_free(cert);
    }
    BIO_free(in);
    BIO_free(out);
    trio_close(&t);
}

static const struct test_case cases[] = {
    TEST_CASE(every_curve_agrees_with_software),
    TEST_CASE(montgomery_keys_agree_with_software),
    TEST_CASE(x963_kdf_is_applied_to_the_secret),
    TEST_CASE(context_is_duplicated_at_every_stage),
    TEST_CASE(peer_on_another_curve_is_refused),
    TEST_CASE(key_for_signing_does_not_agree),
    TEST_CASE(key_for_both_uses_signs_and_agrees),
    TEST_CASE(cms_for_an_ec_recipient_is_opened),
};
TEST_MAIN("provider.hsm_derive", cases)
