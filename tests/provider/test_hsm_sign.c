/*
 * Signatures of keys on a token: every kind, every way to ask for one, and
 * the AlgorithmIdentifier that each carries.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm.h"
#include "tls.h"

#define SIG_MAX 1024
#define TEXT_MAX 1024
#define GUARD_SECONDS 110

static const uint8_t message[] = "what is signed here";

/* One key on the token and its public half in software. */
struct pair {
    struct fixture f;
    EVP_PKEY *inside;
    EVP_PKEY *public;
};

static void key_uri(const char *kind, char *uri, size_t size)
{
    (void)snprintf(uri, size, "keystore://hsm/%s", kind);
}

static bool pair_make(struct pair *pair, const char *kind)
{
    char uri[128];

    key_uri(kind, uri, sizeof(uri));
    pair->inside = hsm_make(&pair->f, kind, uri, NULL);
    pair->public = hsm_public(&pair->f, uri);
    if (!CHECK(pair->inside != NULL && pair->public != NULL))
        ERR_print_errors_fp(stderr);
    return pair->inside != NULL && pair->public != NULL;
}

static bool pair_open(struct pair *pair, const char *kind)
{
    (void)alarm(GUARD_SECONDS);
    memset(pair, 0, sizeof(*pair));
    hsm_open(&pair->f);
    return pair_make(pair, kind);
}

static void pair_drop(struct pair *pair)
{
    EVP_PKEY_free(pair->inside);
    EVP_PKEY_free(pair->public);
    pair->inside = pair->public = NULL;
}

static void pair_close(struct pair *pair)
{
    pair_drop(pair);
    fixture_close(&pair->f);
    (void)alarm(0);
}

static bool verify(const struct pair *pair, const char *digest,
                   const OSSL_PARAM params[], const uint8_t *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit_ex(ctx, NULL, digest, pair->f.ctx, NULL,
                                      pair->public, params) == 1 &&
              EVP_DigestVerify(ctx, sig, len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static EVP_MD_CTX *sign_begin(const struct pair *pair, const char *digest,
                              const OSSL_PARAM params[])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (EVP_DigestSignInit_ex(ctx, NULL, digest, pair->f.ctx, NULL,
                              pair->inside, params) == 1)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

static bool sign_at_once(const struct pair *pair, const char *digest,
                         const OSSL_PARAM params[])
{
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = sign_begin(pair, digest, params);
    bool ok = ctx != NULL &&
              EVP_DigestSign(ctx, sig, &len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(ctx);
    return ok && verify(pair, digest, params, sig, len);
}

static bool sign_finish(EVP_MD_CTX *ctx, const struct pair *pair,
                        const char *digest, size_t from)
{
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig), i;

    for (i = from; i < sizeof(message); i++)
        if (EVP_DigestSignUpdate(ctx, message + i, 1) != 1)
            return false;
    return EVP_DigestSignFinal(ctx, sig, &len) == 1 &&
           verify(pair, digest, NULL, sig, len);
}

static void every_kind_signs_at_once_and_in_parts(void)
{
    struct pair p = {0};
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; hsm_kinds[i] != NULL; i++) {
        const char *digest = hsm_digest(hsm_kinds[i]);
        EVP_MD_CTX *ctx;

        if (!pair_make(&p, hsm_kinds[i])) {
            (void)fprintf(stderr, "kind %s\n", hsm_kinds[i]);
            continue;
        }
        CHECK_STR(fixture_provider_of(p.inside), "keystore");
        CHECK_STR(fixture_provider_of(p.public), "default");
        CHECK(sign_at_once(&p, digest, NULL));
        if (digest != NULL) {
            ctx = sign_begin(&p, digest, NULL);
            CHECK(ctx != NULL && sign_finish(ctx, &p, digest, 0));
            EVP_MD_CTX_free(ctx);
        }
        CHECK_INT(ERR_peek_error(), 0);
        pair_drop(&p);
    }
    pair_close(&p);
}

static void every_digest_signs_with_rsa_and_ec(void)
{
    static const char *const digests[] = {
        "SHA1",     "SHA224",   "SHA256",     "SHA384",   "SHA512",
        "SHA3-256", "SHA3-512", "SHA512-256", "SHA2-256", "sha256"};
    static const char *const kinds[] = {"RSA", "P-256", "P-521"};
    struct pair p = {0};
    size_t i, k;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (!pair_make(&p, kinds[k]))
            continue;
        for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
            if (!CHECK(sign_at_once(&p, digests[i], NULL))) {
                (void)fprintf(stderr, "%s %s\n", kinds[k], digests[i]);
                ERR_print_errors_fp(stderr);
            }
        pair_drop(&p);
    }
    pair_close(&p);
}

/* ---- PSS ---- */

static OSSL_PARAM *pss_params(OSSL_PARAM params[4], const char *salt,
                              const char *mgf1)
{
    size_t n = 0;

    params[n++] = OSSL_PARAM_construct_utf8_string(
        OSSL_SIGNATURE_PARAM_PAD_MODE, (char *)"pss", 0);
    params[n++] = OSSL_PARAM_construct_utf8_string(
        OSSL_SIGNATURE_PARAM_PSS_SALTLEN, (char *)salt, 0);
    if (mgf1 != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(
            OSSL_SIGNATURE_PARAM_MGF1_DIGEST, (char *)mgf1, 0);
    params[n] = OSSL_PARAM_construct_end();
    return params;
}

static void pss_takes_every_salt_and_digest(void)
{
    static const char *const salts[] = {"digest", "auto", "max", "0", "20"};
    static const char *const digests[] = {"SHA1", "SHA224", "SHA256", "SHA384",
                                          "SHA512"};
    OSSL_PARAM params[4];
    struct pair p;
    size_t i, k;

    if (pair_open(&p, "RSA"))
        for (k = 0; k < sizeof(digests) / sizeof(digests[0]); k++)
            for (i = 0; i < sizeof(salts) / sizeof(salts[0]); i++)
                if (!CHECK(sign_at_once(&p, digests[k],
                                        pss_params(params, salts[i], NULL)))) {
                    (void)fprintf(stderr, "%s %s\n", digests[k], salts[i]);
                    ERR_print_errors_fp(stderr);
                }
    pair_close(&p);
}

/* SoftHSM wants one digest for both; a token that takes two signs. Either way
 * nothing else than what was asked for comes out. */
static void pss_with_another_mgf1_digest_is_right_or_refused(void)
{
    OSSL_PARAM params[4];
    char text[TEXT_MAX];
    struct pair p;

    if (pair_open(&p, "RSA") &&
        !sign_at_once(&p, "SHA256", pss_params(params, "digest", "SHA1"))) {
        CHECK(fixture_raised(text, sizeof(text)) != KS_OK);
        CHECK_CONTAINS(text, "keystore://hsm/RSA");
    }
    pair_close(&p);
}

static void salt_that_does_not_fit_is_refused_before_the_token_sees_it(void)
{
    OSSL_PARAM params[4];
    char text[TEXT_MAX];
    struct pair p;

    if (pair_open(&p, "RSA")) {
        CHECK(!sign_at_once(&p, "SHA512", pss_params(params, "200", NULL)));
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
        CHECK(sign_at_once(&p, "SHA512", NULL));
    }
    pair_close(&p);
}

/* ---- AlgorithmIdentifier ---- */

static X509 *certificate(EVP_PKEY *subject, EVP_PKEY *signer,
                         const char *digest, const char *salt,
                         const struct fixture *f)
{
    X509 *cert = X509_new_ex(f->ctx, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    OSSL_PARAM params[4];
    X509_NAME *name = X509_get_subject_name(cert);
    bool ok;

    (void)X509_set_version(cert, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                     (const unsigned char *)"x", -1, -1, 0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, subject);
    ok = EVP_DigestSignInit_ex(ctx, NULL, digest, f->ctx, NULL, signer,
                               salt != NULL ? pss_params(params, salt, NULL)
                                            : NULL) == 1 &&
         X509_sign_ctx(cert, ctx) > 0;
    EVP_MD_CTX_free(ctx);
    if (ok)
        return cert;
    ERR_print_errors_fp(stderr);
    X509_free(cert);
    return NULL;
}

/* The same as libcrypto writes for a key of the same kind in software. */
static void compare_algorithm(const struct pair *p, const char *kind,
                              const char *digest, const char *salt)
{
    EVP_PKEY *soft = hsm_make_soft(&p->f, kind);
    X509 *ours = certificate(p->public, p->inside, digest, salt, &p->f);
    X509 *theirs = certificate(soft, soft, digest, salt, &p->f);
    const X509_ALGOR *a = NULL, *b = NULL;

    if (CHECK(ours != NULL && theirs != NULL)) {
        X509_get0_signature(NULL, &a, ours);
        X509_get0_signature(NULL, &b, theirs);
        CHECK_INT(X509_ALGOR_cmp(a, b), 0);
        CHECK_INT(X509_ALGOR_cmp(X509_get0_tbs_sigalg(ours), b), 0);
        CHECK_INT(X509_verify(ours, p->public), 1);
        CHECK_INT(X509_verify(ours, p->inside), 1);
    }
    X509_free(ours);
    X509_free(theirs);
    EVP_PKEY_free(soft);
}

static void algorithm_identifier_is_that_of_a_key_in_software(void)
{
    static const char *const digests[] = {"SHA224", "SHA256", "SHA384",
                                          "SHA512"};
    struct pair p = {0};
    size_t i, k;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; hsm_kinds[i] != NULL; i++) {
        if (!pair_make(&p, hsm_kinds[i]))
            continue;
        if (hsm_digest(hsm_kinds[i]) == NULL)
            compare_algorithm(&p, hsm_kinds[i], NULL, NULL);
        else
            for (k = 0; k < sizeof(digests) / sizeof(digests[0]); k++)
                compare_algorithm(&p, hsm_kinds[i], digests[k], NULL);
        if (strcmp(hsm_kinds[i], "RSA") == 0) {
            compare_algorithm(&p, "RSA", "SHA256", "digest");
            compare_algorithm(&p, "RSA", "SHA384", "max");
            compare_algorithm(&p, "RSA", "SHA512", "20");
        }
        pair_drop(&p);
    }
    pair_close(&p);
}

static bool cms_round(const struct pair *p, const char *kind, X509 *cert)
{
    BIO *data = BIO_new_mem_buf(message, sizeof(message));
    EVP_MD *md = EVP_MD_fetch(p->f.ctx,
                              strcmp(kind, "ED448") == 0    ? "SHAKE256"
                              : strncmp(kind, "ED", 2) == 0 ? "SHA512"
                                                            : hsm_digest(kind),
                              NULL);
    CMS_ContentInfo *cms = CMS_sign_ex(
        NULL, NULL, NULL, data, CMS_PARTIAL | CMS_BINARY, p->f.ctx, NULL);
    CMS_SignerInfo *si = NULL;
    const X509_ALGOR *alg = NULL;
    bool ok;

    if (cms != NULL)
        si = CMS_add1_signer(cms, cert, p->inside, md, CMS_BINARY);
    ok = si != NULL && CMS_final(cms, data, NULL, CMS_BINARY) == 1;
    if (ok) {
        CMS_SignerInfo_get0_algs(si, NULL, NULL, NULL, (X509_ALGOR **)&alg);
        ok = alg != NULL && CMS_verify(cms, NULL, NULL, NULL, NULL,
                                       CMS_NO_SIGNER_CERT_VERIFY) == 1;
    }
    EVP_MD_free(md);
    CMS_ContentInfo_free(cms);
    BIO_free(data);
    return ok;
}

static void cms_signed_data_verifies(void)
{
    static const char *const kinds[] = {"RSA", "P-256", "P-384",
                                        "brainpoolP256r1"};
    struct pair p = {0};
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        X509 *cert;

        if (!pair_make(&p, kinds[i]))
            continue;
        cert =
            certificate(p.public, p.inside, hsm_digest(kinds[i]), NULL, &p.f);
        CHECK_INT(X509_check_private_key(cert, p.inside), 1);
        if (!CHECK(cert != NULL && cms_round(&p, kinds[i], cert)))
            ERR_print_errors_fp(stderr);
        X509_free(cert);
        pair_drop(&p);
    }
    pair_close(&p);
}

/* ---- contexts ---- */

static void contexts_of_one_key_do_not_meet(void)
{
    struct pair p;
    EVP_MD_CTX *a, *b, *c;

    if (pair_open(&p, "P-256")) {
        a = sign_begin(&p, "SHA256", NULL);
        b = sign_begin(&p, "SHA512", NULL);
        REQUIRE(a != NULL && b != NULL);
        CHECK_INT(EVP_DigestSignUpdate(a, message, 3), 1);
        CHECK_INT(EVP_DigestSignUpdate(b, message, 5), 1);
        c = sign_begin(&p, "SHA384", NULL);
        CHECK(sign_finish(b, &p, "SHA512", 5));
        CHECK(sign_finish(c, &p, "SHA384", 0));
        CHECK(sign_finish(a, &p, "SHA256", 3));
        EVP_MD_CTX_free(a);
        EVP_MD_CTX_free(b);
        EVP_MD_CTX_free(c);
    }
    pair_close(&p);
}

static void context_is_copied_at_every_stage(void)
{
    struct pair p;
    EVP_MD_CTX *ctx, *copy;
    size_t at;

    if (!pair_open(&p, "RSA")) {
        pair_close(&p);
        return;
    }
    for (at = 0; at <= sizeof(message); at += 5) {
        ctx = sign_begin(&p, "SHA256", NULL);
        copy = EVP_MD_CTX_new();
        CHECK_INT(EVP_DigestSignUpdate(ctx, message, at), 1);
        CHECK_INT(EVP_MD_CTX_copy_ex(copy, ctx), 1);
        if (at % 2 == 0)
            CHECK(sign_finish(ctx, &p, "SHA256", at));
        EVP_MD_CTX_free(ctx); /* the copy stands by itself */
        CHECK(sign_finish(copy, &p, "SHA256", at));
        EVP_MD_CTX_free(copy);
    }
    pair_close(&p);
}

static bool sign_digest(EVP_PKEY_CTX *ctx, const struct pair *p,
                        const char *digest)
{
    uint8_t hash[EVP_MAX_MD_SIZE], sig[SIG_MAX];
    unsigned hash_len = 0;
    size_t len = sizeof(sig);
    EVP_MD *md = EVP_MD_fetch(p->f.ctx, digest, NULL);
    bool ok =
        EVP_Digest(message, sizeof(message), hash, &hash_len, md, NULL) == 1 &&
        EVP_PKEY_sign(ctx, sig, &len, hash, hash_len) == 1;

    EVP_MD_free(md);
    return ok && verify(p, digest, NULL, sig, len);
}

static EVP_PKEY_CTX *plain_begin(const struct pair *p, const char *digest)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(p->f.ctx, p->inside, NULL);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(
                               OSSL_SIGNATURE_PARAM_DIGEST, (char *)digest, 0),
                           OSSL_PARAM_construct_end()};

    CHECK_INT(EVP_PKEY_sign_init(ctx), 1);
    CHECK_INT(EVP_PKEY_CTX_set_params(ctx, params), 1);
    return ctx;
}

static void pkey_context_is_duplicated_and_used_again(void)
{
    static const char *const kinds[] = {"RSA", "P-384"};
    struct pair p = {0};
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY_CTX *ctx, *dup;

        if (!pair_make(&p, kinds[i]))
            continue;
        ctx = plain_begin(&p, "SHA256");
        dup = EVP_PKEY_CTX_dup(ctx);
        REQUIRE(dup != NULL);
        CHECK(sign_digest(ctx, &p, "SHA256"));
        CHECK(sign_digest(ctx, &p, "SHA256"));
        EVP_PKEY_CTX_free(ctx);
        CHECK(sign_digest(dup, &p, "SHA256"));
        ctx = EVP_PKEY_CTX_dup(dup); /* after a signature */
        EVP_PKEY_CTX_free(dup);
        CHECK(sign_digest(ctx, &p, "SHA256"));
        /* a change is heard after a signature, too */
        CHECK_INT(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha512()), 1);
        CHECK(sign_digest(ctx, &p, "SHA512"));
        CHECK(!sign_digest(ctx, &p, "SHA256"));
        ERR_clear_error();
        CHECK(sign_digest(ctx, &p, "SHA512"));
        EVP_PKEY_CTX_free(ctx);
        pair_drop(&p);
    }
    pair_close(&p);
}

static void failed_signature_leaves_key_and_context_usable(void)
{
    struct pair p;
    uint8_t sig[SIG_MAX];
    size_t len;
    char text[TEXT_MAX];
    EVP_PKEY_CTX *ctx;

    if (pair_open(&p, "P-256")) {
        ctx = plain_begin(&p, "SHA256");
        len = sizeof(sig);
        CHECK(EVP_PKEY_sign(ctx, sig, &len, message, 5) != 1);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
        CHECK_CONTAINS(text, "keystore://hsm/P-256");
        len = 8; /* too little room */
        CHECK(EVP_PKEY_sign(ctx, sig, &len, message, 32) != 1);
        ERR_clear_error();
        CHECK(sign_digest(ctx, &p, "SHA256"));
        CHECK_INT(EVP_PKEY_sign_init(ctx), 1);
        CHECK(sign_digest(ctx, &p, "SHA256"));
        CHECK_INT(EVP_PKEY_verify_init(ctx), 1);
        CHECK(EVP_PKEY_sign(ctx, sig, &len, message, 32) != 1);
        ERR_clear_error();
        EVP_PKEY_CTX_free(ctx);
    }
    pair_close(&p);
}

static void rsa_without_a_digest_pads_what_it_is_given(void)
{
    struct pair p;
    uint8_t sig[SIG_MAX], back[SIG_MAX];
    size_t len = sizeof(sig), back_len = sizeof(back);
    EVP_PKEY_CTX *ctx, *check;

    if (pair_open(&p, "RSA")) {
        ctx = EVP_PKEY_CTX_new_from_pkey(p.f.ctx, p.inside, NULL);
        check = EVP_PKEY_CTX_new_from_pkey(p.f.ctx, p.public, NULL);
        CHECK_INT(EVP_PKEY_sign_init(ctx), 1);
        CHECK_INT(EVP_PKEY_sign(ctx, sig, &len, message, 9), 1);
        CHECK_INT(EVP_PKEY_verify_recover_init(check), 1);
        CHECK_INT(EVP_PKEY_verify_recover(check, back, &back_len, sig, len), 1);
        CHECK_BYTES(back, back_len, message, 9);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_CTX_free(check);
    }
    pair_close(&p);
}

/* ---- the key itself ---- */

static void key_is_equal_to_its_public_half_and_its_duplicate(void)
{
    struct pair p = {0};
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; hsm_kinds[i] != NULL; i++) {
        EVP_PKEY *dup, *other = hsm_make_soft(&p.f, hsm_kinds[i]);
        OSSL_PARAM *parts = NULL;
        char text[TEXT_MAX];

        if (!pair_make(&p, hsm_kinds[i]))
            continue;
        CHECK_INT(EVP_PKEY_eq(p.inside, p.public), 1);
        CHECK_INT(EVP_PKEY_eq(p.public, p.inside), 1);
        CHECK_INT(EVP_PKEY_eq(p.inside, other), 0);
        CHECK_INT(EVP_PKEY_eq(other, p.inside), 0);
        dup = EVP_PKEY_dup(p.inside);
        CHECK(dup != NULL);
        CHECK_INT(EVP_PKEY_eq(dup, p.inside), 1);
        EVP_PKEY_free(p.inside); /* the duplicate stands by itself */
        p.inside = dup;
        CHECK(sign_at_once(&p, hsm_digest(hsm_kinds[i]), NULL));
        CHECK_INT(ERR_peek_error(), 0);
        CHECK_INT(EVP_PKEY_todata(dup, EVP_PKEY_KEYPAIR, &parts), 0);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_EXPORTABLE);
        CHECK_INT(EVP_PKEY_todata(dup, EVP_PKEY_PUBLIC_KEY, &parts), 1);
        OSSL_PARAM_free(parts);
        EVP_PKEY_free(other);
        pair_drop(&p);
    }
    pair_close(&p);
}

static void key_in_tls_serves_both_versions(void)
{
    static const char *const kinds[] = {"RSA", "P-256", "P-384", "ED25519",
                                        "ED448"};
    struct pair p = {0};
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        X509 *cert;

        if (!pair_make(&p, kinds[i]))
            continue;
        cert = tls_certificate(p.f.ctx, p.inside);
        if (!CHECK(
                cert != NULL &&
                tls_handshake(p.f.ctx, p.inside, cert, TLS1_2_VERSION, NULL) &&
                tls_handshake(p.f.ctx, p.inside, cert, TLS1_3_VERSION, NULL)))
            ERR_print_errors_fp(stderr);
        X509_free(cert);
        pair_drop(&p);
    }
    pair_close(&p);
}

static void key_outlives_everything_it_came_from(void)
{
    struct pair p;
    EVP_MD_CTX *ctx;

    if (pair_open(&p, "P-256")) {
        ctx = sign_begin(&p, "SHA256", NULL);
        EVP_PKEY_free(p.inside); /* the context holds it */
        p.inside = NULL;
        CHECK(sign_finish(ctx, &p, "SHA256", 0));
        EVP_MD_CTX_free(ctx);
    }
    pair_close(&p);
}

static const struct test_case cases[] = {
    TEST_CASE(every_kind_signs_at_once_and_in_parts),
    TEST_CASE(every_digest_signs_with_rsa_and_ec),
    TEST_CASE(pss_takes_every_salt_and_digest),
    TEST_CASE(pss_with_another_mgf1_digest_is_right_or_refused),
    TEST_CASE(salt_that_does_not_fit_is_refused_before_the_token_sees_it),
    TEST_CASE(algorithm_identifier_is_that_of_a_key_in_software),
    TEST_CASE(cms_signed_data_verifies),
    TEST_CASE(contexts_of_one_key_do_not_meet),
    TEST_CASE(context_is_copied_at_every_stage),
    TEST_CASE(pkey_context_is_duplicated_and_used_again),
    TEST_CASE(failed_signature_leaves_key_and_context_usable),
    TEST_CASE(rsa_without_a_digest_pads_what_it_is_given),
    TEST_CASE(key_is_equal_to_its_public_half_and_its_duplicate),
    TEST_CASE(key_in_tls_serves_both_versions),
    TEST_CASE(key_outlives_everything_it_came_from),
};
TEST_MAIN("provider.hsm_sign", cases)
