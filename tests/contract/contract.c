/*
 * Calls on the backend under test, as its callers make them.
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "tmpdir.h"

void *contract_open(void)
{
    struct ks_backend_env env = {.name = "default",
                                 .dir = test_dir(),
                                 .settings = subject.settings,
                                 .n_settings = subject.n_settings};
    struct ks_err err = {0};
    void *store = NULL;

    if (subject.prepare != NULL)
        subject.prepare();
    if (subject.settle != NULL)
        subject.settle(&env);
    if (subject.backend->open(&env, &store, &err) != KS_OK) {
        (void)fprintf(stderr, "open: %s\n", err.text);
        abort();
    }
    return store;
}

/* Gives what test_answers has, but not as another secret of the place. */
static ks_rc give(void *arg, const struct ks_question *question,
                  struct ks_secret *secret, struct ks_err *err)
{
    const struct ks_ask ask = test_ask(arg);

    if (question->setting != NULL && strcmp(question->setting, "so_pin") == 0)
        return KS_E_SECRET_MISSING;
    return ask.get(ask.arg, question, secret, err);
}

static struct ks_ask ask_of(struct test_answers *answers, const char *secret,
                            const char *second)
{
    bool own = subject.secret != NULL && secret != NULL;

    *answers = (struct test_answers){
        .secrets = {own ? subject.secret : secret, own ? NULL : second}};
    return (struct ks_ask){give, answers};
}

static void make_place(void *store, struct test_place *place)
{
    test_place_make(subject.backend, store, subject.settings,
                    subject.n_settings, place);
}

static ks_rc save_sealed(void *store, const char *name,
                         const struct test_key *key, const struct ks_ask *ask,
                         struct ks_err *err)
{
    const struct ks_key_info info = {.spki = key->spki, .origin = "imported"};
    struct test_place place;
    ks_rc rc;

    make_place(store, &place);
    rc = ks_material_save(&place.place, name, &info, &key->pkcs8, ask, err);
    test_place_clear(&place);
    return rc;
}

ks_rc contract_load_key(void *store, const char *name, const struct ks_ask *ask,
                        struct ks_secret *pkcs8, struct ks_err *err)
{
    struct test_place place;
    ks_rc rc;

    make_place(store, &place);
    rc = ks_material_load(&place.place, name, ask, pkcs8, err);
    test_place_clear(&place);
    return rc;
}

static ks_rc save(void *store, const char *name, const struct test_key *key,
                  const char *secret, struct ks_err *err)
{
    struct test_answers answers;
    const struct ks_ask ask = ask_of(&answers, secret, NULL);

    if (subject.inside)
        return subject.backend->import(store, name, &key->spki, &key->pkcs8, 0,
                                       &ask, err);
    return save_sealed(store, name, key, &ask, err);
}

/* *given: whether a key came, as it must if and only if all went well. */
static ks_rc load(void *store, const char *name, const char *secret,
                  const char *second, bool *given, struct ks_err *err)
{
    struct test_answers answers;
    const struct ks_ask ask = ask_of(&answers, secret, second);
    const struct ks_key_ops *ops = NULL;
    struct ks_secret pkcs8 = {0};
    struct ks_buf spki = {0};
    void *key = NULL;
    ks_rc rc;

    if (subject.inside)
        rc = subject.backend->open_key(store, name, &ask, &ops, &key, &spki,
                                       err);
    else
        rc = contract_load_key(store, name, &ask, &pkcs8, err);
    *given = pkcs8.data != NULL || (key != NULL && spki.data != NULL);
    if (ops != NULL)
        ops->free(key);
    ks_buf_clear(&spki);
    ks_secret_clear(&pkcs8);
    return rc;
}

ks_rc contract_quiet_save(void *store, const char *name,
                          const struct test_key *key, const char *secret)
{
    return save(store, name, key, secret, NULL);
}

ks_rc contract_quiet_load(void *store, const char *name, const char *secret)
{
    bool given;

    return load(store, name, secret, NULL, &given, NULL);
}

ks_rc contract_save(void *store, const char *name, const struct test_key *key,
                    const char *secret)
{
    struct ks_err err = {0};
    ks_rc rc = save(store, name, key, secret, &err);

    CHECK(rc == KS_OK || err.text[0] != '\0');
    return rc;
}

ks_rc contract_load(void *store, const char *name, const char *secret,
                    const char *second)
{
    struct ks_err err = {0};
    bool given = false;
    ks_rc rc = load(store, name, secret, second, &given, &err);

    CHECK((rc == KS_OK) == given);
    CHECK(rc == KS_OK || rc == KS_E_NOT_FOUND || err.text[0] != '\0');
    return rc;
}

ks_rc contract_remove(void *store, const char *name)
{
    struct test_answers answers;
    const struct ks_ask ask = ask_of(&answers, subject.secret, NULL);

    return subject.backend->remove(store, name,
                                   subject.secret != NULL ? &ask : NULL, NULL);
}

ks_rc contract_reseal(void *store, const char *name, const char *secret,
                      const char *new_secret)
{
    struct test_answers answers = {.secrets = {secret}},
                        new_answers = {.secrets = {new_secret}};
    const struct ks_ask ask = test_ask(&answers),
                        new_ask = test_ask(&new_answers);

    const struct ks_reseal how = {.ask = &ask, .new_ask = &new_ask};
    struct test_place place;
    ks_rc rc;

    make_place(store, &place);
    rc = ks_material_reseal(&place.place, name, &how, NULL);
    test_place_clear(&place);
    return rc;
}

struct count {
    const char *name; /* NULL: any */
    unsigned n;
};

static ks_rc count_one(void *arg, const char *name, struct ks_err *err)
{
    struct count *count = arg;

    (void)err;
    if (count->name == NULL || strcmp(count->name, name) == 0)
        count->n++;
    return KS_OK;
}

unsigned contract_listed(void *store, const char *name)
{
    struct count count = {.name = name};
    struct ks_err err = {0};

    CHECK_OK(subject.backend->list(store, count_one, &count, &err), &err);
    return count.n;
}

unsigned contract_count(void *store)
{
    return contract_listed(store, NULL);
}
