/*
 * Calls on the backend under test, as its callers make them.
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tmpdir.h"

void *contract_open(void)
{
    const struct ks_backend_env env = {.name = "default",
                                       .dir = test_dir(),
                                       .settings = subject.settings,
                                       .n_settings = subject.n_settings};
    struct ks_err err = {0};
    void *store = NULL;

    if (subject.backend->open(&env, &store, &err) != KS_OK) {
        (void)fprintf(stderr, "open: %s\n", err.text);
        abort();
    }
    return store;
}

ks_rc contract_save(void *store, const char *name, const struct test_key *key,
                    const char *secret)
{
    struct test_answers answers = {.secrets = {secret}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_err err = {0};
    ks_rc rc =
        subject.backend->save(store, name, &key->spki, &key->pkcs8, &ask, &err);

    CHECK(rc == KS_OK || err.text[0] != '\0');
    return rc;
}

ks_rc contract_load(void *store, const char *name, const char *secret,
                    const char *second)
{
    struct test_answers answers = {.secrets = {secret, second}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    ks_rc rc = subject.backend->load(store, name, &ask, &pkcs8, &err);

    CHECK((rc == KS_OK) == (pkcs8.data != NULL));
    CHECK(rc == KS_OK || rc == KS_E_NOT_FOUND || err.text[0] != '\0');
    ks_secret_clear(&pkcs8);
    return rc;
}

ks_rc contract_reseal(void *store, const char *name, const char *secret,
                      const char *new_secret)
{
    struct test_answers answers = {.secrets = {secret}},
                        new_answers = {.secrets = {new_secret}};
    const struct ks_ask ask = test_ask(&answers),
                        new_ask = test_ask(&new_answers);

    return subject.backend->reseal(store, name, &ask, &new_ask, NULL);
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
