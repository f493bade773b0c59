/* store/material.c, on a backend in memory */
#include "material.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "mem_backend.h"
#include "place.h"
#include "record.h"
#include "test.h"

static const struct ks_setting sealed[] = {{"kdf", "scrypt:4:1:1"}};
static const struct ks_setting dearer[] = {{"kdf", "scrypt:8:1:1"}};
static const struct ks_setting plain[] = {{"sealing", "none"}};

/* The same store, seen as three configurations. */
struct rig {
    void *store;
    struct test_place sealed, dearer, plain;
    struct test_key key;
};

static void rig_make(const struct ks_backend *backend, struct rig *rig)
{
    const struct ks_backend_env env = {.name = "default"};

    CHECK_RC(backend->open(&env, &rig->store, NULL), KS_OK);
    test_place_make(backend, rig->store, sealed, 1, &rig->sealed);
    test_place_make(backend, rig->store, dearer, 1, &rig->dearer);
    test_place_make(backend, rig->store, plain, 1, &rig->plain);
    test_key_make("ED25519", &rig->key);
}

static void rig_clear(struct rig *rig)
{
    const struct ks_backend *backend = rig->sealed.place.backend;

    test_place_clear(&rig->sealed);
    test_place_clear(&rig->dearer);
    test_place_clear(&rig->plain);
    backend->close(rig->store);
    test_key_clear(&rig->key);
}

static ks_rc save(const struct test_place *place, const struct test_key *key,
                  const char *secret, struct test_answers *answers,
                  struct ks_err *err)
{
    struct ks_ask ask;
    const struct ks_key_info info = {.spki = key->spki, .origin = "generated"};

    *answers = (struct test_answers){.secrets = {secret}};
    ask = test_ask(answers);
    *err = (struct ks_err){0};
    return ks_material_save(&place->place, "k", &info, &key->pkcs8, &ask, err);
}

static void must_save(const struct test_place *place, const struct rig *rig,
                      const char *secret)
{
    struct test_answers answers;
    struct ks_err err;

    CHECK_OK(save(place, &rig->key, secret, &answers, &err), &err);
}

static ks_rc load(const struct test_place *place, const char *secret,
                  struct ks_err *err)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_secret pkcs8 = {0};
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = ks_material_load(&place->place, "k", &ask, &pkcs8, err);
    CHECK((pkcs8.data != NULL) == (rc == KS_OK));
    ks_secret_clear(&pkcs8);
    return rc;
}

/* OLD and NEW are what is answered; how often is left there. */
static ks_rc reseal(const struct test_place *place, struct test_answers *old,
                    struct test_answers *new, struct ks_err *err)
{
    const struct ks_ask ask = test_ask(old), new_ask = test_ask(new);
    const struct ks_reseal how = {.ask = &ask, .new_ask = &new_ask};

    *err = (struct ks_err){0};
    return ks_material_reseal(&place->place, "k", &how, err);
}

static ks_rc reseal_from_to(const struct test_place *place, const char *from,
                            const char *to, struct ks_err *err)
{
    struct test_answers old = {.secrets = {from}}, new = {.secrets = {to}};

    return reseal(place, &old, &new, err);
}

static void get(const struct rig *rig, struct ks_record *record)
{
    *record = (struct ks_record){0};
    CHECK_RC(rig->sealed.place.backend->get(rig->store, "k", record, NULL),
             KS_OK);
}

/* True if the key is kept as it was before in every byte. */
static bool is_untouched(const struct rig *rig, struct ks_record *before)
{
    struct ks_record now;
    bool same;

    get(rig, &now);
    same = ks_record_equal(&now, before);
    ks_record_clear(&now);
    ks_record_clear(before);
    return same;
}

static void a_taken_name_asks_for_no_passphrase(void)
{
    struct rig rig;
    struct test_answers answers;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    CHECK_OK(save(&rig.sealed, &rig.key, "one", &answers, &err), &err);
    CHECK_INT(answers.asked, 1);
    CHECK(answers.confirmed);
    CHECK_RC(save(&rig.sealed, &rig.key, "two", &answers, &err), KS_E_EXISTS);
    CHECK_INT(answers.asked, 0);
    CHECK_CONTAINS(err.text, "keystore://default/k: there is a key");
    rig_clear(&rig);
}

static void halves_of_two_keys_are_refused(void)
{
    struct rig rig;
    struct test_answers answers;
    struct test_key other;
    struct ks_buf spki;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    test_key_make("ED25519", &other);
    spki = rig.key.spki;
    rig.key.spki = other.spki;
    CHECK_RC(save(&rig.sealed, &rig.key, "x", &answers, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keystore://default/k: ");
    CHECK_INT(answers.asked, 0);
    CHECK_RC(load(&rig.sealed, "x", &err), KS_E_NOT_FOUND);
    rig.key.spki = spki;
    test_key_clear(&other);
    rig_clear(&rig);
}

/* What a hostile place may have done to the record. */
static void a_public_half_of_another_key_is_damage(void)
{
    struct rig rig;
    struct ks_record record, changed;
    struct test_key other;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    test_key_make("ED25519", &other);
    must_save(&rig.sealed, &rig, "x");
    get(&rig, &record);
    CHECK_RC(test_mem_backend.remove(rig.store, "k", NULL, NULL), KS_OK);
    changed = record;
    changed.info.spki = other.spki;
    CHECK_RC(test_mem_backend.put(rig.store, "k", &changed, NULL), KS_OK);
    CHECK_RC(load(&rig.sealed, "x", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "does not belong");
    CHECK_RC(reseal_from_to(&rig.sealed, "x", "y", &err), KS_E_DAMAGED);
    ks_record_clear(&record);
    test_key_clear(&other);
    rig_clear(&rig);
}

/* The seal is taken off by whoever may write: an attacker's own key may not
 * come in that way. */
static void a_key_without_its_seal_is_refused(void)
{
    struct rig rig;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    must_save(&rig.plain, &rig, NULL);
    CHECK_OK(load(&rig.plain, NULL, &err), &err);
    CHECK_RC(load(&rig.sealed, "x", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "not sealed");
    /* Sealing it is what the hint says. */
    CHECK_OK(reseal_from_to(&rig.sealed, NULL, "x", &err), &err);
    CHECK_OK(load(&rig.sealed, "x", &err), &err);
    /* And it does not lose its seal again. */
    CHECK_RC(reseal_from_to(&rig.plain, "x", NULL, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "sealing = none");
    CHECK_RC(load(&rig.plain, NULL, &err), KS_E_SECRET_MISSING);
    rig_clear(&rig);
}

static void a_series_that_was_broken_off_goes_on(void)
{
    struct rig rig;
    struct ks_record before;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    must_save(&rig.sealed, &rig, "old");
    CHECK_OK(reseal_from_to(&rig.sealed, "old", "new", &err), &err);
    get(&rig, &before);
    /* Again, as it was said before: it is done. */
    CHECK_OK(reseal_from_to(&rig.sealed, "old", "new", &err), &err);
    CHECK(is_untouched(&rig, &before));
    get(&rig, &before);
    /* The old passphrase is known no longer; it is done, too. */
    CHECK_OK(reseal_from_to(&rig.sealed, NULL, "new", &err), &err);
    CHECK(is_untouched(&rig, &before));
    get(&rig, &before);
    CHECK_OK(reseal_from_to(&rig.sealed, "new", "new", &err), &err);
    CHECK(is_untouched(&rig, &before));
    CHECK_OK(load(&rig.sealed, "new", &err), &err);
    rig_clear(&rig);
}

static void another_cost_is_not_current(void)
{
    struct rig rig;
    struct ks_record before;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    must_save(&rig.sealed, &rig, "x");
    get(&rig, &before);
    CHECK(!ks_sealing_is_current(rig.dearer.sealing, &before));
    CHECK_OK(reseal_from_to(&rig.dearer, "x", "x", &err), &err);
    CHECK(!is_untouched(&rig, &before));
    get(&rig, &before);
    CHECK(ks_sealing_is_current(rig.dearer.sealing, &before));
    /* The new passphrase alone does it as well. */
    CHECK_OK(reseal_from_to(&rig.sealed, NULL, "x", &err), &err);
    CHECK(!is_untouched(&rig, &before));
    CHECK_OK(load(&rig.sealed, "x", &err), &err);
    rig_clear(&rig);
}

static void a_refused_reseal_changes_nothing(void)
{
    struct rig rig;
    struct test_answers wrong = {.secrets = {"wrong"}},
                        new = {.secrets = {"new"}};
    struct ks_record before;
    struct ks_err err;

    rig_make(&test_mem_backend, &rig);
    must_save(&rig.sealed, &rig, "old");
    get(&rig, &before);
    CHECK_RC(reseal(&rig.sealed, &wrong, &new, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "keystore://default/k: wrong passphrase");
    CHECK_RC(reseal_from_to(&rig.sealed, "old", NULL, &err),
             KS_E_SECRET_MISSING);
    CHECK_RC(reseal_from_to(&rig.sealed, NULL, NULL, &err),
             KS_E_SECRET_MISSING);
    CHECK_RC(reseal_from_to(&rig.sealed, "old", "", &err), KS_E_INVALID);
    CHECK(is_untouched(&rig, &before));
    rig_clear(&rig);
}

/* A person is asked for the new passphrase only once the old one was right. */
static ks_rc person(void *arg, const struct ks_question *question,
                    struct ks_secret *secret, struct ks_err *err)
{
    unsigned *asked = arg;

    if (question->quiet || question->attempt > 0)
        return ks_fail(err, KS_E_SECRET_MISSING, "nobody is asked");
    ++*asked;
    return ks_secret_set(secret, "typed", 5);
}

static void a_person_is_not_asked_in_vain(void)
{
    struct rig rig;
    unsigned asked = 0;
    struct test_answers wrong = {.secrets = {"wrong"}},
                        old = {.secrets = {"old"}};
    const struct ks_ask wrong_ask = test_ask(&wrong), old_ask = test_ask(&old),
                        new_ask = {person, &asked};
    struct ks_reseal how = {.ask = &wrong_ask, .new_ask = &new_ask};
    struct ks_err err = {0};

    rig_make(&test_mem_backend, &rig);
    must_save(&rig.sealed, &rig, "old");
    CHECK_RC(ks_material_reseal(&rig.sealed.place, "k", &how, &err),
             KS_E_SECRET_WRONG);
    CHECK_INT(asked, 0);
    how.ask = &old_ask;
    err = (struct ks_err){0};
    CHECK_OK(ks_material_reseal(&rig.sealed.place, "k", &how, &err), &err);
    CHECK_INT(asked, 1);
    CHECK_OK(load(&rig.sealed, "typed", &err), &err);
    rig_clear(&rig);
}

/* A secret of 256 bits that was drawn: the same for ever, or always another. */
static ks_rc drawn(void *arg, const struct ks_question *question,
                   struct ks_secret *secret, struct ks_err *err)
{
    unsigned *asked = arg;
    char text[32];
    ks_rc rc;

    (void)err;
    if (question->attempt > 0)
        return KS_E_SECRET_MISSING;
    if (question->confirm)
        ++*asked;
    (void)snprintf(text, sizeof(text), "drawn %u", *asked);
    rc = ks_secret_set(secret, text, strlen(text));
    secret->random = true;
    return rc;
}

static void a_drawn_secret_is_not_drawn_again_unless_wanted(void)
{
    static const struct ks_setting random[] = {{"passphrase", "random"}};
    struct rig rig;
    struct test_place place;
    unsigned asked = 0;
    bool changed = true;
    struct test_answers typed = {.secrets = {"x"}};
    const struct ks_ask ask = {drawn, &asked}, old = test_ask(&typed);
    struct ks_reseal how = {.ask = &old, .new_ask = &ask, .changed = &changed};
    struct ks_err err = {0};

    rig_make(&test_mem_backend, &rig);
    test_place_make(&test_mem_backend, rig.store, random, 1, &place);
    must_save(&rig.sealed, &rig, "x");
    CHECK_OK(ks_material_reseal(&place.place, "k", &how, &err), &err);
    CHECK(changed);
    CHECK_INT(asked, 1);
    how.ask = &ask;
    CHECK_OK(ks_material_reseal(&place.place, "k", &how, &err), &err);
    CHECK(!changed);
    CHECK_INT(asked, 1);
    how.sealing = place.sealing; /* said again: a new one is wanted */
    CHECK_OK(ks_material_reseal(&place.place, "k", &how, &err), &err);
    CHECK(changed);
    CHECK_INT(asked, 2);
    test_place_clear(&place);
    rig_clear(&rig);
}

static void another_sealing_may_be_asked_for(void)
{
    struct rig rig;
    struct test_answers old = {.secrets = {"x"}}, new = {.secrets = {"y"}};
    const struct ks_ask ask = test_ask(&old), new_ask = test_ask(&new);
    struct ks_reseal how = {.ask = &ask, .new_ask = &new_ask};
    struct ks_record now;
    struct ks_err err = {0};

    rig_make(&test_mem_backend, &rig);
    must_save(&rig.sealed, &rig, "x");
    how.sealing = rig.dearer.sealing;
    CHECK_OK(ks_material_reseal(&rig.sealed.place, "k", &how, &err), &err);
    get(&rig, &now);
    CHECK(ks_sealing_is_current(rig.dearer.sealing, &now));
    CHECK_INT(now.info.created > 0, 1);
    CHECK_STR(now.info.origin, "generated");
    ks_record_clear(&now);
    rig_clear(&rig);
}

static void certificates_come_and_go(void)
{
    static const struct ks_buf none = {0};
    struct rig rig;
    struct test_key other;
    struct ks_buf cert = {0}, foreign = {0};
    struct ks_record now;
    struct ks_err err = {0};
    const struct ks_place *place;

    rig_make(&test_mem_backend, &rig);
    place = &rig.sealed.place;
    test_key_make("P-256", &other);
    test_key_certify(&rig.key, &cert);
    test_key_certify(&other, &foreign);
    must_save(&rig.sealed, &rig, "x");
    CHECK_OK(ks_material_certify(place, "k", &cert, &foreign, &err), &err);
    get(&rig, &now);
    CHECK_BYTES(now.info.cert.data, now.info.cert.len, cert.data, cert.len);
    CHECK_BYTES(now.info.chain.data, now.info.chain.len, foreign.data,
                foreign.len);
    ks_record_clear(&now);
    CHECK_RC(ks_material_certify(place, "k", &foreign, NULL, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "keystore://default/k: certificate is not of");
    /* A new seal leaves them. */
    CHECK_OK(reseal_from_to(&rig.sealed, "x", "y", &err), &err);
    get(&rig, &now);
    CHECK_INT(now.info.chain.len, foreign.len);
    ks_record_clear(&now);
    CHECK_OK(ks_material_certify(place, "k", &none, NULL, &err), &err);
    get(&rig, &now);
    CHECK(now.info.cert.data == NULL && now.info.chain.data == NULL);
    ks_record_clear(&now);
    CHECK_OK(load(&rig.sealed, "y", &err), &err);
    CHECK_RC(ks_material_certify(place, "none", &cert, NULL, NULL),
             KS_E_NOT_FOUND);
    ks_buf_clear(&cert);
    ks_buf_clear(&foreign);
    test_key_clear(&other);
    rig_clear(&rig);
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

static void facts_need_no_secret(void)
{
    struct rig rig;
    char facts[200] = "";
    struct ks_key_info info;

    rig_make(&test_mem_backend, &rig);
    info = (struct ks_key_info){
        .spki = rig.key.spki, .created = 1700000000, .origin = "imported"};
    CHECK_RC(ks_material_save(&rig.plain.place, "k", &info, &rig.key.pkcs8,
                              NULL, NULL),
             KS_OK);
    CHECK_RC(ks_material_describe(&rig.sealed.place, "k", note, facts, NULL),
             KS_OK);
    CHECK_STR(facts, "sealing=none;sealing-current=no;origin=imported;"
                     "created=2023-11-14T22:13:20Z;");
    CHECK_RC(ks_material_describe(&rig.sealed.place, "none", note, facts, NULL),
             KS_E_NOT_FOUND);
    rig_clear(&rig);
}

static void a_key_that_stays_inside_is_none_of_ours(void)
{
    static const struct ks_keygen spec = {.algorithm = "ED25519"};
    struct rig rig;
    struct ks_buf spki = {0};
    struct ks_secret pkcs8 = {0};
    struct ks_reseal how = {0};
    struct ks_err err = {0};
    const struct ks_place *place;

    rig_make(&test_both_backend, &rig);
    place = &rig.sealed.place;
    CHECK_OK(test_both_backend.generate(rig.store, "inside-k", &spec, NULL,
                                        &spki, &err),
             &err);
    CHECK_RC(ks_material_load(place, "inside-k", NULL, &pkcs8, &err),
             KS_E_UNSUPPORTED);
    CHECK_STR(err.text, "");
    CHECK(ks_material_reseal(place, "inside-k", &how, &err) != KS_OK);
    must_save(&rig.sealed, &rig, "x");
    CHECK_OK(load(&rig.sealed, "x", &err), &err);
    ks_buf_clear(&spki);
    rig_clear(&rig);
}

/* Another process was first. */
static struct ks_record stale;

static ks_rc get_stale(void *store, const char *name, struct ks_record *record,
                       struct ks_err *err)
{
    ks_rc rc = test_mem_backend.get(store, name, record, err);

    if (rc == KS_OK)
        record->private_half.data[record->private_half.len - 1] ^= 1;
    return rc;
}

static void what_changed_meanwhile_is_not_lost(void)
{
    struct ks_backend backend = test_mem_backend;
    struct rig rig;
    struct test_place late;
    struct ks_buf cert = {0};

    backend.get = get_stale;
    rig_make(&test_mem_backend, &rig);
    must_save(&rig.sealed, &rig, "x");
    get(&rig, &stale);
    test_place_make(&backend, rig.store, sealed, 1, &late);
    test_key_certify(&rig.key, &cert);
    CHECK_RC(ks_material_certify(&late.place, "k", &cert, NULL, NULL),
             KS_E_BUSY);
    CHECK(is_untouched(&rig, &stale));
    ks_buf_clear(&cert);
    test_place_clear(&late);
    rig_clear(&rig);
}

static const struct test_case cases[] = {
    TEST_CASE(a_taken_name_asks_for_no_passphrase),
    TEST_CASE(halves_of_two_keys_are_refused),
    TEST_CASE(a_public_half_of_another_key_is_damage),
    TEST_CASE(a_key_without_its_seal_is_refused),
    TEST_CASE(a_series_that_was_broken_off_goes_on),
    TEST_CASE(another_cost_is_not_current),
    TEST_CASE(a_refused_reseal_changes_nothing),
    TEST_CASE(a_person_is_not_asked_in_vain),
    TEST_CASE(a_drawn_secret_is_not_drawn_again_unless_wanted),
    TEST_CASE(another_sealing_may_be_asked_for),
    TEST_CASE(certificates_come_and_go),
    TEST_CASE(facts_need_no_secret),
    TEST_CASE(a_key_that_stays_inside_is_none_of_ours),
    TEST_CASE(what_changed_meanwhile_is_not_lost),
};
TEST_MAIN("store.material", cases)
