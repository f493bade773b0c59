/*
 * Stores: which token a name or a pkcs11: URI means.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fault.h"
#include "hold.h"
#include "softhsm.h"
#include "test.h"

/* Settings of a configured backend, as a peer of a store for a URI. */
struct peer {
    struct ks_setting settings[3];
    struct ks_section section;
};

static void peer_set(struct peer *peer, const char *name, const char *module,
                     const char *token)
{
    *peer = (struct peer){
        .settings = {{"type", "pkcs11"}, {"module", module}, {"token", token}}};
    peer->section = (struct ks_section){.kind = KS_SECTION_BACKEND,
                                        .name = name,
                                        .settings = peer->settings,
                                        .n_settings = 3};
}

/* Opens a store for URI, with one peer (may be NULL) and a module of
 * openssl.cnf (may be NULL). */
static ks_rc open_uri(const char *uri, const struct peer *peer,
                      const char *module, void **store, struct ks_err *err)
{
    const struct ks_setting setting = {"module", module};
    const struct ks_section *const peers[] = {peer != NULL ? &peer->section
                                                           : NULL};
    const struct ks_backend_env env = {.dir = "/",
                                       .settings = &setting,
                                       .n_settings = module != NULL,
                                       .uri = uri,
                                       .peers = peers,
                                       .n_peers = peer != NULL};

    *store = NULL;
    *err = (struct ks_err){{0}, {0}};
    return ks_pkcs11_backend.open(&env, store, err);
}

static ks_rc info(void *store, const char *uri, struct ks_err *err)
{
    struct ks_key_info got = {0};
    ks_rc rc;

    *err = (struct ks_err){{0}, {0}};
    rc = ks_pkcs11_backend.info(store, uri, &got, err);
    ks_key_info_clear(&got);
    return rc;
}

/* A token "hold" with a key "k". */
static void make_token(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    CHECK(hold_made(&hold, "k;id=4142", "ED25519"));
    hold_close(&hold);
}

static void a_uri_finds_the_key_by_every_way_to_a_module(void)
{
    char with_path[300];
    struct peer peer;
    struct ks_err err;
    void *store;

    make_token();
    (void)snprintf(with_path, sizeof(with_path),
                   "pkcs11:token=hold;object=k?module-path=%s", test_softhsm());
    REQUIRE(open_uri(with_path, NULL, NULL, &store, &err) == KS_OK);
    CHECK_OK(info(store, with_path, &err), &err);
    ks_pkcs11_backend.close(store);
    REQUIRE(open_uri("pkcs11:object=k", NULL, test_softhsm(), &store, &err) ==
            KS_OK);
    CHECK_OK(info(store, "pkcs11:object=k", &err), &err);
    CHECK_OK(info(store, "pkcs11:id=AB", &err), &err);
    CHECK_RC(info(store, "pkcs11:id=AC", &err), KS_E_NOT_FOUND);
    CHECK_RC(info(store, "pkcs11:object=K", &err), KS_E_NOT_FOUND);
    ks_pkcs11_backend.close(store);
    peer_set(&peer, "hsm", test_softhsm(), "hold");
    REQUIRE(open_uri("pkcs11:object=k", &peer, NULL, &store, &err) == KS_OK);
    CHECK_OK(info(store, "pkcs11:object=k", &err), &err);
    ks_pkcs11_backend.close(store);
}

static void what_no_token_has_is_told_with_the_tokens_seen(void)
{
    struct ks_err err;
    void *store;

    make_token();
    REQUIRE(open_uri("pkcs11:token=none;object=k", NULL, test_softhsm(), &store,
                     &err) == KS_OK);
    CHECK_RC(info(store, "pkcs11:token=none;object=k", &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "pkcs11:token=none;object=k");
    CHECK_CONTAINS(err.hint, "\"hold\"");
    CHECK_RC(info(store, "pkcs11:token=hold", &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "names a token");
    CHECK_RC(info(store, "pkcs11:nonsense=1", &err), KS_E_INVALID);
    ks_pkcs11_backend.close(store);
}

static void of_two_tokens_the_one_that_has_the_object_is_meant(void)
{
    struct ks_err err;
    void *store;

    make_token();
    test_softhsm_token("second");
    REQUIRE(open_uri("pkcs11:object=k", NULL, test_softhsm(), &store, &err) ==
            KS_OK);
    CHECK_OK(info(store, "pkcs11:object=k", &err), &err);
    CHECK_RC(info(store, "pkcs11:object=none", &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "2 tokens match");
    CHECK_CONTAINS(err.hint, "serial=");
    ks_pkcs11_backend.close(store);
}

static ks_rc count(void *arg, const char *name, struct ks_err *err)
{
    (void)err;
    CHECK(strncmp(name, "pkcs11:", 7) == 0);
    ++*(unsigned *)arg;
    return KS_OK;
}

static void a_uri_without_an_object_lists_its_tokens(void)
{
    static const struct {
        const char *uri;
        unsigned n;
    } rows[] = {{"pkcs11:", 2},
                {"pkcs11:token=hold", 1},
                {"pkcs11:token=second", 1},
                {"pkcs11:model=SoftHSM%20v2", 2}};
    struct hold hold;
    struct hold_env room;
    struct ks_err err;
    void *store;

    make_token();
    test_softhsm_token("second");
    hold_open_again(&hold, NULL);
    hold_close(&hold);
    REQUIRE(ks_pkcs11_backend.open(hold_env(&room, NULL, "second"), &hold.store,
                                   &err) == KS_OK);
    CHECK(hold_made(&hold, "x", "ED25519"));
    hold_close(&hold);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned n = 0;

        REQUIRE(open_uri(rows[i].uri, NULL, test_softhsm(), &store, &err) ==
                KS_OK);
        CHECK_OK(ks_pkcs11_backend.list(store, count, &n, &err), &err);
        CHECK_INT(n, rows[i].n);
        ks_pkcs11_backend.close(store);
    }
}

static void one_token_through_two_modules_is_one(void)
{
    struct peer peer;
    struct ks_err err;
    void *store;

    make_token();
    peer_set(&peer, "other", fault_module(), "hold");
    REQUIRE(open_uri("pkcs11:object=k", &peer, test_softhsm(), &store, &err) ==
            KS_OK);
    CHECK_OK(info(store, "pkcs11:object=k", &err), &err);
    ks_pkcs11_backend.close(store);
}

static void a_missing_token_of_a_backend_is_named(void)
{
    struct hold_env room;
    struct hold hold;
    struct ks_err err = {0};

    make_token();
    hold_open_again(&hold, NULL);
    hold_close(&hold);
    REQUIRE(ks_pkcs11_backend.open(hold_env(&room, NULL, "lost"), &hold.store,
                                   &err) == KS_OK);
    CHECK_RC(hold_info(&hold, "k", NULL), KS_E_NOT_FOUND);
    CHECK_CONTAINS(hold.err.text, "backend hsm");
    CHECK_CONTAINS(hold.err.text, "\"lost\"");
    CHECK_CONTAINS(hold.err.hint, "\"hold\"");
    hold_close(&hold);
    /* With no label the only token is meant, and of two none. */
    REQUIRE(ks_pkcs11_backend.open(hold_env(&room, NULL, ""), &hold.store,
                                   &err) == KS_OK);
    CHECK_RC(hold_info(&hold, "k", NULL), KS_OK);
    hold_close(&hold);
    test_softhsm_token("second");
    REQUIRE(ks_pkcs11_backend.open(hold_env(&room, NULL, ""), &hold.store,
                                   &err) == KS_OK);
    CHECK_RC(hold_info(&hold, "k", NULL), KS_E_INVALID);
    CHECK_CONTAINS(hold.err.text, "2 tokens");
    hold_close(&hold);
}

static void a_module_that_is_none_is_named(void)
{
    struct hold_env room;
    struct hold hold;
    struct ks_err err = {0};

    test_softhsm_setup();
    memset(&hold, 0, sizeof(hold));
    REQUIRE(ks_pkcs11_backend.open(hold_env(&room, "/nowhere/p11.so", NULL),
                                   &hold.store, &err) == KS_OK);
    CHECK(hold_info(&hold, "k", NULL) != KS_OK);
    CHECK_CONTAINS(hold.err.text, "/nowhere/p11.so");
    hold_close(&hold);
}

static const struct test_case cases[] = {
    TEST_CASE(a_uri_finds_the_key_by_every_way_to_a_module),
    TEST_CASE(what_no_token_has_is_told_with_the_tokens_seen),
    TEST_CASE(of_two_tokens_the_one_that_has_the_object_is_meant),
    TEST_CASE(a_uri_without_an_object_lists_its_tokens),
    TEST_CASE(one_token_through_two_modules_is_one),
    TEST_CASE(a_missing_token_of_a_backend_is_named),
    TEST_CASE(a_module_that_is_none_is_named),
};
TEST_MAIN("hsm.store", cases)
