/* store/seal/sealing.c: keys that are not sealed, or under a passphrase; those
 * that are sealed to other keys are in test_sealing_keys.c */
#include "seal/sealing.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};
static const char uri[] = "keystore://d/k";

static ks_rc new_sealing(const struct ks_setting *settings, size_t n,
                         struct ks_sealing **out, struct ks_err *err)
{
    *err = (struct ks_err){0};
    return ks_sealing_new("d", settings, n, &ours, NULL, out, err);
}

static struct ks_sealing *sealing_of(const char *key, const char *value)
{
    const struct ks_setting settings[] = {{"kdf", "scrypt:4:1:1"},
                                          {key, value}};
    struct ks_sealing *sealing = NULL;
    struct ks_err err;

    CHECK_OK(new_sealing(settings, key != NULL ? 2 : 1, &sealing, &err), &err);
    return sealing;
}

static void seal(const struct ks_sealing *sealing, const struct test_key *key,
                 const char *secret, struct ks_record *record)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_err err = {0};

    CHECK_OK(ks_sealing_seal(sealing, uri, &key->pkcs8, &ask, record, &err),
             &err);
}

static void bad_settings_are_configuration_errors(void)
{
    static const struct {
        struct ks_setting settings[2];
        const char *why;
    } rows[] = {
        {{{"sealing", "x"}}, "[backend d] sealing: "},
        {{{"kdf", "x"}}, "[backend d] kdf: "},
        {{{"seal_to", "keystore://hsm/k"}, {"sealing", "none"}},
         "[backend d] seal_to: not together with sealing"},
        {{{"seal_to", "keystore://hsm/k"}, {"passphrase", "prompt"}},
         "[backend d] seal_to: not together with passphrase"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_sealing *sealing = NULL;
        struct ks_err err;
        const size_t n = rows[i].settings[1].key != NULL ? 2 : 1;

        CHECK_RC(new_sealing(rows[i].settings, n, &sealing, &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, rows[i].why);
        CHECK(sealing == NULL);
    }
    ks_sealing_free(NULL);
}

static void the_form_is_what_the_section_says(void)
{
    struct ks_sealing *none = sealing_of("sealing", "none");
    struct ks_sealing *said = sealing_of("sealing", "passphrase");
    struct ks_sealing *unsaid = sealing_of(NULL, NULL);

    CHECK_INT(ks_sealing_form(none), KS_FORM_PLAIN);
    CHECK_INT(ks_sealing_form(said), KS_FORM_PASSPHRASE);
    CHECK_INT(ks_sealing_form(unsaid), KS_FORM_PASSPHRASE);
    ks_sealing_free(none);
    ks_sealing_free(said);
    ks_sealing_free(unsaid);
}

static void what_was_sealed_opens(void)
{
    static const char *const words[] = {"passphrase", "none"};

    for (size_t i = 0; i < 2; i++) {
        struct ks_sealing *sealing = sealing_of("sealing", words[i]);
        struct test_answers answers = {.secrets = {"sesame"}};
        const struct ks_ask ask = test_ask(&answers);
        struct ks_record record = {0};
        struct ks_secret pkcs8 = {0};
        struct ks_err err = {0};
        struct test_key key;

        test_key_make("P-256", &key);
        seal(sealing, &key, "sesame", &record);
        seal(sealing, &key, "sesame", &record); /* what was there is freed */
        CHECK_INT(record.form, ks_sealing_form(sealing));
        CHECK(ks_sealing_is_current(sealing, &record));
        CHECK_OK(ks_sealing_open(sealing, uri, &record, NULL, false, &ask,
                                 &pkcs8, &err),
                 &err);
        CHECK_BYTES(pkcs8.data, pkcs8.len, key.pkcs8.data, key.pkcs8.len);
        CHECK_INT(answers.asked, i == 0 ? 1 : 0);
        ks_secret_clear(&pkcs8);
        ks_record_clear(&record);
        test_key_clear(&key);
        ks_sealing_free(sealing);
    }
}

static void an_unsealed_key_needs_the_word_for_it(void)
{
    struct ks_sealing *none = sealing_of("sealing", "none");
    struct ks_sealing *sealed = sealing_of(NULL, NULL);
    struct ks_record record = {0};
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    seal(none, &key, NULL, &record);
    CHECK_RC(
        ks_sealing_open(sealed, uri, &record, NULL, false, NULL, &pkcs8, &err),
        KS_E_DENIED);
    CHECK_CONTAINS(err.text, "not sealed, which [backend d] requires");
    CHECK_CONTAINS(err.hint, "caadm key reseal keystore://d/k");
    CHECK(pkcs8.data == NULL);
    CHECK(!ks_sealing_is_current(sealed, &record));
    CHECK_RC(
        ks_sealing_open(sealed, uri, &record, NULL, true, NULL, &pkcs8, NULL),
        KS_OK);
    ks_secret_clear(&pkcs8);
    /* And a sealed key opens where no seal is needed. */
    seal(sealed, &key, "sesame", &record);
    CHECK_RC(
        ks_sealing_open(none, uri, &record, NULL, false, NULL, &pkcs8, NULL),
        KS_E_SECRET_MISSING);
    CHECK(!ks_sealing_is_current(none, &record));
    ks_record_clear(&record);
    test_key_clear(&key);
    ks_sealing_free(none);
    ks_sealing_free(sealed);
}

static void failure_changes_nothing(void)
{
    struct ks_sealing *sealing = sealing_of(NULL, NULL);
    struct ks_record record = {0};
    struct ks_secret half;
    struct test_key key;

    test_key_make("ED25519", &key);
    seal(sealing, &key, "sesame", &record);
    half = record.private_half;
    CHECK_RC(ks_sealing_seal(sealing, uri, &key.pkcs8, NULL, &record, NULL),
             KS_E_SECRET_MISSING);
    CHECK(record.private_half.data == half.data);
    CHECK_INT(record.form, KS_FORM_PASSPHRASE);
    record.form = (enum ks_form)77;
    CHECK_RC(
        ks_sealing_open(sealing, uri, &record, NULL, true, NULL, &half, NULL),
        KS_E_UNSUPPORTED);
    record.form = KS_FORM_INSIDE;
    CHECK_RC(
        ks_sealing_open(sealing, uri, &record, NULL, true, NULL, &half, NULL),
        KS_E_UNSUPPORTED);
    ks_record_clear(&record);
    test_key_clear(&key);
    ks_sealing_free(sealing);
}

/* 256 bits that we drew. */
static ks_rc draw(void *arg, const struct ks_question *question,
                  struct ks_secret *secret, struct ks_err *err)
{
    ks_rc rc = ks_secret_set(secret, "0123456789abcdef", 16);

    (void)arg;
    (void)question;
    (void)err;
    secret->random = true;
    return rc;
}

/* "name=value;" for each fact. */
static ks_rc note(void *arg, const char *name, const char *value,
                  struct ks_err *err)
{
    char *facts = arg;

    (void)err;
    (void)snprintf(facts + strlen(facts), 200 - strlen(facts), "%s=%s;", name,
                   value);
    return KS_OK;
}

static void check_facts(const struct ks_sealing *sealing,
                        const struct ks_record *record, const char *want)
{
    char facts[200] = "";

    CHECK_RC(ks_sealing_describe(sealing, record, note, facts, NULL), KS_OK);
    CHECK_STR(facts, want);
}

static void random_secrets_cost_little_and_only_they(void)
{
    const struct ks_ask ask = {draw, NULL};
    struct ks_sealing *typed = sealing_of("passphrase", "prompt");
    struct ks_sealing *drawn = sealing_of("passphrase", "random");
    struct ks_record record = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(ks_sealing_seal(typed, uri, &key.pkcs8, &ask, &record, NULL),
             KS_OK);
    check_facts(drawn, &record,
                "sealing=passphrase;kdf=" KS_KDF_RANDOM
                ";sealing-current=yes;");
    check_facts(typed, &record,
                "sealing=passphrase;kdf=" KS_KDF_RANDOM ";sealing-current=no;");
    seal(typed, &key, "sesame", &record);
    check_facts(typed, &record,
                "sealing=passphrase;kdf=scrypt:4:1:1;sealing-current=yes;");
    CHECK(!ks_sealing_is_current(drawn, &record));
    ks_record_clear(&record);
    test_key_clear(&key);
    ks_sealing_free(typed);
    ks_sealing_free(drawn);
}

static ks_rc stop(void *arg, const char *name, const char *value,
                  struct ks_err *err)
{
    (void)name;
    (void)value;
    ++*(unsigned *)arg;
    return ks_fail(err, KS_E_INTERRUPTED, "enough");
}

static void who_is_told_may_stop(void)
{
    struct ks_sealing *none = sealing_of("sealing", "none");
    struct ks_record record = {0};
    unsigned told = 0;
    struct test_key key;

    test_key_make("ED25519", &key);
    seal(none, &key, NULL, &record);
    check_facts(none, &record, "sealing=none;sealing-current=yes;");
    CHECK_RC(ks_sealing_describe(none, &record, stop, &told, NULL),
             KS_E_INTERRUPTED);
    CHECK_INT(told, 1);
    record.form = KS_FORM_INSIDE;
    check_facts(none, &record, "");
    ks_record_clear(&record);
    test_key_clear(&key);
    ks_sealing_free(none);
}

static const struct test_case cases[] = {
    TEST_CASE(bad_settings_are_configuration_errors),
    TEST_CASE(the_form_is_what_the_section_says),
    TEST_CASE(what_was_sealed_opens),
    TEST_CASE(an_unsealed_key_needs_the_word_for_it),
    TEST_CASE(failure_changes_nothing),
    TEST_CASE(random_secrets_cost_little_and_only_they),
    TEST_CASE(who_is_told_may_stop),
};
TEST_MAIN("store.sealing", cases)
