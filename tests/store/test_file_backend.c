/* store/file/backend.c: what is its own; the rest is in tests/contract */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"
#include "ks_backend.h"
#include "place.h"
#include "record.h"
#include "test.h"
#include "tmpdir.h"

static const struct ks_backend *const backend = &ks_file_backend;

static const struct ks_setting cheap[] = {{"kdf", "scrypt:2:1:1"}};
static const struct ks_setting plain[] = {{"sealing", "none"}};
static const struct ks_setting costly[] = {{"kdf", KS_KDF_DEFAULT}};

static void *open_store(void)
{
    static const struct ks_setting settings[] = {{"type", "file"},
                                                 {"path", "keys"}};
    const struct ks_backend_env env = {.name = "default",
                                       .dir = test_dir(),
                                       .settings = settings,
                                       .n_settings = 2};
    struct ks_err err = {0};
    void *store = NULL;

    (void)CHECK_OK(backend->open(&env, &store, &err), &err);
    return store;
}

static ks_rc save_as(void *store, const struct ks_setting *setting,
                     const char *name, const struct test_key *key,
                     const char *secret, struct ks_err *err)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    const struct ks_key_info info = {.spki = key->spki, .origin = "generated"};
    struct test_place place;
    ks_rc rc;

    *err = (struct ks_err){0};
    test_place_make(backend, store, setting, 1, &place);
    rc = ks_material_save(&place.place, name, &info, &key->pkcs8, &ask, err);
    test_place_clear(&place);
    return rc;
}

static void save(void *store, const char *name, const struct test_key *key,
                 const char *secret)
{
    struct ks_err err;

    CHECK_OK(save_as(store, cheap, name, key, secret, &err), &err);
}

static ks_rc load(void *store, const char *name, const char *secret,
                  struct ks_err *err)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_secret pkcs8 = {0};
    struct test_place place;
    ks_rc rc;

    *err = (struct ks_err){0};
    test_place_make(backend, store, cheap, 1, &place);
    rc = ks_material_load(&place.place, name, &ask, &pkcs8, err);
    test_place_clear(&place);
    ks_secret_clear(&pkcs8);
    return rc;
}

static void without_a_path_it_does_not_open(void)
{
    struct ks_backend_env env = {.name = "b", .dir = "/"};
    struct ks_err err = {0};
    void *store = NULL;

    CHECK_RC(backend->open(&env, &store, &err), KS_E_CONFIG);
    CHECK_STR(err.text, "[backend b] path: is missing");
    backend->close(NULL);
}

static void opening_touches_nothing(void)
{
    void *store = open_store();

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
    void *store = open_store();
    struct test_key key;
    char command[700];

    REQUIRE(store != NULL);
    test_key_make("P-256", &key);
    /* at the full cost */
    CHECK_OK(save_as(store, costly, "www.example.com", &key, "sesame", &err),
             &err);
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
    void *store = open_store();
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

static void an_unsealed_key_is_a_private_key_file(void)
{
    struct ks_err err;
    void *store = open_store();
    struct test_key key;
    char *text;
    size_t len;

    test_key_make("ED25519", &key);
    CHECK_OK(save_as(store, plain, "k", &key, NULL, &err), &err);
    text = test_read("keys/k.pem", &len);
    REQUIRE(text != NULL);
    CHECK_CONTAINS(text, "-----BEGIN PRIVATE KEY-----");
    CHECK_CONTAINS(text, "Origin: generated\n");
    free(text);
    test_key_clear(&key);
    backend->close(store);
}

static void what_was_changed_meanwhile_is_not_replaced(void)
{
    void *store = open_store();
    struct ks_record first = {0}, second = {0};
    struct ks_err err = {0};
    struct test_key one, two;

    test_key_make("ED25519", &one);
    test_key_make("ED25519", &two);
    save(store, "one", &one, "sesame");
    save(store, "two", &two, "sesame");
    CHECK_OK(backend->get(store, "one", &first, &err), &err);
    CHECK_OK(backend->get(store, "two", &second, &err), &err);
    CHECK_RC(backend->replace(store, "one", &second, &first, &err), KS_E_BUSY);
    CHECK_CONTAINS(err.text, "keystore://default/one");
    CHECK_RC(backend->replace(store, "none", &first, &second, NULL),
             KS_E_NOT_FOUND);
    CHECK_RC(backend->put(store, "one", &second, NULL), KS_E_EXISTS);
    err = (struct ks_err){0};
    CHECK_OK(backend->replace(store, "one", &first, &second, &err), &err);
    ks_record_clear(&first);
    CHECK_OK(backend->get(store, "one", &first, &err), &err);
    CHECK(ks_record_equal(&first, &second));
    ks_record_clear(&first);
    ks_record_clear(&second);
    test_key_clear(&one);
    test_key_clear(&two);
    backend->close(store);
}

static void a_record_that_no_file_can_hold_is_refused(void)
{
    void *store = open_store();
    struct ks_record record = {.form = KS_FORM_INSIDE};
    struct ks_err err = {0};

    CHECK_RC(backend->put(store, "k", &record, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "keystore://default/k: ");
    backend->close(store);
}

static void a_public_half_of_another_key_is_damage(void)
{
    struct ks_err err;
    void *store = open_store();
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
    void *store = open_store();

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
    void *store = open_store();
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
    TEST_CASE(without_a_path_it_does_not_open),
    TEST_CASE(opening_touches_nothing),
    TEST_CASE(a_slash_at_the_end_follows_no_link),
    TEST_CASE(openssl_opens_the_file),
    TEST_CASE(a_file_made_by_openssl_is_a_key),
    TEST_CASE(an_unsealed_key_is_a_private_key_file),
    TEST_CASE(what_was_changed_meanwhile_is_not_replaced),
    TEST_CASE(a_record_that_no_file_can_hold_is_refused),
    TEST_CASE(a_public_half_of_another_key_is_damage),
    TEST_CASE(errors_name_the_file),
    TEST_CASE(a_long_name_that_lies_is_damage),
};
TEST_MAIN("store.file_backend", cases)
