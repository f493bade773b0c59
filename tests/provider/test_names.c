/* provider/names.c: listings that are longer than their beginning, which alone
 * is read until it is known that they are wanted. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "fixture.h"

#define MANY 40 /* more than the beginning has */
#define PLACE "keystore://db/"

static OSSL_STORE_CTX *open_place(const struct fixture *f)
{
    return OSSL_STORE_open_ex(PLACE, f->ctx, NULL, NULL, NULL, NULL, NULL,
                              NULL);
}

static void fill(const struct fixture *f)
{
    char uri[64];

    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(uri, sizeof(uri), PLACE "key%%20%02u", MANY - 1 - i);
        EVP_PKEY_free(fixture_make(f, "ED25519", uri, NULL));
    }
}

static void empty(const struct fixture *f)
{
    char uri[64];

    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(uri, sizeof(uri), PLACE "key%%20%02u", i);
        CHECK_INT(fixture_delete(f, uri), 1);
    }
}

/* How many names STORE yields, in order; -1 if it is not the end then. */
static int count(OSSL_STORE_CTX *store)
{
    char last[64] = "";
    int n = 0;

    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            break;
        CHECK_INT(OSSL_STORE_INFO_get_type(info), OSSL_STORE_INFO_NAME);
        CHECK(strcmp(last, OSSL_STORE_INFO_get0_NAME(info)) < 0);
        (void)snprintf(last, sizeof(last), "%s",
                       OSSL_STORE_INFO_get0_NAME(info));
        OSSL_STORE_INFO_free(info);
        n++;
    }
    return OSSL_STORE_eof(store) ? n : -1;
}

static void a_long_listing_is_whole_and_sorted(void)
{
    struct fixture f;
    OSSL_STORE_CTX *store;

    fixture_open(&f);
    fill(&f);
    store = open_place(&f);
    REQUIRE(store != NULL);
    CHECK_INT(count(store), MANY);
    CHECK_INT(ERR_peek_error(), 0);
    OSSL_STORE_close(store);
    fixture_close(&f);
}

static void what_is_gone_when_it_is_asked_for_is_not_listed(void)
{
    struct fixture f;
    OSSL_STORE_CTX *store;

    fixture_open(&f);
    fill(&f);
    store = open_place(&f);
    REQUIRE(store != NULL && !OSSL_STORE_eof(store));
    CHECK_INT(fixture_delete(&f, PLACE "key%2005"), 1);
    CHECK_INT(count(store), MANY - 1);
    OSSL_STORE_close(store);
    EVP_PKEY_free(fixture_make(&f, "ED25519", PLACE "key%2005", NULL));
    store = open_place(&f);
    REQUIRE(store != NULL && !OSSL_STORE_eof(store));
    empty(&f);
    CHECK_INT(count(store), 0);
    CHECK(OSSL_STORE_load(store) == NULL);
    OSSL_STORE_close(store);
    fixture_close(&f);
}

static void a_search_needs_no_listing(void)
{
    struct fixture f;
    OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_alias("key 39");
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info = NULL;

    fixture_open(&f);
    fill(&f);
    store = open_place(&f);
    REQUIRE(store != NULL);
    CHECK_INT(OSSL_STORE_find(store, search), 1);
    CHECK(!OSSL_STORE_eof(store));
    info = OSSL_STORE_load(store);
    CHECK(info != NULL &&
          OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
    CHECK(OSSL_STORE_eof(store));
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    OSSL_STORE_SEARCH_free(search);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(a_long_listing_is_whole_and_sorted),
    TEST_CASE(what_is_gone_when_it_is_asked_for_is_not_listed),
    TEST_CASE(a_search_needs_no_listing),
};
TEST_MAIN("provider.names", cases)
