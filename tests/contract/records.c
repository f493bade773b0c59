/*
 * What a backend of records has to keep, call by call. The suite beside it
 * sees them through the layer that seals; here they are what the backend gets.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "contract.h"
#include "record.h"
#include "seal/cms.h"

#define N_THREADS 4
#define N_ROUNDS 10

static const struct ks_crypto ours = {NULL, NULL};

/* A record of a new key with all that a record can have. */
static void make_base(const struct test_key *key, enum ks_form form,
                      struct ks_record *record)
{
    struct test_key issuer;

    *record = (struct ks_record){
        .form = form, .info = {.created = 1700000000, .origin = "imported"}};
    CHECK_RC(ks_buf_set(&record->info.spki, key->spki.data, key->spki.len),
             KS_OK);
    test_key_make("P-256", &issuer);
    test_key_certify(key, &record->info.cert);
    test_key_certify(&issuer, &record->info.chain);
    test_key_clear(&issuer);
}

static void make_plain(const struct test_key *key, struct ks_record *record)
{
    make_base(key, KS_FORM_PLAIN, record);
    CHECK_RC(
        ks_secret_set(&record->private_half, key->pkcs8.data, key->pkcs8.len),
        KS_OK);
}

static void set_half(struct ks_record *record, const struct ks_buf *sealed)
{
    CHECK_RC(ks_secret_set(&record->private_half, sealed->data, sealed->len),
             KS_OK);
}

static void make_sealed(const struct test_key *key, struct ks_record *record)
{
    static const struct ks_kdf cheap = {2, 1, 1};
    struct ks_secret passphrase = {0};
    struct ks_buf sealed = {0};

    make_base(key, KS_FORM_PASSPHRASE, record);
    CHECK_RC(ks_secret_set(&passphrase, "sesame", 6), KS_OK);
    CHECK_RC(ks_seal(&ours, &key->pkcs8, &passphrase, &cheap, &sealed, NULL),
             KS_OK);
    set_half(record, &sealed);
    ks_secret_clear(&passphrase);
    ks_buf_clear(&sealed);
}

static void make_cms(const struct test_key *key, struct ks_record *record)
{
    struct ks_cms_recipient recipient = {.oaep_digest = "SHA2-256"};
    struct ks_buf sealed = {0};
    struct test_key kek;
    struct ks_err err = {0};

    make_base(key, KS_FORM_CMS, record);
    test_key_make("P-256", &kek);
    recipient.spki = kek.spki;
    CHECK_OK(ks_cms_seal(&ours, &key->pkcs8, &recipient, 1, &sealed, &err),
             &err);
    set_half(record, &sealed);
    record->recipients = OPENSSL_strdup("keystore://hsm/kek, file:/e.pem");
    test_key_clear(&kek);
    ks_buf_clear(&sealed);
}

/* True if NAME is kept as WANT is. */
static bool is_kept(void *store, const char *name, const struct ks_record *want)
{
    struct ks_record record = {0};
    struct ks_err err = {0};
    bool same;

    CHECK_OK(subject.backend->get(store, name, &record, &err), &err);
    same = ks_record_equal(&record, want);
    ks_record_clear(&record);
    return same;
}

static void a_record_comes_back_as_it_went(void)
{
    static void (*const makers[])(const struct test_key *key,
                                  struct ks_record *record) = {
        make_plain, make_sealed, make_cms};
    void *store = contract_open();
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("P-256", &key);
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        struct ks_record record;
        struct ks_key_info info = {0};
        char name[16];

        (void)snprintf(name, sizeof(name), "k%zu", i);
        makers[i](&key, &record);
        CHECK_OK(subject.backend->put(store, name, &record, &err), &err);
        CHECK(is_kept(store, name, &record));
        CHECK_OK(subject.backend->info(store, name, &info, &err), &err);
        CHECK_BYTES(info.cert.data, info.cert.len, record.info.cert.data,
                    record.info.cert.len);
        CHECK_BYTES(info.chain.data, info.chain.len, record.info.chain.data,
                    record.info.chain.len);
        CHECK_INT(info.created, 1700000000);
        CHECK_STR(info.origin, "imported");
        ks_key_info_clear(&info);
        ks_record_clear(&record);
    }
    CHECK(ERR_peek_error() == 0);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void what_is_not_there_is_not_kept(void)
{
    void *store = contract_open();
    struct ks_record record;
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    make_sealed(&key, &record);
    ks_buf_clear(&record.info.cert);
    ks_buf_clear(&record.info.chain);
    record.info.created = 0;
    record.info.origin[0] = '\0';
    CHECK_OK(subject.backend->put(store, "k", &record, &err), &err);
    CHECK(is_kept(store, "k", &record));
    ks_record_clear(&record);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void the_largest_record_is_kept(void)
{
    void *store = contract_open();
    struct ks_record record;
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    make_plain(&key, &record);
    CHECK_RC(ks_secret_alloc(&record.private_half, KS_PRIVATE_HALF_MAX), KS_OK);
    memset(record.private_half.data, 0xa5, record.private_half.len);
    CHECK_OK(subject.backend->put(store, "k", &record, &err), &err);
    CHECK(is_kept(store, "k", &record));
    ks_record_clear(&record);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void a_taken_name_keeps_its_record(void)
{
    void *store = contract_open();
    struct ks_record first, second;
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    make_sealed(&key, &first);
    make_sealed(&key, &second);
    CHECK_RC(subject.backend->put(store, "k", &first, NULL), KS_OK);
    CHECK_RC(subject.backend->put(store, "k", &second, &err), KS_E_EXISTS);
    CHECK(err.text[0] != '\0');
    CHECK(is_kept(store, "k", &first));
    ks_record_clear(&first);
    ks_record_clear(&second);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void a_record_is_replaced_whole(void)
{
    void *store = contract_open();
    struct ks_record first, second;
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    make_sealed(&key, &first);
    make_cms(&key, &second);
    ks_buf_clear(&second.info.chain);
    CHECK_RC(subject.backend->put(store, "k", &first, NULL), KS_OK);
    CHECK_OK(subject.backend->replace(store, "k", &first, &second, &err), &err);
    CHECK(is_kept(store, "k", &second));
    CHECK_OK(subject.backend->replace(store, "k", &second, &first, &err), &err);
    CHECK(is_kept(store, "k", &first));
    CHECK_INT(contract_count(store), 1);
    ks_record_clear(&first);
    ks_record_clear(&second);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void what_is_not_the_old_one_any_longer_stays(void)
{
    void *store = contract_open();
    struct ks_record first, second;
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    make_sealed(&key, &first);
    make_sealed(&key, &second);
    CHECK_RC(subject.backend->put(store, "k", &first, NULL), KS_OK);
    CHECK_RC(subject.backend->replace(store, "k", &second, &second, &err),
             KS_E_BUSY);
    CHECK(err.text[0] != '\0');
    CHECK(is_kept(store, "k", &first));
    CHECK_RC(subject.backend->replace(store, "none", &first, &second, NULL),
             KS_E_NOT_FOUND);
    CHECK_INT(contract_count(store), 1);
    CHECK_RC(contract_remove(store, "k"), KS_OK);
    CHECK_RC(subject.backend->replace(store, "k", &first, &second, NULL),
             KS_E_NOT_FOUND);
    CHECK_INT(contract_count(store), 0);
    ks_record_clear(&first);
    ks_record_clear(&second);
    test_key_clear(&key);
    subject.backend->close(store);
}

/* One that puts its own record in the place of the first. */
struct racer {
    void *store;
    const struct ks_record *old;
    struct ks_record own;
    ks_rc rc;
};

static void *race(void *arg)
{
    struct racer *racer = arg;

    racer->rc = subject.backend->replace(racer->store, "k", racer->old,
                                         &racer->own, NULL);
    return NULL;
}

static void race_once(void *store, const struct test_key *key)
{
    pthread_t threads[N_THREADS];
    struct racer racers[N_THREADS];
    struct ks_record old;
    unsigned won = 0;

    make_sealed(key, &old);
    CHECK_RC(subject.backend->put(store, "k", &old, NULL), KS_OK);
    for (size_t i = 0; i < N_THREADS; i++) {
        racers[i] = (struct racer){.store = store, .old = &old};
        make_sealed(key, &racers[i].own);
    }
    for (size_t i = 0; i < N_THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, race, &racers[i]) == 0);
    for (size_t i = 0; i < N_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        CHECK(racers[i].rc == KS_OK || racers[i].rc == KS_E_BUSY);
        if (racers[i].rc == KS_OK) {
            won++;
            CHECK(is_kept(store, "k", &racers[i].own));
        }
    }
    CHECK_INT(won, 1);
    for (size_t i = 0; i < N_THREADS; i++)
        ks_record_clear(&racers[i].own);
    ks_record_clear(&old);
    CHECK_RC(contract_remove(store, "k"), KS_OK);
}

static void of_threads_that_replace_one_record_one_wins(void)
{
    void *store = contract_open();
    struct test_key key;

    test_key_make("ED25519", &key);
    for (unsigned i = 0; i < N_ROUNDS; i++)
        race_once(store, &key);
    test_key_clear(&key);
    subject.backend->close(store);
}

static const struct test_case cases[] = {
    TEST_CASE(a_record_comes_back_as_it_went),
    TEST_CASE(what_is_not_there_is_not_kept),
    TEST_CASE(the_largest_record_is_kept),
    TEST_CASE(a_taken_name_keeps_its_record),
    TEST_CASE(a_record_is_replaced_whole),
    TEST_CASE(what_is_not_the_old_one_any_longer_stays),
    TEST_CASE(of_threads_that_replace_one_record_one_wins),
};
TEST_MAIN("contract.records", cases)
