/*
 * provider/random.c and ask.c: keys whose secrets are drawn and kept in the
 * inventory. What is there is looked at through the inventory's own interface.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fixture.h"
#include "ks_inventory.h"
#include "tmpdir.h"

#define TEXT_MAX 1024

static const char more[] = "[backend alone]\n"
                           "type = file\n"
                           "path = alone\n"
                           "passphrase = random\n"
                           "[backend alone-too]\n"
                           "type = file\n"
                           "path = alone\n"
                           "[backend inside-alone]\n"
                           "type = file\n"
                           "path = alone\n"
                           "passphrase = random\n"
                           "extractable = no\n";
#define URI "keystore://alone/a"

static struct ks_inventory *inventory(void)
{
    struct ks_inventory *inv = NULL;
    struct ks_err err = {0};

    CHECK_OK(ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_CREATE, &inv,
                               &err),
             &err);
    return inv;
}

static void open_all(struct fixture *f)
{
    fixture_more_config = more;
    fixture_open(f);
    (void)mkdir(test_path("alone"), 0700);
    ks_inventory_close(inventory());
}

/* How many secrets URI has. */
static int secrets(const char *uri)
{
    struct ks_inventory *inv = inventory();
    struct ks_secret secret = {0};
    int64_t at = 0;
    int n = 0;

    while (ks_random_before(inv, uri, &at, &secret, NULL) == KS_OK) {
        CHECK_INT(secret.len, KS_RANDOM_LEN);
        n++;
    }
    ks_secret_clear(&secret);
    ks_inventory_close(inv);
    return n;
}

/* One more, as a process leaves it that dies before the key is sealed. */
static void leave_one(const char *uri)
{
    struct ks_inventory *inv = inventory();
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_RC(ks_secret_set(&secret,
                           "0123456789012345678901234567890123456789012",
                           KS_RANDOM_LEN),
             KS_OK);
    CHECK_OK(ks_random_add(inv, uri, &secret, &id, &err), &err);
    ks_secret_clear(&secret);
    ks_inventory_close(inv);
}

static void remove_all(const char *uri)
{
    struct ks_inventory *inv = inventory();
    struct ks_err err = {0};

    CHECK_OK(ks_random_remove(inv, uri, 0, INT64_MAX, &err), &err);
    ks_inventory_close(inv);
}

static bool make(const struct fixture *f, const char *uri, const char *passout)
{
    EVP_PKEY *pkey = fixture_make(f, "P-256", uri, passout);
    bool made = pkey != NULL;

    EVP_PKEY_free(pkey);
    return made;
}

static bool loads(const struct fixture *f, const char *uri,
                  const char *passphrase)
{
    EVP_PKEY *pkey = fixture_load(f, uri, NULL, passphrase);
    bool loaded = pkey != NULL;

    if (loaded)
        CHECK_INT(fixture_use(f, pkey, pkey), 1);
    EVP_PKEY_free(pkey);
    return loaded;
}

static bool reseal(const struct fixture *f, const char *uri, const char *passin,
                   const char *passout)
{
    OSSL_STORE_INFO *info =
        fixture_load_info(f, uri, FIXTURE_OURS, OSSL_STORE_INFO_PUBKEY, NULL);
    EVP_PKEY *pkey = info != NULL ? OSSL_STORE_INFO_get1_PUBKEY(info) : NULL;
    OSSL_PARAM params[3], *p = params;
    bool done;

    *p++ =
        OSSL_PARAM_construct_utf8_string("keystore-reseal", (char *)passout, 0);
    if (passin != NULL)
        *p++ = OSSL_PARAM_construct_utf8_string("keystore-passin",
                                                (char *)passin, 0);
    *p = OSSL_PARAM_construct_end();
    done = pkey != NULL && EVP_PKEY_set_params(pkey, params) == 1;
    EVP_PKEY_free(pkey);
    OSSL_STORE_INFO_free(info);
    return done;
}

static void a_key_is_made_and_loads_with_nobody_there(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    CHECK(loads(&f, "keystore://ALONE/a", NULL));
    fixture_close(&f);
}

static void an_operation_key_may_have_one_too(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    open_all(&f);
    CHECK(make(&f, "keystore://inside-alone/i", NULL));
    pkey = fixture_load(&f, "keystore://inside-alone/i", NULL, NULL);
    REQUIRE(pkey != NULL);
    CHECK_STR(fixture_provider_of(pkey), "keystore");
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

/* The section's own passphrase does not fit, and is passed over. */
static void one_key_of_a_section_may_have_one(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, "keystore://default/r", "random"));
    CHECK(make(&f, "keystore://default/p", NULL));
    CHECK_INT(secrets("keystore://default/r"), 1);
    CHECK_INT(secrets("keystore://default/p"), 0);
    CHECK(loads(&f, "keystore://default/r", NULL));
    CHECK(loads(&f, "keystore://default/p", NULL));
    fixture_close(&f);
}

/* A leaked file, with the program and all settings, but not the inventory. */
static void without_its_secret_a_key_does_not_load(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    remove_all(URI);
    CHECK(!loads(&f, URI, NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_MISSING);
    CHECK_CONTAINS(text, "no random secret of this key is in ");
    CHECK_CONTAINS(text, "caadm.db");
    CHECK(!loads(&f, URI, "a guess"));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    /* Nor by another name: the secret is of the URI. */
    CHECK(make(&f, "keystore://alone/b", NULL));
    CHECK(!loads(&f, "keystore://alone-too/b", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_MISSING);
    fixture_close(&f);
}

/* What a person gives is tried where there is no random secret, and by a URI
 * before all others. */
static void a_passphrase_that_is_given_still_counts(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, "pass:typed"));
    CHECK_INT(secrets(URI), 0);
    CHECK(loads(&f, URI, "typed"));
    CHECK(loads(&f, URI "?pin-value=typed", NULL));
    CHECK(make(&f, "keystore://alone/b", NULL));
    CHECK(!loads(&f, "keystore://alone/b?pin-value=typed", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    fixture_close(&f);
}

static void random_is_no_source_in_a_uri_and_opens_nothing(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(!loads(&f, URI "?pin-source=random", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_CONTAINS(text, "random secret cannot be used here");
    CHECK(!make(&f, "keystore://default/u?pin-source=random", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(secrets("keystore://default/u"), 0);
    CHECK(!reseal(&f, URI, "random", "pass:x"));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(secrets(URI), 1);
    CHECK(!make(&f, "keystore://plain/u", "random"));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_CONTAINS(text, "sealing = none");
    fixture_close(&f);
}

static void a_key_is_sealed_anew_both_ways(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(reseal(&f, URI, NULL, "random"));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    CHECK(reseal(&f, URI, NULL, "pass:typed"));
    CHECK_INT(secrets(URI), 0);
    CHECK(loads(&f, URI, "typed"));
    CHECK(reseal(&f, URI, "pass:typed", "random"));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    fixture_close(&f);
}

/* It was killed after it had put the new seal on, and is given again. */
static void what_was_done_can_be_asked_for_again(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, "keystore://default/a", NULL));
    for (int i = 0; i < 2; i++)
        CHECK(reseal(&f, "keystore://default/a", "pass:" FIXTURE_PASSPHRASE,
                     "random"));
    CHECK_INT(secrets("keystore://default/a"), 1);
    CHECK(loads(&f, "keystore://default/a", NULL));
    /* Of what has a secret that was drawn already nothing is to be done. */
    CHECK(make(&f, URI, NULL));
    CHECK(reseal(&f, URI, NULL, ""));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    fixture_close(&f);
}

/* Not even in a section where all else is random. */
static void a_persons_passphrase_costs_what_it_should(void)
{
    static const char scrypt_n[] = {0x02, 0x02, 0x40, 0x00}; /* 16384, DER */
    struct fixture f;
    size_t len = 0;
    char *data;
    BIO *bio;
    X509_SIG *sig;
    unsigned char *der = NULL;
    int der_len;

    open_all(&f);
    CHECK(make(&f, URI, "pass:typed"));
    data = test_read("alone/a.pem", &len);
    REQUIRE(data != NULL);
    bio = BIO_new_mem_buf(data, (int)len);
    sig = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL);
    der_len = i2d_X509_SIG(sig, &der);
    CHECK(der_len > 0 &&
          memmem(der, (size_t)der_len, scrypt_n, sizeof(scrypt_n)) != NULL);
    OPENSSL_free(der);
    X509_SIG_free(sig);
    BIO_free(bio);
    free(data);
    fixture_close(&f);
}

static void a_new_seal_that_fails_leaves_the_old_one(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(!reseal(&f, URI, "pass:wrong", "pass:new"));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    CHECK_INT(secrets(URI), 1);
    CHECK(make(&f, "keystore://ask/w", "pass:typed"));
    CHECK(!reseal(&f, "keystore://ask/w", "pass:wrong", "random"));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    CHECK_INT(secrets("keystore://ask/w"), 0);
    CHECK(loads(&f, "keystore://ask/w", "typed"));
    CHECK(!reseal(&f, URI, NULL, "file:/nowhere"));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    CHECK(!make(&f, URI, NULL)); /* the name is taken */
    CHECK_INT(secrets(URI), 1);
    ERR_clear_error();
    fixture_close(&f);
}

static void what_the_dead_left_is_passed_over_and_removed(void)
{
    struct fixture f;

    open_all(&f);
    leave_one(URI); /* of a key that was never made */
    CHECK(make(&f, URI, NULL));
    CHECK_INT(secrets(URI), 1);
    for (int i = 0; i < 40; i++)
        leave_one(URI); /* of new seals that were not put on */
    CHECK(loads(&f, URI, NULL));
    CHECK(reseal(&f, URI, NULL, "random"));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    fixture_close(&f);
}

static void a_removed_key_takes_its_secrets_along(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(make(&f, "keystore://alone/b", NULL));
    leave_one(URI);
    CHECK_INT(fixture_delete(&f, URI), 1);
    CHECK_INT(secrets(URI), 0);
    CHECK_INT(secrets("keystore://alone/b"), 1);
    CHECK_INT(fixture_delete(&f, URI), 0);
    ERR_clear_error();
    CHECK(make(&f, URI, NULL));
    CHECK(loads(&f, URI, NULL));
    fixture_close(&f);
}

static void without_an_inventory_it_is_said(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(make(&f, "keystore://default/p", NULL));
    CHECK_INT(rename(test_path("caadm.db"), test_path("away.db")), 0);
    CHECK(!loads(&f, URI, "typed"));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
    CHECK_CONTAINS(text, "caadm.db");
    CHECK_CONTAINS(text, "caadm init");
    CHECK(!make(&f, "keystore://alone/b", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
    CHECK_CONTAINS(text, "caadm init");
    CHECK(access(test_path("alone/b.pem"), F_OK) != 0);
    /* What needs none does not miss it. */
    CHECK(loads(&f, "keystore://default/p", NULL));
    CHECK_INT(fixture_delete(&f, "keystore://default/p"), 1);
    CHECK(access(test_path("caadm.db"), F_OK) != 0);
    CHECK_INT(rename(test_path("away.db"), test_path("caadm.db")), 0);
    CHECK(loads(&f, URI, NULL));
    fixture_close(&f);
}

static void none_is_put_where_others_read(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK_INT(chmod(test_path("caadm.db"), 0640), 0);
    CHECK(!make(&f, "keystore://alone/b", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_DENIED);
    CHECK_CONTAINS(text, "caadm.db");
    CHECK_CONTAINS(text, "chmod go-rwx");
    CHECK(access(test_path("alone/b.pem"), F_OK) != 0);
    CHECK(loads(&f, URI, NULL));
    CHECK_INT(chmod(test_path("caadm.db"), 0600), 0);
    CHECK(make(&f, "keystore://alone/b", NULL));
    fixture_close(&f);
}

static void a_broken_inventory_breaks_no_other_key(void)
{
    static const char junk[] = "this is not a database, and it is long enough "
                               "to be sure of that: 0123456789012345678901234";
    struct fixture f;
    char text[TEXT_MAX];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(make(&f, "keystore://ask/p", "pass:typed"));
    test_write("caadm.db", junk, sizeof(junk), 0600);
    CHECK(!loads(&f, URI, NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_IO);
    CHECK_CONTAINS(text, "random secret: ");
    CHECK(loads(&f, "keystore://ask/p", "typed"));
    CHECK(!loads(&f, "keystore://ask/p", NULL));
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_MISSING);
    CHECK_CONTAINS(text, "no passphrase was given; random secret: ");
    fixture_close(&f);
}

static void what_is_public_needs_no_inventory(void)
{
    struct fixture f;
    OSSL_STORE_INFO *info;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK_INT(unlink(test_path("caadm.db")), 0);
    info = fixture_load_info(&f, URI, NULL, OSSL_STORE_INFO_PUBKEY, NULL);
    CHECK(info != NULL);
    OSSL_STORE_INFO_free(info);
    fixture_close(&f);
}

/* --- at once ---------------------------------------------------------------
 */

static void wait_for(int n)
{
    for (int status = 0; n > 0; n--) {
        CHECK(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
}

/* One is made, of one secret; the others are told that it exists. */
static void many_processes_make_one_key(void)
{
    struct fixture f;

    open_all(&f);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++)
            if (fork() == 0) {
                if (!make(&f, URI, NULL) &&
                    fixture_raised(NULL, 0) != KS_E_EXISTS)
                    _exit(1);
                _exit(0);
            }
        wait_for(4);
        CHECK(loads(&f, URI, NULL));
        CHECK_INT(fixture_delete(&f, URI), 1);
        CHECK_INT(secrets(URI), 0);
    }
    fixture_close(&f);
}

static void many_processes_seal_one_key_anew(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            for (int round = 0; round < 10; round++)
                if (!reseal(&f, URI, NULL, "random")) {
                    ks_rc rc = fixture_raised(NULL, 0);

                    /* Another was faster, and its secret is not ours. */
                    if (rc != KS_E_BUSY && rc != KS_E_SECRET_WRONG &&
                        rc != KS_E_SECRET_MISSING)
                        _exit(1);
                }
            _exit(0);
        }
    wait_for(4);
    CHECK(loads(&f, URI, NULL));
    CHECK(reseal(&f, URI, NULL, "random"));
    CHECK_INT(secrets(URI), 1);
    CHECK(loads(&f, URI, NULL));
    fixture_close(&f);
}

/* Whoever loads it meanwhile does not notice. */
static void a_key_loads_while_it_is_sealed_anew(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            for (int round = 0; round < 100; round++)
                if (!loads(&f, URI, NULL))
                    _exit(1);
            _exit(0);
        }
    for (int round = 0; round < 60; round++)
        CHECK(reseal(&f, URI, NULL, "random"));
    wait_for(3);
    fixture_close(&f);
}

static void a_child_goes_on_with_what_its_parent_has_used(void)
{
    struct fixture f;

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    CHECK(loads(&f, URI, NULL));
    if (fork() == 0) {
        bool good = loads(&f, URI, NULL) &&
                    make(&f, "keystore://alone/child", NULL) &&
                    reseal(&f, URI, NULL, "random");

        _exit(good ? 0 : 1);
    }
    CHECK(make(&f, "keystore://alone/parent", NULL));
    wait_for(1);
    CHECK(loads(&f, URI, NULL));
    CHECK(loads(&f, "keystore://alone/child", NULL));
    CHECK_INT(secrets(URI), 1);
    fixture_close(&f);
}

static void *load_often(void *arg)
{
    const struct fixture *f = arg;
    bool good = true;

    for (int i = 0; good && i < 10; i++)
        good = loads(f, URI, NULL);
    return good ? arg : NULL;
}

static void many_threads_load_at_once(void)
{
    struct fixture f;
    pthread_t threads[6];

    open_all(&f);
    CHECK(make(&f, URI, NULL));
    for (size_t i = 0; i < 6; i++)
        REQUIRE(pthread_create(&threads[i], NULL, load_often, &f) == 0);
    for (size_t i = 0; i < 6; i++) {
        void *result = NULL;

        CHECK_INT(pthread_join(threads[i], &result), 0);
        CHECK(result != NULL);
    }
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(a_key_is_made_and_loads_with_nobody_there),
    TEST_CASE(an_operation_key_may_have_one_too),
    TEST_CASE(one_key_of_a_section_may_have_one),
    TEST_CASE(without_its_secret_a_key_does_not_load),
    TEST_CASE(a_passphrase_that_is_given_still_counts),
    TEST_CASE(random_is_no_source_in_a_uri_and_opens_nothing),
    TEST_CASE(a_key_is_sealed_anew_both_ways),
    TEST_CASE(what_was_done_can_be_asked_for_again),
    TEST_CASE(a_persons_passphrase_costs_what_it_should),
    TEST_CASE(a_new_seal_that_fails_leaves_the_old_one),
    TEST_CASE(what_the_dead_left_is_passed_over_and_removed),
    TEST_CASE(a_removed_key_takes_its_secrets_along),
    TEST_CASE(without_an_inventory_it_is_said),
    TEST_CASE(none_is_put_where_others_read),
    TEST_CASE(a_broken_inventory_breaks_no_other_key),
    TEST_CASE(what_is_public_needs_no_inventory),
    TEST_CASE(many_processes_make_one_key),
    TEST_CASE(many_processes_seal_one_key_anew),
    TEST_CASE(a_key_loads_while_it_is_sealed_anew),
    TEST_CASE(a_child_goes_on_with_what_its_parent_has_used),
    TEST_CASE(many_threads_load_at_once),
};
TEST_MAIN("provider.random", cases)
