/*
 * What every backend has to keep, in one process; one whose keys stay inside
 * as far as that is the same.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "contract.h"
#include "ks_uri.h"

#define N_THREADS 4
#define N_KEYS 12

static void it_says_what_it_is(void)
{
    const struct ks_backend *backend = subject.backend;

    CHECK_INT(backend->abi, KS_BACKEND_ABI);
    CHECK(backend->type != NULL && backend->type[0] != '\0');
    CHECK(backend->open != NULL && backend->close != NULL);
    CHECK(backend->list != NULL && backend->info != NULL);
    CHECK(backend->remove != NULL);
    /* A backend may have both kinds of keys. */
    CHECK(subject.inside ? backend->open_key != NULL : backend->get != NULL);
    CHECK((backend->put != NULL) == (backend->get != NULL));
    CHECK((backend->replace != NULL) == (backend->get != NULL));
    CHECK(backend->generate == NULL || backend->open_key != NULL);
    CHECK(backend->import == NULL || backend->open_key != NULL);
    backend->close(NULL);
}

static void keys_of_every_kind_come_back_as_they_went(void)
{
    static const char *const kinds[] = {"RSA",   "RSA-PSS", "P-256",
                                        "P-384", "P-521",   "ED25519",
                                        "ED448", "X25519",  "X448"};
    void *store = contract_open();

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct test_answers answers = {.secrets = {"sesame"}};
        const struct ks_ask ask = test_ask(&answers);
        struct ks_secret pkcs8 = {0};
        struct ks_err err = {0};
        struct test_key key;

        test_key_make(kinds[i], &key);
        CHECK_RC(contract_save(store, kinds[i], &key, "sesame"), KS_OK);
        CHECK_OK(contract_load_key(store, kinds[i], &ask, &pkcs8, &err), &err);
        CHECK_BYTES(pkcs8.data, pkcs8.len, key.pkcs8.data, key.pkcs8.len);
        CHECK_INT(answers.asked, 1);
        CHECK(strncmp(answers.whose, "keystore://default/", 19) == 0);
        ks_secret_clear(&pkcs8);
        test_key_clear(&key);
    }
    CHECK(ERR_peek_error() == 0);
    subject.backend->close(store);
}

static void the_public_half_needs_no_secret(void)
{
    void *store = contract_open();
    struct ks_key_info info = {0};
    struct ks_err err = {0};
    struct test_key key;
    time_t before = time(NULL);

    test_key_make("P-256", &key);
    CHECK_RC(contract_save(store, "k", &key, "sesame"), KS_OK);
    CHECK_OK(subject.backend->info(store, "k", &info, &err), &err);
    CHECK_BYTES(info.spki.data, info.spki.len, key.spki.data, key.spki.len);
    CHECK((info.created >= before && info.created <= time(NULL)) ||
          (info.created == 0 && subject.inside));
    CHECK(info.cert.data == NULL);
    ks_key_info_clear(&info);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void wrong_and_missing_secrets_are_told_apart(void)
{
    void *store = contract_open();
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "k", &key, NULL), KS_E_SECRET_MISSING);
    CHECK_INT(contract_count(store), 0);
    CHECK_RC(contract_save(store, "k", &key, "sesame"), KS_OK);
    CHECK_RC(contract_load(store, "k", "wrong", NULL), KS_E_SECRET_WRONG);
    CHECK_RC(contract_load(store, "k", NULL, NULL), KS_E_SECRET_MISSING);
    CHECK_RC(contract_load(store, "k", "wrong", "sesame"), KS_OK);
    CHECK_RC(contract_load(store, "k", "Sesame", NULL), KS_E_SECRET_WRONG);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void a_damaged_key_is_not_a_wrong_secret(void)
{
    void *store = contract_open();
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "k", &key, "sesame"), KS_OK);
    CHECK_RC(contract_save(store, "other", &key, "sesame"), KS_OK);
    subject.damage(store, "k");
    CHECK_RC(contract_load(store, "k", "sesame", NULL), KS_E_DAMAGED);
    CHECK_RC(contract_load(store, "k", "wrong", NULL), KS_E_DAMAGED);
    CHECK_RC(contract_load(store, "k", NULL, NULL), KS_E_DAMAGED);
    CHECK_RC(contract_reseal(store, "k", "sesame", "new"), KS_E_DAMAGED);
    CHECK_RC(contract_load(store, "other", "sesame", NULL), KS_OK);
    CHECK_INT(contract_count(store), 2);
    CHECK_RC(contract_save(store, "k", &key, "sesame"), KS_E_EXISTS);
    CHECK_RC(contract_remove(store, "k"), KS_OK);
    CHECK_RC(contract_save(store, "k", &key, "sesame"), KS_OK);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void a_taken_name_stays_its_owners(void)
{
    void *store = contract_open();
    struct ks_key_info info = {0};
    struct test_key first, second;

    test_key_make("ED25519", &first);
    test_key_make("P-256", &second);
    CHECK_RC(contract_save(store, "k", &first, "one"), KS_OK);
    CHECK_RC(contract_save(store, "k", &second, "two"), KS_E_EXISTS);
    CHECK_RC(contract_load(store, "k", "one", NULL), KS_OK);
    CHECK_RC(subject.backend->info(store, "k", &info, NULL), KS_OK);
    CHECK_BYTES(info.spki.data, info.spki.len, first.spki.data, first.spki.len);
    CHECK_INT(contract_count(store), 1);
    CHECK_RC(contract_save(store, "K", &second, "two"), KS_OK);
    CHECK_INT(contract_count(store), 2);
    ks_key_info_clear(&info);
    test_key_clear(&first);
    test_key_clear(&second);
    subject.backend->close(store);
}

static void a_missing_key_is_not_found(void)
{
    void *store = contract_open();
    struct ks_key_info info = {0};
    struct test_key key;

    for (int i = 0; i < 2; i++) { /* in an empty place, and beside a key */
        CHECK_RC(contract_load(store, "none", "x", NULL), KS_E_NOT_FOUND);
        CHECK_RC(subject.backend->info(store, "none", &info, NULL),
                 KS_E_NOT_FOUND);
        CHECK(info.spki.data == NULL);
        CHECK_RC(contract_remove(store, "none"), KS_E_NOT_FOUND);
        if (!subject.inside)
            CHECK_RC(contract_reseal(store, "none", "x", "y"), KS_E_NOT_FOUND);
        CHECK_INT(contract_count(store), (unsigned)i);
        test_key_make("ED25519", &key);
        CHECK_RC(contract_save(store, i == 0 ? "k" : "l", &key, "x"), KS_OK);
        test_key_clear(&key);
    }
    subject.backend->close(store);
}

static void a_removed_key_is_gone(void)
{
    void *store = contract_open();
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "a", &key, "x"), KS_OK);
    CHECK_RC(contract_save(store, "b", &key, "x"), KS_OK);
    CHECK_RC(contract_remove(store, "a"), KS_OK);
    CHECK_RC(contract_load(store, "a", "x", NULL), KS_E_NOT_FOUND);
    CHECK_RC(contract_remove(store, "a"), KS_E_NOT_FOUND);
    CHECK_INT(contract_listed(store, "a"), 0);
    CHECK_INT(contract_listed(store, "b"), 1);
    CHECK_RC(contract_save(store, "a", &key, "y"), KS_OK);
    CHECK_RC(contract_load(store, "a", "y", NULL), KS_OK);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void resealing_changes_the_secret_and_nothing_else(void)
{
    void *store = contract_open();
    struct ks_key_info before = {0}, after = {0};
    struct test_key key;

    test_key_make("P-256", &key);
    CHECK_RC(contract_save(store, "k", &key, "old"), KS_OK);
    CHECK_RC(subject.backend->info(store, "k", &before, NULL), KS_OK);
    CHECK_RC(contract_reseal(store, "k", "wrong", "new"), KS_E_SECRET_WRONG);
    CHECK_RC(contract_reseal(store, "k", NULL, "new"), KS_E_SECRET_MISSING);
    CHECK_RC(contract_reseal(store, "k", "old", NULL), KS_E_SECRET_MISSING);
    CHECK_RC(contract_reseal(store, "k", "old", ""), KS_E_INVALID);
    CHECK_RC(contract_load(store, "k", "old", NULL), KS_OK);
    CHECK_RC(contract_reseal(store, "k", "old", "new"), KS_OK);
    CHECK_RC(contract_load(store, "k", "new", NULL), KS_OK);
    CHECK_RC(contract_load(store, "k", "old", NULL), KS_E_SECRET_WRONG);
    CHECK_RC(subject.backend->info(store, "k", &after, NULL), KS_OK);
    CHECK_BYTES(after.spki.data, after.spki.len, before.spki.data,
                before.spki.len);
    CHECK_INT(after.created, before.created);
    CHECK_INT(contract_count(store), 1);
    ks_key_info_clear(&before);
    ks_key_info_clear(&after);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void odd_names_are_names(void)
{
    char longest[KS_KEY_NAME_MAX + 1], wide[KS_KEY_NAME_MAX + 1];
    const char *const names[] = {
        ".",
        "..",
        "/",
        "../../x",
        "a/b",
        "a//b",
        "/etc",
        "%",
        "%41",
        "A",
        "%2E",
        "a b",
        " ",
        "-",
        "--help",
        ".lock",
        ".tmp-1",
        "x.pem",
        "~",
        "*?[a]",
        "'\"\\$;",
        "Zürich",
        "Zu\xcc\x88rich",
        "日本語",
        "\xf0\x9f\x94\x91",
        longest,
        wide,
        "%sha256-0",
        "k?x=y#z",
        "nul",
    };
    const size_t n = sizeof(names) / sizeof(names[0]);
    void *store = contract_open();
    struct test_key key;

    memset(longest, 'n', sizeof(longest));
    longest[KS_KEY_NAME_MAX] = '\0';
    for (size_t i = 0; i + 3 <= KS_KEY_NAME_MAX; i += 3)
        memcpy(wide + i, "\xe2\x82\xac", 4);
    test_key_make("ED25519", &key);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(ks_key_name_check(names[i], NULL) == KS_OK);
        CHECK_RC(contract_save(store, names[i], &key, "x"), KS_OK);
    }
    CHECK_INT(contract_count(store), n);
    for (size_t i = 0; i < n; i++) {
        CHECK_INT(contract_listed(store, names[i]), 1);
        CHECK_RC(contract_load(store, names[i], "x", NULL), KS_OK);
        if (!subject.inside)
            CHECK_RC(contract_reseal(store, names[i], "x", "y"), KS_OK);
        CHECK_RC(contract_remove(store, names[i]), KS_OK);
    }
    CHECK_INT(contract_count(store), 0);
    test_key_clear(&key);
    subject.backend->close(store);
}

static void halves_of_two_keys_are_not_saved(void)
{
    void *store = contract_open();
    struct test_key one, two;
    struct ks_buf spki;

    test_key_make("P-256", &one);
    test_key_make("P-256", &two);
    spki = one.spki;
    one.spki = two.spki;
    two.spki = spki;
    CHECK_RC(contract_save(store, "k", &one, "x"), KS_E_DAMAGED);
    CHECK_INT(contract_count(store), 0);
    test_key_clear(&one);
    test_key_clear(&two);
    subject.backend->close(store);
}

static ks_rc stop_at_once(void *arg, const char *name, struct ks_err *err)
{
    (void)name;
    ++*(unsigned *)arg;
    return ks_fail(err, KS_E_INTERRUPTED, "enough");
}

/* Removes what it is told of. */
struct sweep {
    void *store;
    ks_rc rc;
};

static ks_rc remove_it(void *arg, const char *name, struct ks_err *err)
{
    struct sweep *sweep = arg;

    (void)err;
    return contract_remove(sweep->store, name);
}

static void whoever_lists_may_stop_and_may_change(void)
{
    void *store = contract_open();
    struct sweep sweep = {.store = store};
    struct ks_err err = {0};
    struct test_key key;
    unsigned told = 0;

    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "a", &key, "x"), KS_OK);
    CHECK_RC(contract_save(store, "b", &key, "x"), KS_OK);
    CHECK_RC(subject.backend->list(store, stop_at_once, &told, &err),
             KS_E_INTERRUPTED);
    CHECK_STR(err.text, "enough");
    CHECK_INT(told, 1);
    CHECK_RC(subject.backend->list(store, remove_it, &sweep, NULL), KS_OK);
    CHECK_INT(contract_count(store), 0);
    test_key_clear(&key);
    subject.backend->close(store);
}

/* What a thread did: CUnit is for one thread alone. */
struct worker {
    void *store;
    const struct test_key *key;
    unsigned number, won, failed;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    char name[32];
    ks_rc rc;

    for (unsigned i = 0; i < N_KEYS; i++) {
        (void)snprintf(name, sizeof(name), "own-%u-%u", worker->number, i);
        worker->failed +=
            contract_quiet_save(worker->store, name, worker->key, "x") != KS_OK;
        worker->failed +=
            contract_quiet_load(worker->store, name, "x") != KS_OK;
        (void)snprintf(name, sizeof(name), "shared-%u", i);
        rc = contract_quiet_save(worker->store, name, worker->key, "x");
        worker->won += rc == KS_OK;
        worker->failed += rc != KS_OK && rc != KS_E_EXISTS;
        worker->failed +=
            contract_quiet_load(worker->store, name, "x") != KS_OK;
    }
    return NULL;
}

static void threads_share_a_store(void)
{
    void *store = contract_open();
    pthread_t threads[N_THREADS];
    struct worker workers[N_THREADS];
    struct test_key key;
    unsigned won = 0;

    test_key_make("ED25519", &key);
    for (unsigned i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){store, &key, i, 0, 0};
        REQUIRE(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        CHECK_INT(workers[i].failed, 0);
        won += workers[i].won;
    }
    CHECK_INT(won, N_KEYS);
    CHECK_INT(contract_count(store), N_KEYS * (N_THREADS + 1));
    test_key_clear(&key);
    subject.backend->close(store);
}

/* --- of keys that stay inside --------------------------------------------- */

static void keys_from_outside_are_used_inside(void)
{
    static const char *const kinds[] = {"RSA",   "RSA-PSS", "P-256",
                                        "P-384", "P-521",   "ED25519",
                                        "ED448", "X25519",  "X448"};
    void *store = contract_open();

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct ks_key_info info = {0};
        struct ks_err err = {0};
        struct test_key key;

        test_key_make(kinds[i], &key);
        CHECK_RC(contract_save(store, kinds[i], &key, "x"), KS_OK);
        CHECK_RC(contract_load(store, kinds[i], "x", NULL), KS_OK);
        CHECK_OK(subject.backend->info(store, kinds[i], &info, &err), &err);
        CHECK_BYTES(info.spki.data, info.spki.len, key.spki.data, key.spki.len);
        ks_key_info_clear(&info);
        test_key_clear(&key);
    }
    CHECK(ERR_peek_error() == 0);
    subject.backend->close(store);
}

static ks_rc generate(void *store, const char *name, const char *algorithm,
                      const char *group, struct ks_buf *spki)
{
    const struct ks_keygen spec = {.algorithm = algorithm, .group = group};

    /* The secret was given before; nobody is asked again. */
    return subject.backend->generate(store, name, &spec, NULL, spki, NULL);
}

static void keys_are_made_inside(void)
{
    void *store = contract_open();
    struct ks_key_info info = {0};
    struct ks_buf spki = {0}, other = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(generate(store, "early", "ED25519", NULL, &spki),
             KS_E_SECRET_MISSING);
    CHECK(spki.data == NULL);
    CHECK_INT(contract_count(store), 0);
    CHECK_RC(contract_save(store, "old", &key, "x"), KS_OK);
    CHECK_RC(generate(store, "new", "EC", "P-256", &spki), KS_OK);
    CHECK_RC(subject.backend->info(store, "new", &info, NULL), KS_OK);
    CHECK_BYTES(spki.data, spki.len, info.spki.data, info.spki.len);
    CHECK_RC(contract_load(store, "new", "x", NULL), KS_OK);
    ks_buf_clear(&spki);
    CHECK_RC(generate(store, "agrees", "X25519", NULL, &spki), KS_OK);
    CHECK_RC(contract_load(store, "agrees", "x", NULL), KS_OK);
    CHECK_RC(generate(store, "new", "ED25519", NULL, &other), KS_E_EXISTS);
    CHECK_RC(generate(store, "old", "ED25519", NULL, &other), KS_E_EXISTS);
    CHECK_RC(contract_save(store, "new", &key, "x"), KS_E_EXISTS);
    CHECK_RC(generate(store, "odd", "nonsense", NULL, &other),
             KS_E_UNSUPPORTED);
    CHECK(other.data == NULL);
    CHECK_INT(contract_count(store), 3);
    ks_key_info_clear(&info);
    ks_buf_clear(&spki);
    test_key_clear(&key);
    subject.backend->close(store);
}

static const struct test_case cases[] = {
    TEST_CASE(it_says_what_it_is),
    TEST_CASE(keys_of_every_kind_come_back_as_they_went),
    TEST_CASE(the_public_half_needs_no_secret),
    TEST_CASE(wrong_and_missing_secrets_are_told_apart),
    TEST_CASE(a_damaged_key_is_not_a_wrong_secret),
    TEST_CASE(a_taken_name_stays_its_owners),
    TEST_CASE(a_missing_key_is_not_found),
    TEST_CASE(a_removed_key_is_gone),
    TEST_CASE(resealing_changes_the_secret_and_nothing_else),
    TEST_CASE(odd_names_are_names),
    TEST_CASE(halves_of_two_keys_are_not_saved),
    TEST_CASE(whoever_lists_may_stop_and_may_change),
    TEST_CASE(threads_share_a_store),
};

/* What one secret for all keys, and keys that cannot be damaged from outside,
 * leave of it. */
static const struct test_case inside_cases[] = {
    TEST_CASE(it_says_what_it_is),
    TEST_CASE(keys_from_outside_are_used_inside),
    TEST_CASE(keys_are_made_inside),
    TEST_CASE(the_public_half_needs_no_secret),
    TEST_CASE(a_taken_name_stays_its_owners),
    TEST_CASE(a_missing_key_is_not_found),
    TEST_CASE(a_removed_key_is_gone),
    TEST_CASE(odd_names_are_names),
    TEST_CASE(halves_of_two_keys_are_not_saved),
    TEST_CASE(whoever_lists_may_stop_and_may_change),
    TEST_CASE(threads_share_a_store),
};

#define N_OF(cases) (sizeof(cases) / sizeof((cases)[0]))

int main(int argc, char **argv)
{
    if (subject.inside)
        return test_run("contract.backend", inside_cases, N_OF(inside_cases),
                        argc, argv);
    return test_run("contract.backend", cases, N_OF(cases), argc, argv);
}
