/* store/seal/unlock.c */
#include "seal/unlock.h"

#include <string.h>

#include "keys.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};
static const struct ks_kdf cheap = {2, 1, 1};
static const char uri[] = "keystore://d/k";

/* A new key, sealed under "sesame". */
static void make(struct test_key *key, struct ks_buf *sealed)
{
    struct test_answers answers = {.secrets = {"sesame"}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_err err = {0};

    test_key_make("ED25519", key);
    CHECK_OK(ks_lock_up(&ours, uri, &key->pkcs8, &cheap, &ask, sealed, &err),
             &err);
    CHECK_INT(answers.asked, 1);
    CHECK(answers.confirmed);
    CHECK_STR(answers.whose, uri);
}

static void secrets_are_tried_in_turn(void)
{
    struct test_answers answers = {.secrets = {"a", "b", "sesame"}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_buf sealed = {0};
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    struct test_key key;

    make(&key, &sealed);
    CHECK_OK(ks_unlock(&ours, uri, &sealed, &ask, &pkcs8, &err), &err);
    CHECK_INT(answers.asked, 3);
    CHECK(!answers.confirmed);
    CHECK_BYTES(pkcs8.data, pkcs8.len, key.pkcs8.data, key.pkcs8.len);
    ks_secret_clear(&pkcs8);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
}

static void none_and_wrong_are_two_results(void)
{
    struct test_answers wrong = {.secrets = {"a", "b"}}, none = {0};
    struct ks_ask ask = test_ask(&wrong);
    struct ks_buf sealed = {0};
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    struct test_key key;

    make(&key, &sealed);
    CHECK_RC(ks_unlock(&ours, uri, &sealed, &ask, &pkcs8, &err),
             KS_E_SECRET_WRONG);
    CHECK_STR(err.text, "keystore://d/k: wrong passphrase");
    err = (struct ks_err){0};
    ask = test_ask(&none);
    CHECK_RC(ks_unlock(&ours, uri, &sealed, &ask, &pkcs8, &err),
             KS_E_SECRET_MISSING);
    CHECK_STR(err.text, "keystore://d/k: nobody answers");
    err = (struct ks_err){0};
    CHECK_RC(ks_unlock(&ours, uri, &sealed, NULL, &pkcs8, &err),
             KS_E_SECRET_MISSING);
    CHECK_CONTAINS(err.text, "keystore://d/k: ");
    CHECK(pkcs8.data == NULL);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
}

static ks_rc always_wrong(void *arg, const struct ks_question *question,
                          struct ks_secret *secret, struct ks_err *err)
{
    (void)question;
    (void)err;
    ++*(unsigned *)arg;
    return ks_secret_set(secret, "no", 2);
}

static ks_rc interrupted(void *arg, const struct ks_question *question,
                         struct ks_secret *secret, struct ks_err *err)
{
    (void)arg;
    (void)question;
    (void)secret;
    return ks_fail(err, KS_E_INTERRUPTED, "person left");
}

static void who_never_stops_answering_is_stopped(void)
{
    unsigned asked = 0;
    const struct ks_ask ask = {always_wrong, &asked};
    struct ks_buf sealed = {0};
    struct ks_secret pkcs8 = {0};
    struct test_key key;

    make(&key, &sealed);
    CHECK_RC(ks_unlock(&ours, uri, &sealed, &ask, &pkcs8, NULL),
             KS_E_SECRET_WRONG);
    CHECK(asked > 1 && asked <= 1000);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
}

static void other_results_of_the_question_are_kept(void)
{
    const struct ks_ask ask = {interrupted, NULL};
    struct ks_buf sealed = {0}, again = {0};
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    struct test_key key;

    make(&key, &sealed);
    CHECK_RC(ks_unlock(&ours, uri, &sealed, &ask, &pkcs8, &err),
             KS_E_INTERRUPTED);
    CHECK_CONTAINS(err.text, "person left");
    CHECK_RC(ks_lock_up(&ours, uri, &key.pkcs8, &cheap, &ask, &again, NULL),
             KS_E_INTERRUPTED);
    CHECK_RC(ks_lock_up(&ours, uri, &key.pkcs8, &cheap, NULL, &again, NULL),
             KS_E_SECRET_MISSING);
    CHECK(again.data == NULL);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
}

static const struct test_case cases[] = {
    TEST_CASE(secrets_are_tried_in_turn),
    TEST_CASE(none_and_wrong_are_two_results),
    TEST_CASE(who_never_stops_answering_is_stopped),
    TEST_CASE(other_results_of_the_question_are_kept),
};
TEST_MAIN("store.unlock", cases)
