/*
 * Configured backends: opened when they are needed, by many threads at once,
 * and none by another's fault.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include <openssl/err.h>

#include "fixture.h"
#include "tmpdir.h"

#define THREADS 8
#define ROUNDS 25
#define TEXT_MAX 1024

struct work {
    const struct fixture *fixture;
    atomic_int failures;
};

static void *load_and_use(void *arg)
{
    static const char *const uris[] = {
        "keystore://default/a", "keystore://stay/a", "keystore://plain/b"};
    struct work *work = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        EVP_PKEY *pkey = fixture_load(work->fixture, uris[i % 3], NULL, NULL);

        if (pkey == NULL || !fixture_use(work->fixture, pkey, pkey))
            work->failures++;
        EVP_PKEY_free(pkey);
    }
    return NULL;
}

static void threads_open_the_backends_at_once(void)
{
    struct fixture f;
    struct work work = {.fixture = &f};
    pthread_t threads[THREADS];
    size_t i;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    EVP_PKEY_free(fixture_make(&f, "ED25519", "keystore://plain/b", NULL));
    fixture_close(&f);
    fixture_open(&f); /* nothing of it is open yet */
    for (i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, load_and_use, &work), 0);
    for (i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK_INT(work.failures, 0);
    fixture_close(&f);
}

static void *use_shared(void *arg)
{
    struct work *work = ((void **)arg)[0];
    EVP_PKEY *pkey = ((void **)arg)[1];
    int i;

    for (i = 0; i < ROUNDS; i++)
        if (!fixture_use(work->fixture, pkey, pkey))
            work->failures++;
    return NULL;
}

static void threads_share_one_key_that_stays(void)
{
    struct fixture f;
    struct work work = {.fixture = &f};
    pthread_t threads[THREADS];
    void *args[2];
    size_t i;

    fixture_open(&f);
    args[0] = &work;
    args[1] = fixture_make(&f, "P-256", "keystore://stay/a", NULL);
    REQUIRE(args[1] != NULL);
    for (i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, use_shared, args), 0);
    for (i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK_INT(work.failures, 0);
    EVP_PKEY_free(args[1]);
    fixture_close(&f);
}

static void broken_backend_does_not_disturb_the_others(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    char text[TEXT_MAX];
    int i;

    fixture_open(&f);
    for (i = 0; i < 3; i++) {
        CHECK(fixture_load(&f, "keystore://absent/a", NULL, NULL) == NULL);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
        CHECK_CONTAINS(text, "[backend absent]");
        CHECK_CONTAINS(text, "/no/backend.so");
    }
    pkey = fixture_make(&f, "ED25519", "keystore://default/a", NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static void backend_that_was_broken_is_tried_again(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open(&f);
    (void)rename(test_path("keys"), test_path("elsewhere"));
    test_write("keys", "", 0, 0600); /* a file where a folder should be */
    CHECK(fixture_make(&f, "ED25519", "keystore://default/a", NULL) == NULL);
    CHECK(fixture_raised(NULL, 0) != KS_OK);
    (void)remove(test_path("keys"));
    (void)rename(test_path("elsewhere"), test_path("keys"));
    pkey = fixture_make(&f, "ED25519", "keystore://default/a", NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(threads_open_the_backends_at_once),
    TEST_CASE(threads_share_one_key_that_stays),
    TEST_CASE(broken_backend_does_not_disturb_the_others),
    TEST_CASE(backend_that_was_broken_is_tried_again),
};
TEST_MAIN("provider.stores", cases)
