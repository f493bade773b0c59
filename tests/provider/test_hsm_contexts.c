/*
 * Contexts of keys on a token: every kind of key, copied at every stage, the
 * original freed first or last, and threads that share one key.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "hsm.h"

#define SIG_MAX 1024
#define GUARD_SECONDS 200
#define THREADS 6
#define ROUNDS 20

static const uint8_t message[] = "what is signed here";

struct pair {
    struct fixture f;
    const char *kind;
    EVP_PKEY *inside;
    EVP_PKEY *public;
};

static bool pair_make(struct pair *p, const char *kind)
{
    char uri[128];

    (void)snprintf(uri, sizeof(uri), "keystore://hsm/%s", kind);
    p->kind = kind;
    p->inside = hsm_make(&p->f, kind, uri, NULL);
    p->public = hsm_public(&p->f, uri);
    if (CHECK(p->inside != NULL && p->public != NULL))
        return true;
    (void)fprintf(stderr, "kind %s\n", kind);
    ERR_print_errors_fp(stderr);
    return false;
}

static void pair_drop(struct pair *p)
{
    EVP_PKEY_free(p->inside);
    EVP_PKEY_free(p->public);
    p->inside = p->public = NULL;
}

/* TEST for each kind of key. */
static void for_each_kind(void (*test)(const struct pair *p))
{
    struct pair p = {.kind = NULL};
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&p.f);
    for (i = 0; hsm_kinds[i] != NULL; i++) {
        if (pair_make(&p, hsm_kinds[i])) {
            test(&p);
            CHECK_INT(ERR_peek_error(), 0);
            ERR_clear_error();
        }
        pair_drop(&p);
    }
    fixture_close(&p.f);
    (void)alarm(0);
}

static EVP_MD_CTX *begin(const struct pair *p)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    CHECK_INT(EVP_DigestSignInit_ex(ctx, NULL, hsm_digest(p->kind), p->f.ctx,
                                    NULL, p->inside, NULL),
              1);
    return ctx;
}

/* Signs what is left of the message from FROM on. */
static bool finish(const struct pair *p, EVP_MD_CTX *ctx, size_t from)
{
    EVP_MD_CTX *verifier = EVP_MD_CTX_new();
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);
    bool ok =
        EVP_DigestSign(ctx, sig, &len, message + from,
                       sizeof(message) - from) == 1 &&
        EVP_DigestVerifyInit_ex(verifier, NULL, hsm_digest(p->kind), p->f.ctx,
                                NULL, p->public, NULL) == 1 &&
        EVP_DigestVerify(verifier, sig, len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(verifier);
    return ok;
}

static EVP_MD_CTX *copy_of(const EVP_MD_CTX *ctx)
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();

    CHECK_INT(EVP_MD_CTX_copy_ex(copy, ctx), 1);
    return copy;
}

static void copy_stages(const struct pair *p)
{
    /* Edwards keys take a message in one piece. */
    const size_t most = hsm_digest(p->kind) == NULL ? 0 : sizeof(message);
    size_t at;

    for (at = 0; at <= most; at += 10) {
        EVP_MD_CTX *ctx = begin(p), *copy, *second;

        if (at > 0)
            CHECK_INT(EVP_DigestSignUpdate(ctx, message, at), 1);
        copy = copy_of(ctx);
        second = copy_of(copy);
        EVP_MD_CTX_free(copy);
        CHECK(finish(p, second, at));
        EVP_MD_CTX_free(second);
        copy = copy_of(ctx);
        CHECK(finish(p, ctx, at));
        EVP_MD_CTX_free(ctx);
        CHECK(finish(p, copy, at));
        EVP_MD_CTX_free(copy);
    }
}

static void stream_is_copied_at_every_stage(void)
{
    for_each_kind(copy_stages);
}

static void copy_finished(const struct pair *p)
{
    EVP_MD_CTX *ctx = begin(p), *copy;

    CHECK(finish(p, ctx, 0));
    copy = copy_of(ctx);
    EVP_MD_CTX_free(ctx);
    /* What is finished starts anew. */
    CHECK_INT(EVP_DigestSignInit_ex(copy, NULL, hsm_digest(p->kind), p->f.ctx,
                                    NULL, p->inside, NULL),
              1);
    CHECK(finish(p, copy, 0));
    EVP_MD_CTX_free(copy);
}

static void finished_stream_is_copied_and_begun_again(void)
{
    for_each_kind(copy_finished);
}

/* X509_sign_ctx asks the copy for what it is about to sign with. */
static void sign_by_copy(const struct pair *p)
{
    EVP_MD_CTX *ctx = begin(p), *copy = copy_of(ctx);
    X509_REQ *req = X509_REQ_new_ex(p->f.ctx, NULL);
    X509_REQ *other = X509_REQ_new_ex(p->f.ctx, NULL);
    const X509_ALGOR *a = NULL, *b = NULL;

    (void)X509_REQ_set_pubkey(req, p->public);
    (void)X509_REQ_set_pubkey(other, p->public);
    CHECK(X509_REQ_sign_ctx(req, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    CHECK(X509_REQ_sign_ctx(other, copy) > 0);
    EVP_MD_CTX_free(copy);
    X509_REQ_get0_signature(req, NULL, &a);
    X509_REQ_get0_signature(other, NULL, &b);
    CHECK_INT(X509_ALGOR_cmp(a, b), 0);
    CHECK_INT(X509_REQ_verify(other, p->public), 1);
    X509_REQ_free(req);
    X509_REQ_free(other);
}

static void copy_signs_a_request_after_its_original(void)
{
    for_each_kind(sign_by_copy);
}

/* Both end with a key that nobody else holds. */
static void outlive(const struct pair *p)
{
    EVP_PKEY *dup = EVP_PKEY_dup(p->inside);
    struct pair other = *p;
    EVP_MD_CTX *ctx, *copy;

    other.inside = dup;
    ctx = begin(&other);
    copy = copy_of(ctx);
    EVP_PKEY_free(dup);
    EVP_MD_CTX_free(ctx);
    CHECK(finish(p, copy, 0));
    EVP_MD_CTX_free(copy);
}

static void copy_outlives_key_and_original(void)
{
    for_each_kind(outlive);
}

struct worker {
    pthread_t thread;
    const struct pair *p;
    unsigned failed;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();

        if (EVP_DigestSignInit_ex(ctx, NULL, hsm_digest(w->p->kind),
                                  w->p->f.ctx, NULL, w->p->inside, NULL) != 1 ||
            EVP_MD_CTX_copy_ex(copy, ctx) != 1)
            w->failed++;
        EVP_MD_CTX_free(ctx);
        if (!finish(w->p, copy, 0))
            w->failed++;
        EVP_MD_CTX_free(copy);
    }
    return NULL;
}

static void share(const struct pair *p)
{
    struct worker workers[THREADS];
    unsigned i;

    for (i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.p = p};
        CHECK_INT(pthread_create(&workers[i].thread, NULL, work, &workers[i]),
                  0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(workers[i].thread, NULL), 0);
        CHECK_INT(workers[i].failed, 0);
    }
}

static void threads_share_a_key_of_every_kind(void)
{
    for_each_kind(share);
}

static const struct test_case cases[] = {
    TEST_CASE(stream_is_copied_at_every_stage),
    TEST_CASE(finished_stream_is_copied_and_begun_again),
    TEST_CASE(copy_signs_a_request_after_its_original),
    TEST_CASE(copy_outlives_key_and_original),
    TEST_CASE(threads_share_a_key_of_every_kind),
};
TEST_MAIN("provider.hsm_contexts", cases)
