/*
 * Keys on a token in many threads at once: one key in all, a key of its own
 * in each, and loading beside signing.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "hsm.h"

#define GUARD_SECONDS 110
#define THREADS 8
#define ROUNDS 25

struct worker {
    pthread_t thread;
    const struct fixture *f;
    EVP_PKEY *key;    /* shared, or NULL */
    EVP_PKEY *public; /* of that key */
    unsigned number;
    unsigned failed;
};

static const uint8_t message[] = "from one of many";

static bool sign_once(const struct worker *w, EVP_PKEY *key, EVP_PKEY *public)
{
    EVP_MD_CTX *signer = EVP_MD_CTX_new(), *verifier = EVP_MD_CTX_new();
    uint8_t sig[512];
    size_t len = sizeof(sig);
    bool ok =
        EVP_DigestSignInit_ex(signer, NULL, "SHA256", w->f->ctx, NULL, key,
                              NULL) == 1 &&
        EVP_DigestSign(signer, sig, &len, message, sizeof(message)) == 1 &&
        EVP_DigestVerifyInit_ex(verifier, NULL, "SHA256", w->f->ctx, NULL,
                                public, NULL) == 1 &&
        EVP_DigestVerify(verifier, sig, len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(signer);
    EVP_MD_CTX_free(verifier);
    if (!ok)
        ERR_print_errors_fp(stderr);
    return ok;
}

static void *sign_shared(void *arg)
{
    struct worker *w = arg;
    unsigned i;

    for (i = 0; i < ROUNDS; i++)
        if (!sign_once(w, w->key, w->public))
            w->failed++;
    return NULL;
}

static void *load_and_sign(void *arg)
{
    struct worker *w = arg;
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        EVP_PKEY *key =
            fixture_load(w->f,
                         i % 2 == 0 ? "keystore://hsm/shared"
                                    : "pkcs11:token=provider%20test;"
                                      "object=shared",
                         NULL, NULL);

        if (key == NULL || !sign_once(w, key, w->public))
            w->failed++;
        EVP_PKEY_free(key);
    }
    return NULL;
}

static void *make_use_and_delete(void *arg)
{
    struct worker *w = arg;
    char uri[64];
    unsigned i;

    for (i = 0; i < 3; i++) {
        EVP_PKEY *key;

        (void)snprintf(uri, sizeof(uri), "keystore://hsm/own-%u", w->number);
        key = hsm_make(w->f, "P-256", uri, NULL);
        if (key == NULL || !sign_once(w, key, key) ||
            fixture_delete(w->f, uri) != 1) {
            ERR_print_errors_fp(stderr);
            w->failed++;
        }
        EVP_PKEY_free(key);
    }
    return NULL;
}

static void run(const struct fixture *f, void *(*const work[THREADS])(void *))
{
    EVP_PKEY *key = fixture_load(f, "keystore://hsm/shared", NULL, NULL);
    EVP_PKEY *public = hsm_public(f, "keystore://hsm/shared");
    struct worker workers[THREADS];
    unsigned i;

    REQUIRE(key != NULL && public != NULL);
    for (i = 0; i < THREADS; i++) {
        workers[i] =
            (struct worker){.f = f, .key = key, .public = public, .number = i};
        CHECK_INT(
            pthread_create(&workers[i].thread, NULL, work[i], &workers[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(workers[i].thread, NULL), 0);
        CHECK_INT(workers[i].failed, 0);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(public);
}

static void open_with_key(struct fixture *f, const char *kind)
{
    EVP_PKEY *pkey;

    (void)alarm(GUARD_SECONDS);
    hsm_open(f);
    pkey = hsm_make(f, kind, "keystore://hsm/shared", NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
}

static void close_guarded(struct fixture *f)
{
    fixture_close(f);
    (void)alarm(0);
}

static void one_key_signs_in_all_threads(void)
{
    static const char *const kinds[] = {"P-256", "RSA"};
    static void *(*const work[THREADS])(void *) = {
        sign_shared, sign_shared, sign_shared, sign_shared,
        sign_shared, sign_shared, sign_shared, sign_shared};
    struct fixture f;
    size_t i;

    for (i = 0; i < 2; i++) {
        open_with_key(&f, kinds[i]);
        run(&f, work);
        close_guarded(&f);
    }
}

static void keys_come_and_go_beside_each_other(void)
{
    static void *(*const work[THREADS])(void *) = {
        sign_shared,         load_and_sign, make_use_and_delete, load_and_sign,
        make_use_and_delete, sign_shared,   make_use_and_delete, load_and_sign};
    struct fixture f;

    open_with_key(&f, "P-256");
    run(&f, work);
    CHECK_INT(hsm_count(&f, "keystore://hsm/"), 1);
    close_guarded(&f);
}

/* Nobody is logged in yet. */
static void first_logins_meet(void)
{
    static void *(*const work[THREADS])(void *) = {
        load_and_sign, load_and_sign, load_and_sign, load_and_sign,
        load_and_sign, load_and_sign, load_and_sign, load_and_sign};
    struct worker workers[THREADS];
    struct fixture f;
    EVP_PKEY *public;
    unsigned i;

    open_with_key(&f, "P-256");
    fixture_close(&f);
    fixture_open(&f);
    public = hsm_public(&f, "keystore://hsm/shared");
    for (i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.f = &f, .public = public, .number = i};
        CHECK_INT(
            pthread_create(&workers[i].thread, NULL, work[i], &workers[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK_INT(pthread_join(workers[i].thread, NULL), 0);
        CHECK_INT(workers[i].failed, 0);
    }
    EVP_PKEY_free(public);
    close_guarded(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(one_key_signs_in_all_threads),
    TEST_CASE(keys_come_and_go_beside_each_other),
    TEST_CASE(first_logins_meet),
};
TEST_MAIN("provider.hsm_threads", cases)
