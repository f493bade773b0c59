/*
 * Activation changes nothing, with keys on a token in use: in the default
 * library context, which the token's own software (SoftHSM) uses for its
 * cryptography; in several contexts; loaded and unloaded over and over. An
 * alarm ends what would go round in circles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "hsm.h"
#include "leaks.h"
#include "ordinary.h"

#define GUARD_SECONDS 110
#define RELOADS 50

static const char *const kinds[] = {"RSA", "P-256", "ED25519"};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void key_uri(const char *kind, char *uri, size_t size)
{
    (void)snprintf(uri, size, "keystore://hsm/%s", kind);
}

/* Keys of every kind are on the token, loaded and used. */
static void open_with_keys(struct fixture *f, const char *const names[],
                           EVP_PKEY *keys[N_KINDS])
{
    char uri[64];
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open_with(f, names);
    for (i = 0; i < N_KINDS; i++) {
        key_uri(kinds[i], uri, sizeof(uri));
        EVP_PKEY_free(hsm_make(f, kinds[i], uri, NULL));
        keys[i] = fixture_load(f, uri, NULL, NULL);
        if (!CHECK(keys[i] != NULL && fixture_use(f, keys[i], keys[i])))
            ERR_print_errors_fp(stderr);
        CHECK_STR(fixture_provider_of(keys[i]), "keystore");
    }
}

static void use_keys(const struct fixture *f, EVP_PKEY *keys[N_KINDS])
{
    size_t i;

    for (i = 0; i < N_KINDS; i++)
        if (keys[i] != NULL)
            ordinary_tls(f, keys[i], kinds[i]);
}

static void close_with_keys(struct fixture *f, EVP_PKEY *keys[N_KINDS])
{
    size_t i;

    for (i = 0; i < N_KINDS; i++)
        EVP_PKEY_free(keys[i]);
    fixture_close(f);
    (void)alarm(0);
}

/*
 * Runs CHECKS in a process of its own, as providers stay in the default
 * library context until the process ends, and the token with them. That the
 * process ends well is checked, too.
 */
static void in_default_context(void (*checks)(void))
{
    unsigned before = CU_get_number_of_failures();
    int status = -1;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        fixture_in_default_context = true;
        checks();
        ERR_print_errors_fp(stderr);
        exit(CU_get_number_of_failures() == before ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

static void use_everything(const char *const names[])
{
    EVP_PKEY *keys[N_KINDS];
    struct fixture f;

    open_with_keys(&f, names, keys);
    ordinary_keys(&f);
    use_keys(&f, keys);
    close_with_keys(&f, keys);
}

static void after_default(void)
{
    static const char *const names[] = {"default", "keystore", NULL};

    use_everything(names);
}

static void before_default(void)
{
    static const char *const names[] = {"keystore", "default", NULL};

    use_everything(names);
}

static void listed_after_default(void)
{
    after_default();
    in_default_context(after_default);
}

/* Then every implicit fetch of a key type ends at us, the token's too. */
static void listed_before_default(void)
{
    before_default();
    in_default_context(before_default);
}

static void poison_and_use(void)
{
    static const char *const names[] = {"default", "keystore", NULL};
    EVP_PKEY *keys[N_KINDS], *pkey;
    struct fixture f;
    size_t i;

    open_with_keys(&f, names, keys);
    f.providers[2] = OSSL_PROVIDER_load(f.ctx, "legacy");
    if (f.providers[2] == NULL)
        CHECK_INT(EVP_set_default_properties(f.ctx, "?provider=default"), 1);
    for (i = 0; i < N_KINDS; i++)
        CHECK(keys[i] != NULL && fixture_use(&f, keys[i], keys[i]));
    pkey = EVP_PKEY_Q_keygen(f.ctx, NULL, "EC", "P-256");
    CHECK(pkey != NULL && fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(pkey);
    pkey = EVP_PKEY_Q_keygen(f.ctx, NULL, "RSA", (size_t)2048);
    CHECK(pkey != NULL && fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(pkey);
    ordinary_keys(&f);
    use_keys(&f, keys);
    pkey = hsm_make(&f, "P-384", "keystore://hsm/late", NULL);
    CHECK(pkey != NULL && fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(pkey);
    close_with_keys(&f, keys);
}

/* OpenSSL issue 31018, where the token's software fetches as well. */
static void after_the_fetch_cache_was_poisoned(void)
{
    poison_and_use();
    in_default_context(poison_and_use);
}

/* As an atexit handler does that was there before libcrypto's, or a C++
 * static. */
static void end_libcrypto_first(void)
{
    static const char *const names[] = {"default", "keystore", NULL};
    EVP_PKEY *keys[N_KINDS];
    struct fixture f;
    size_t i;

    /* What outlives libcrypto has nobody left to free it. */
    test_leaks_ignore(true);
    open_with_keys(&f, names, keys);
    for (i = 0; i < N_KINDS; i++)
        CHECK(keys[i] != NULL && fixture_use(&f, keys[i], keys[i]));
    for (i = 0; i < 2; i++) /* only the keys hold them from now on */
        CHECK_INT(OSSL_PROVIDER_unload(f.providers[i]), 1);
    OPENSSL_cleanup();
    for (i = 0; i < N_KINDS; i++)
        EVP_PKEY_free(keys[i]);
    (void)alarm(0);
}

static void a_key_may_be_freed_after_libcrypto_ended(void)
{
    in_default_context(end_libcrypto_first);
}

static void contexts_share_a_token_and_end_one_by_one(void)
{
    static const char *const names[] = {"default", "keystore", NULL};
    EVP_PKEY *keys[N_KINDS], *other;
    struct fixture f, more[3];
    char uri[64];
    size_t i;

    open_with_keys(&f, names, keys);
    key_uri("P-256", uri, sizeof(uri));
    for (i = 0; i < 3; i++) {
        fixture_open(&more[i]);
        other = fixture_load(&more[i], uri, NULL, NULL);
        CHECK(other != NULL && fixture_use(&more[i], other, other));
        EVP_PKEY_free(other);
    }
    fixture_close(&more[1]);
    CHECK(keys[0] != NULL && fixture_use(&f, keys[0], keys[0]));
    fixture_close(&more[0]);
    CHECK(keys[1] != NULL && fixture_use(&f, keys[1], keys[1]));
    other = fixture_load(&more[2], uri, NULL, NULL);
    close_with_keys(&f, keys);
    CHECK(other != NULL && fixture_use(&more[2], other, other));
    EVP_PKEY_free(other);
    fixture_close(&more[2]);
}

static void load_and_unload(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    size_t i;

    (void)alarm(GUARD_SECONDS);
    hsm_open(&f);
    EVP_PKEY_free(hsm_make(&f, "P-256", "keystore://hsm/a", NULL));
    fixture_close(&f);
    for (i = 0; i < RELOADS; i++) {
        fixture_open(&f);
        pkey = fixture_load(&f, "keystore://hsm/a", NULL, NULL);
        if (!CHECK(pkey != NULL && fixture_use(&f, pkey, pkey)))
            ERR_print_errors_fp(stderr);
        EVP_PKEY_free(pkey);
        fixture_close(&f);
    }
    (void)alarm(0);
}

static void provider_is_loaded_and_unloaded_many_times(void)
{
    load_and_unload();
    in_default_context(load_and_unload);
}

static const struct test_case cases[] = {
    TEST_CASE(listed_after_default),
    TEST_CASE(listed_before_default),
    TEST_CASE(after_the_fetch_cache_was_poisoned),
    TEST_CASE(a_key_may_be_freed_after_libcrypto_ended),
    TEST_CASE(contexts_share_a_token_and_end_one_by_one),
    TEST_CASE(provider_is_loaded_and_unloaded_many_times),
};
TEST_MAIN("provider.hsm_activation", cases)
