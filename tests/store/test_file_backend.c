/* store/file/backend.c: what is its own; the rest is in tests/contract */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"
#include "ks_backend.h"
#include "test.h"
#include "tmpdir.h"

#define MAX_SETTINGS 6

static const struct ks_backend *const backend = &ks_file_backend;

/* Opens with SETTINGS beside type and path; ends with a NULL key. */
static void *open_with(const struct ks_setting *more, struct ks_err *err)
{
    struct ks_setting settings[MAX_SETTINGS] = {{"type", "file"},
                                                {"path", "keys"}};
    struct ks_backend_env env = {.name = "default",
                                 .dir = test_dir(),
                                 .settings = settings,
                                 .n_settings = 2};
    void *store = NULL;

    *err = (struct ks_err){0};
    for (; more != NULL && more->key != NULL; more++)
        settings[env.n_settings++] = *more;
    (void)backend->open(&env, &store, err);
    return store;
}

static const struct ks_setting cheap[] = {{"kdf", "scrypt:2:1:1"},
                                          {NULL, NULL}};
static const struct ks_setting plain[] = {{"sealing", "none"}, {NULL, NULL}};

static void save(void *store, const char *name, const struct test_key *key,
                 const char *secret)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_err err = {0};

    CHECK_OK(backend->save(store, name, &key->spki, &key->pkcs8, 0, &ask, &err),
             &err);
}

static ks_rc load(void *store, const char *name, const char *secret,
                  struct ks_err *err)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_secret pkcs8 = {0};
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = backend->load(store, name, &ask, &pkcs8, err);
    ks_secret_clear(&pkcs8);
    return rc;
}

static void bad_settings_are_configuration_errors(void)
{
    static const struct ks_setting sealing[] = {{"sealing", "x"}, {NULL, NULL}},
                                   kdf[] = {{"kdf", "x"}, {NULL, NULL}};
    struct ks_backend_env env = {.name = "b", .dir = "/"};
    struct ks_err err = {0};
    void *store = NULL;

    CHECK_RC(backend->open(&env, &store, &err), KS_E_CONFIG);
    CHECK_STR(err.text, "[backend b] path: is missing");
    CHECK(open_with(sealing, &err) == NULL);
    CHECK_CONTAINS(err.text, "[backend default] sealing");
    CHECK(open_with(kdf, &err) == NULL);
    CHECK_CONTAINS(err.text, "[backend default] kdf");
    backend->close(NULL);
}

static void opening_touches_nothing(void)
{
    struct ks_err err;
    void *store = open_with(NULL, &err);

    REQUIRE(store != NULL);
    CHECK(access(test_path("keys"), F_OK) != 0);
    backend->close(store);
}

static void a_slash_at_the_end_follows_no_link(void)
{
    static const struct ks_setting settings[] = {{"path", "link//"}};
    struct ks_backend_env env = {.name = "default",
                                 .dir = test_dir(),
                                 .settings = settings,
                                 .n_settings = 1};
    struct ks_err err = {0};
    void *store = NULL;

    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    REQUIRE(symlink("keys", test_path("link")) == 0);
    REQUIRE(backend->open(&env, &store, &err) == KS_OK);
    CHECK_RC(load(store, "k", "sesame", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "symbolic link");
    backend->close(store);
}

/* The point of it all: no provider of ours is anywhere near. */
static void openssl_opens_the_file(void)
{
    struct ks_err err;
    void *store = open_with(NULL, &err); /* at the full cost */
    struct test_key key;
    char command[700];

    REQUIRE(store != NULL);
    test_key_make("P-256", &key);
    save(store, "www.example.com", &key, "sesame");
    (void)snprintf(command, sizeof(command),
                   "openssl pkey -in %s -passin pass:sesame -noout",
                   test_path("keys/www.example.com.pem"));
    CHECK_INT(system(command), 0);
    (void)snprintf(command, sizeof(command),
                   "openssl pkey -in %s -passin pass:wrong -noout 2>/dev/null",
                   test_path("keys/www.example.com.pem"));
    CHECK(system(command) != 0);
    test_key_clear(&key);
    backend->close(store);
}

/* A key that openssl(1) wrote, with its public half appended, is a key. */
static void a_file_made_by_openssl_is_a_key(void)
{
    struct ks_err err;
    void *store = open_with(NULL, &err);
    char command[1000];

    REQUIRE(store != NULL);
    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && umask 077 && openssl genpkey -algorithm RSA"
                   " -aes128 -pass pass:sesame -out a.pem 2>/dev/null &&"
                   " openssl pkey -in a.pem -passin pass:sesame -pubout"
                   " >>a.pem && openssl pkey -in a.pem -passin pass:sesame"
                   " -noout",
                   test_path("keys"));
    REQUIRE(system(command) == 0);
    CHECK_OK(load(store, "a", "sesame", &err), &err);
    CHECK_RC(load(store, "a", "wrong", &err), KS_E_SECRET_WRONG);
    backend->close(store);
}

static void unsealed_keys_need_the_word_for_it(void)
{
    struct ks_err err;
    void *open_store = open_with(plain, &err);
    void *sealed_store = open_with(cheap, &err);
    struct test_answers none = {0}, fresh = {.secrets = {"sesame"}};
    const struct ks_ask ask = test_ask(&none), new_ask = test_ask(&fresh);
    struct test_key key;

    REQUIRE(open_store != NULL && sealed_store != NULL);
    test_key_make("ED25519", &key);
    CHECK_OK(
        backend->save(open_store, "k", &key.spki, &key.pkcs8, 0, &ask, &err),
        &err);
    CHECK_OK(load(open_store, "k", NULL, &err), &err);
    CHECK_INT(none.asked, 0);
    CHECK_RC(load(sealed_store, "k", "sesame", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "not sealed");
    CHECK_CONTAINS(err.hint, "caadm key passwd keystore://default/k");
    /* which does what the hint says */
    err = (struct ks_err){0};
    CHECK_OK(backend->reseal(sealed_store, "k", &ask, &new_ask, &err), &err);
    CHECK_OK(load(sealed_store, "k", "sesame", &err), &err);
    /* and a sealed one still opens where none is needed, */
    CHECK_OK(load(open_store, "k", "sesame", &err), &err);
    /* and does not lose its seal there */
    CHECK_RC(backend->reseal(open_store, "k", &new_ask, &new_ask, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "sealing = none");
    CHECK_RC(load(open_store, "k", NULL, &err), KS_E_SECRET_MISSING);
    test_key_clear(&key);
    backend->close(open_store);
    backend->close(sealed_store);
}

static void a_public_half_of_another_key_is_damage(void)
{
    struct ks_err err;
    void *store = open_with(cheap, &err);
    struct test_key one, two;
    char *first, *second, *cut, *rest;
    size_t len;

    REQUIRE(store != NULL);
    test_key_make("P-256", &one);
    test_key_make("P-256", &two);
    save(store, "one", &one, "sesame");
    save(store, "two", &two, "sesame");
    first = test_read("keys/one.pem", &len);
    second = test_read("keys/two.pem", &len);
    REQUIRE(first != NULL && second != NULL);
    /* Blocks only: the digests would tell before. */
    cut = strstr(first, "-----BEGIN PUBLIC");
    rest = strstr(second, "-----BEGIN PUBLIC");
    REQUIRE(cut != NULL && rest != NULL && strlen(cut) == strlen(rest));
    memcpy(cut, rest, strlen(rest));
    cut = strstr(first, "-----BEGIN");
    test_write("keys/one.pem", cut, strlen(cut), 0600);
    CHECK_RC(load(store, "one", "sesame", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keystore://default/one");
    CHECK_CONTAINS(err.text, "does not belong");
    free(first);
    free(second);
    test_key_clear(&one);
    test_key_clear(&two);
    backend->close(store);
}

static void errors_name_the_file(void)
{
    struct ks_err err;
    void *store = open_with(cheap, &err);

    REQUIRE(store != NULL);
    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    test_write("keys/empty.pem", "", 0, 0600);
    test_write("keys/junk.pem", "\0\1\2\3", 4, 0600);
    CHECK_RC(load(store, "empty", "x", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keys/empty.pem: file is empty");
    CHECK_RC(load(store, "junk", "x", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keys/junk.pem: no private key in it");
    REQUIRE(chmod(test_path("keys"), 0755) == 0);
    CHECK_RC(load(store, "junk", "x", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.hint, "chmod 700");
    backend->close(store);
}

static void a_long_name_that_lies_is_damage(void)
{
    struct ks_err err;
    void *store = open_with(cheap, &err);
    struct test_key key;
    char name[256], other[256], command[900];

    REQUIRE(store != NULL);
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    memcpy(other, name, sizeof(other));
    other[0] = 'o';
    test_key_make("ED25519", &key);
    save(store, name, &key, "sesame");
    CHECK_OK(load(store, name, "sesame", &err), &err);
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && sed -i s/^Key:.n/Key:"
                   "\\ o/ %%sha256-*",
                   test_path("keys"));
    REQUIRE(system(command) == 0);
    CHECK_RC(load(store, name, "sesame", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "\"Key\" line");
    CHECK_RC(load(store, other, "sesame", &err), KS_E_NOT_FOUND);
    test_key_clear(&key);
    backend->close(store);
}

static const struct test_case cases[] = {
    TEST_CASE(bad_settings_are_configuration_errors),
    TEST_CASE(opening_touches_nothing),
    TEST_CASE(a_slash_at_the_end_follows_no_link),
    TEST_CASE(openssl_opens_the_file),
    TEST_CASE(a_file_made_by_openssl_is_a_key),
    TEST_CASE(unsealed_keys_need_the_word_for_it),
    TEST_CASE(a_public_half_of_another_key_is_damage),
    TEST_CASE(errors_name_the_file),
    TEST_CASE(a_long_name_that_lies_is_damage),
};
TEST_MAIN("store.file_backend", cases)
