/*
 * What is kept of a signature's beginning changes none that follows: other
 * digests, other parameters, threads, copies of the key.
 */
#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "fixture.h"

#define SIG_MAX 1024
#define THREADS 8
#define ROUNDS 100

static const unsigned char message[] = "what is signed";

struct way {
    const char *digest;
    int pad; /* 0: the default */
};

static int set_way(EVP_PKEY_CTX *pctx, const struct way *way)
{
    return way->pad == 0 || EVP_PKEY_CTX_set_rsa_padding(pctx, way->pad) > 0;
}

/* In DER; read through the context, as X509_sign(3) does. */
static size_t algorithm_id(EVP_PKEY_CTX *pctx, unsigned char *out)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, out, 128),
        OSSL_PARAM_END};

    return EVP_PKEY_CTX_get_params(pctx, params) > 0 ? params[0].return_size
                                                     : 0;
}

static int sign(const struct fixture *f, EVP_PKEY *pkey, const struct way *way,
                unsigned char *sig, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    int ok;

    *len = SIG_MAX;
    ok = EVP_DigestSignInit_ex(ctx, &pctx, way->digest, f->ctx, NULL, pkey,
                               NULL) > 0 &&
         set_way(pctx, way) &&
         EVP_DigestSign(ctx, sig, len, message, sizeof(message)) > 0;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static int verify(const struct fixture *f, EVP_PKEY *pkey,
                  const struct way *way, const unsigned char *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    int ok = EVP_DigestVerifyInit_ex(ctx, &pctx, way->digest, f->ctx, NULL,
                                     pkey, NULL) > 0 &&
             set_way(pctx, way) &&
             EVP_DigestVerify(ctx, sig, len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static int works(const struct fixture *f, EVP_PKEY *pkey, const struct way *way)
{
    unsigned char sig[SIG_MAX];
    size_t len;

    return sign(f, pkey, way, sig, &len) && verify(f, pkey, way, sig, len);
}

/* In every order: the first is kept, and all are made from their own. */
static void other_digests_and_padding_are_not_the_kept_ones(void)
{
    static const struct way ways[] = {
        {"SHA256", 0},
        {"SHA384", 0},
        {NULL, 0},
        {"SHA256", RSA_PKCS1_PSS_PADDING},
        {"SHA512", RSA_PKCS1_PSS_PADDING},
        {"sha256", 0},
    };
    const size_t n = sizeof(ways) / sizeof(ways[0]);
    unsigned char sig[SIG_MAX];
    struct fixture f;
    size_t first, i, len;

    fixture_open(&f);
    for (first = 0; first < n; first++) {
        char uri[] = "keystore://stay/0";
        EVP_PKEY *pkey;

        uri[sizeof(uri) - 2] = (char)('0' + first);
        pkey = fixture_make(&f, "RSA", uri, NULL);
        REQUIRE(pkey != NULL);
        for (i = 0; i < 3 * n; i++)
            CHECK(works(&f, pkey, &ways[(first + i) % n]));
        /* PSS was really set, and really not kept. */
        CHECK(sign(&f, pkey, &ways[3], sig, &len));
        CHECK(!verify(&f, pkey, &ways[0], sig, len));
        CHECK(sign(&f, pkey, &ways[0], sig, &len));
        CHECK(!verify(&f, pkey, &ways[3], sig, len));
        EVP_PKEY_free(pkey);
    }
    fixture_close(&f);
}

static void digest_that_cannot_be_fails_before_and_after(void)
{
    static const struct way good = {"SHA256", 0}, bad = {"no-such", 0};
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    REQUIRE(pkey != NULL);
    CHECK(!works(&f, pkey, &bad));
    CHECK(works(&f, pkey, &good));
    CHECK(!works(&f, pkey, &bad));
    CHECK(works(&f, pkey, &good));
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static void copy_of_the_key_outlives_it(void)
{
    static const struct way way = {"SHA256", 0};
    struct fixture f;
    EVP_PKEY *pkey, *copy;

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    REQUIRE(pkey != NULL);
    CHECK(works(&f, pkey, &way));
    copy = EVP_PKEY_dup(pkey);
    EVP_PKEY_free(pkey);
    CHECK(copy != NULL && works(&f, copy, &way) && works(&f, copy, &way));
    EVP_PKEY_free(copy);
    fixture_close(&f);
}

/* Also when the context that it was copied from is gone. */
static void algorithm_id_is_each_contexts_own(void)
{
    static const char *const digests[] = {"SHA256", "SHA384", "SHA256"};
    unsigned char first[128], later[128];
    struct fixture f;
    EVP_PKEY *pkey;
    size_t i, first_len = 0, len;

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    REQUIRE(pkey != NULL);
    for (i = 0; i < 9; i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx = NULL;
        const bool gone = i % 2 == 0;

        CHECK(EVP_DigestSignInit_ex(ctx, &pctx, digests[i % 3], f.ctx, NULL,
                                    pkey, NULL) > 0);
        CHECK(EVP_MD_CTX_copy_ex(copy, ctx) > 0);
        EVP_MD_CTX_free(gone ? ctx : NULL);
        len = algorithm_id(gone ? EVP_MD_CTX_get_pkey_ctx(copy) : pctx, later);
        CHECK(len != 0);
        if (i == 0) {
            memcpy(first, later, len);
            first_len = len;
        }
        CHECK((len == first_len && memcmp(first, later, len) == 0) ==
              (i % 3 != 1));
        EVP_MD_CTX_free(gone ? NULL : ctx);
        EVP_MD_CTX_free(copy);
    }
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

/* Of keys that libcrypto signs with, and of those in the backend. In OpenSSL
 * 3.0 a copy of default's context points into the original. */
static void algorithm_id_of_a_copy_outlives_the_original(void)
{
    static const struct {
        const char *kind, *digest, *uri;
    } keys[] = {{"P-256", "SHA384", "keystore://default/a"},
                {"P-384", "SHA384", "keystore://stay/b"},
                {"ED25519", NULL, "keystore://stay/c"},
                {"ED448", NULL, "keystore://default/d"}};
    unsigned char first[128], later[128];
    struct fixture f;
    size_t i, n, first_len, len;

    fixture_open(&f);
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        EVP_PKEY *pkey = fixture_make(&f, keys[i].kind, keys[i].uri, NULL);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy;
        EVP_PKEY_CTX *pctx = NULL;

        CHECK_STR(fixture_provider_of(pkey), "keystore");
        CHECK(EVP_DigestSignInit_ex(ctx, &pctx, keys[i].digest, f.ctx, NULL,
                                    pkey, NULL) > 0);
        first_len = algorithm_id(pctx, first);
        CHECK(first_len > 2);
        for (n = 0; n < 3; n++) { /* the second is a copy of a copy */
            copy = EVP_MD_CTX_new();
            CHECK(EVP_MD_CTX_copy_ex(copy, ctx) > 0);
            EVP_MD_CTX_free(ctx);
            ctx = copy;
        }
        len = algorithm_id(EVP_MD_CTX_get_pkey_ctx(ctx), later);
        CHECK_BYTES(later, len, first, first_len);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(pkey);
    }
    fixture_close(&f);
}

struct job {
    const struct fixture *f;
    EVP_PKEY *pkey;
    pthread_t thread;
    int failed;
};

static void *sign_many(void *arg)
{
    static const struct way ways[] = {{"SHA256", 0}, {"SHA384", 0}};
    struct job *job = arg;
    int i;

    for (i = 0; i < ROUNDS; i++)
        job->failed += !works(job->f, job->pkey, &ways[i % 4 == 3]);
    return NULL;
}

static void threads_begin_with_the_same_at_once(void)
{
    struct job jobs[THREADS];
    struct fixture f;
    EVP_PKEY *pkey;
    size_t i;

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    REQUIRE(pkey != NULL);
    for (i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){.f = &f, .pkey = pkey};
        CHECK(pthread_create(&jobs[i].thread, NULL, sign_many, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(jobs[i].thread, NULL) == 0);
        CHECK_INT(jobs[i].failed, 0);
    }
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(other_digests_and_padding_are_not_the_kept_ones),
    TEST_CASE(digest_that_cannot_be_fails_before_and_after),
    TEST_CASE(copy_of_the_key_outlives_it),
    TEST_CASE(algorithm_id_is_each_contexts_own),
    TEST_CASE(algorithm_id_of_a_copy_outlives_the_original),
    TEST_CASE(threads_begin_with_the_same_at_once),
};
TEST_MAIN("provider.signature_kept", cases)
