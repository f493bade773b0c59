/*
 * What keystore.so tells of tokens and their keys, and the making of a token:
 * the STORE functions of ks_provider.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "hsm.h"
#include "ks_provider.h"
#include "tmpdir.h"

#define TEXT_MAX 1024
#define FACTS_MAX 65536
#define GUARD_SECONDS 110

/* "name=value\n" of every fact. */
struct facts {
    char text[FACTS_MAX];
    size_t n;
    size_t stop_after; /* 0: never */
};

static void open_guarded(struct fixture *f)
{
    (void)alarm(GUARD_SECONDS);
    hsm_open(f);
}

static void close_guarded(struct fixture *f)
{
    fixture_close(f);
    (void)alarm(0);
}

static int keep_fact(const OSSL_PARAM params[], void *arg)
{
    struct facts *facts = arg;
    const OSSL_PARAM *p;
    const char *name = NULL, *value = NULL;
    size_t used = strlen(facts->text);

    p = OSSL_PARAM_locate_const(params, KS_PARAM_FACT_NAME);
    CHECK(p != NULL && OSSL_PARAM_get_utf8_string_ptr(p, &name));
    p = OSSL_PARAM_locate_const(params, KS_PARAM_FACT_VALUE);
    CHECK(p != NULL && OSSL_PARAM_get_utf8_string_ptr(p, &value));
    (void)snprintf(facts->text + used, sizeof(facts->text) - used, "%s=%s\n",
                   name, value);
    facts->n++;
    return facts->stop_after == 0 || facts->n < facts->stop_after;
}

static int describe(const struct fixture *f, const char *uri,
                    struct facts *facts)
{
    ks_store_describe_fn *fn =
        (ks_store_describe_fn *)fixture_function(f, KS_FUNC_STORE_DESCRIBE);

    return fn != NULL && fn(OSSL_PROVIDER_get0_provider_ctx(f->providers[1]),
                            uri, keep_fact, facts, NULL, NULL);
}

static int check(const struct fixture *f, const char *backend,
                 struct facts *facts)
{
    ks_store_check_fn *fn =
        (ks_store_check_fn *)fixture_function(f, KS_FUNC_STORE_CHECK);

    return fn != NULL && fn(OSSL_PROVIDER_get0_provider_ctx(f->providers[1]),
                            backend, keep_fact, facts);
}

static int initialise(const struct fixture *f, const char *backend,
                      const char *so_pin, const char *user_pin)
{
    ks_store_initialise_fn *fn =
        (ks_store_initialise_fn *)fixture_function(f, KS_FUNC_STORE_INITIALISE);

    return fn != NULL && fn(OSSL_PROVIDER_get0_provider_ctx(f->providers[1]),
                            backend, so_pin, user_pin);
}

static struct facts *facts_new(void)
{
    struct facts *facts = calloc(1, sizeof(*facts));

    if (facts == NULL)
        abort();
    return facts;
}

static void key_is_described_by_what_guards_it(void)
{
    struct facts *facts = facts_new();
    struct fixture f;

    open_guarded(&f);
    EVP_PKEY_free(hsm_make(&f, "P-256", "keystore://hsm/a", "sign,derive"));
    if (!CHECK_INT(describe(&f, "keystore://hsm/a", facts), 1))
        ERR_print_errors_fp(stderr);
    CHECK_CONTAINS(facts->text, "sensitive=yes\n");
    CHECK_CONTAINS(facts->text, "extractable=no\n");
    CHECK_CONTAINS(facts->text, "never-extractable=yes\n");
    CHECK_CONTAINS(facts->text, "local=yes\n");
    CHECK_CONTAINS(facts->text, "label=a\n");
    CHECK_CONTAINS(facts->text, "usage=");
    CHECK_CONTAINS(facts->text, "derive");
    CHECK_INT(ERR_peek_error(), 0);
    free(facts);
    close_guarded(&f);
}

static void description_needs_a_key(void)
{
    struct facts *facts = facts_new();
    struct fixture f;

    open_guarded(&f);
    CHECK_INT(describe(&f, "keystore://hsm/none", facts), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_FOUND);
    CHECK_INT(describe(&f, "keystore://hsm/", facts), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_INVALID);
    CHECK_INT(describe(&f, "keystore://nowhere/x", facts), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_FOUND);
    CHECK_INT(facts->n, 0);
    free(facts);
    close_guarded(&f);
}

static void telling_ends_when_no_more_is_wanted(void)
{
    struct facts *facts = facts_new();
    struct fixture f;

    open_guarded(&f);
    facts->stop_after = 1;
    CHECK_INT(check(&f, "hsm", facts), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_INTERRUPTED);
    CHECK_INT(facts->n, 1);
    free(facts);
    close_guarded(&f);
}

static void backend_is_checked_without_its_pin(void)
{
    struct facts *facts = facts_new();
    struct fixture f;

    open_guarded(&f);
    if (!CHECK_INT(check(&f, "wrong", facts), 1))
        ERR_print_errors_fp(stderr);
    CHECK_CONTAINS(facts->text, "module=");
    CHECK_CONTAINS(facts->text, "token=" HSM_LABEL "\n");
    CHECK_CONTAINS(facts->text, "serial=");
    CHECK_CONTAINS(facts->text, "CKM_ECDSA");
    CHECK(strstr(facts->text, HSM_WRONG_PIN) == NULL);
    /* nothing was tried: the right PIN is welcome */
    EVP_PKEY_free(hsm_make(&f, "P-256", "keystore://hsm/a", NULL));
    CHECK_INT(ERR_peek_error(), 0);
    free(facts);
    close_guarded(&f);
}

static void file_backend_has_nothing_to_tell_but_its_health(void)
{
    struct facts *facts = facts_new();
    struct fixture f;

    open_guarded(&f);
    CHECK_INT(check(&f, "default", facts), 1);
    CHECK_INT(check(&f, "absent", facts), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_CONFIG);
    CHECK_INT(check(&f, "nowhere", facts), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_FOUND);
    CHECK_INT(initialise(&f, "default", "pass:1234", "pass:1234"), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_UNSUPPORTED);
    free(facts);
    close_guarded(&f);
}

static void token_is_made_once_and_used_at_once(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    char text[TEXT_MAX];

    (void)alarm(GUARD_SECONDS);
    hsm_open_empty(&f);
    CHECK(hsm_make(&f, "P-256", "keystore://hsm/a", NULL) == NULL);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_NOT_FOUND);
    CHECK_INT(initialise(&f, "hsm", "no source", NULL), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_INVALID);
    if (!CHECK_INT(initialise(&f, "hsm", "pass:" HSM_SO_PIN, NULL), 1))
        ERR_print_errors_fp(stderr);
    pkey = hsm_make(&f, "P-256", "keystore://hsm/a", NULL);
    CHECK(pkey != NULL && fixture_use(&f, pkey, pkey));
    EVP_PKEY_free(pkey);
    CHECK_INT(initialise(&f, "hsm", "pass:" HSM_SO_PIN, NULL), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_EXISTS);
    CHECK_CONTAINS(text, HSM_LABEL);
    CHECK(strstr(text, HSM_SO_PIN) == NULL);
    CHECK_INT(hsm_count(&f, "keystore://hsm/"), 1);
    close_guarded(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(key_is_described_by_what_guards_it),
    TEST_CASE(description_needs_a_key),
    TEST_CASE(telling_ends_when_no_more_is_wanted),
    TEST_CASE(backend_is_checked_without_its_pin),
    TEST_CASE(file_backend_has_nothing_to_tell_but_its_health),
    TEST_CASE(token_is_made_once_and_used_at_once),
};
TEST_MAIN("provider.hsm_facts", cases)
