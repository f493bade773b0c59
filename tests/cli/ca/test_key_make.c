/*
 * Keys made in a backend through the provider that was built, and what is left
 * when the making, or the issuing that wanted them, does not get to its end.
 */
#include "key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include "fixture.h"
#include "tmpdir.h"

#define URI "keystore://default/new"

static OSSL_PROVIDER *providers[2];

/* The provider in a library context of its own, as caadm.conf here says. */
static void provider_open(struct fixture *f)
{
    static const char text[] = "[caadm]\ndatabase = caadm.db\n"
                               "[backend default]\ntype = file\npath = keys\n"
                               "passphrase = file:pw.txt\n"
                               "kdf = scrypt:1024:8:1\n";

    test_write("caadm.conf", text, sizeof(text) - 1, 0600);
    test_write("pw.txt", "secret\n", 7, 0600);
    (void)setenv("CAADM_CONFIG", test_path("caadm.conf"), 1);
    fixture_open(f);
    f->env.libctx = OSSL_LIB_CTX_new();
    CHECK(OSSL_PROVIDER_set_default_search_path(f->env.libctx, MODULES_DIR) ==
          1);
    providers[0] = OSSL_PROVIDER_load(f->env.libctx, "default");
    providers[1] = OSSL_PROVIDER_load(f->env.libctx, "keystore");
    REQUIRE(providers[0] != NULL && providers[1] != NULL);
}

static void provider_close(struct fixture *f)
{
    OSSL_LIB_CTX *ctx = f->env.libctx;

    fixture_close(f);
    for (size_t i = 0; i < 2; i++)
        CHECK(OSSL_PROVIDER_unload(providers[i]) == 1);
    OSSL_LIB_CTX_free(ctx);
}

static ks_rc make(struct fixture *f, const char *type)
{
    struct ca_key_spec spec = {.uri = URI, .type = type};

    memset(&f->err, 0, sizeof(f->err));
    return ca_key_create(&f->env, &spec, NULL, &f->err);
}

static ks_rc load(struct fixture *f)
{
    struct ks_err err = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = ca_key_load(&f->env, URI, &pkey, &err);

    EVP_PKEY_free(pkey);
    return rc;
}

static ks_rc count(void *arg, const struct ks_intent *intent,
                   struct ks_err *err)
{
    (void)intent;
    (void)err;
    ++*(int *)arg;
    return KS_OK;
}

/* Plans that another process would find after this one's death. */
static int plans_left(void)
{
    struct fixture other;
    int n = 0;

    fixture_open_again(&other);
    CHECK_OK(ks_intent_each_dead(other.env.inv, count, &n, &other.err),
             &other.err);
    fixture_close(&other);
    return n;
}

static void keys_are_made_loaded_and_removed(void)
{
    static const char *const types[] = {"rsa:2048", "rsa-pss:2048", "ec:P-384",
                                        "ed25519", "x448"};
    struct fixture f;

    provider_open(&f);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        EVP_PKEY *pkey = NULL;
        char text[64] = "";

        CHECK_OK(make(&f, types[i]), &f.err);
        CHECK_RC(make(&f, types[i]), KS_E_EXISTS);
        CHECK_CONTAINS(f.err.text, URI);
        CHECK_OK(ca_key_load(&f.env, URI, &pkey, &f.err), &f.err);
        if (CHECK(pkey != NULL))
            ca_key_type_text(pkey, text, sizeof(text));
        CHECK_STR(text, types[i]);
        EVP_PKEY_free(pkey);
        CHECK_OK(ca_key_delete(&f.env, URI, false, &f.err), &f.err);
        CHECK_RC(load(&f), KS_E_NOT_FOUND);
        CHECK_RC(ca_key_delete(&f.env, URI, false, &f.err), KS_E_NOT_FOUND);
    }
    CHECK_INT(plans_left(), 0);
    provider_close(&f);
}

static void a_cas_key_is_deleted_by_force_only(void)
{
    struct fixture f;
    struct ca_key_spec key = {.uri = URI};
    struct ca_issued created = {0};
    struct ca_create_spec spec = {.name = "root",
                                  .subject = "CN=Root",
                                  .new_key = &key,
                                  .path_length = -1};

    provider_open(&f);
    CHECK_OK(ca_create(&f.env, &spec, &created, &f.err), &f.err);
    CHECK_STR(created.key_uri, URI);
    ca_issued_clear(&created);
    CHECK_RC(ca_key_delete(&f.env, URI, false, &f.err), KS_E_POLICY);
    CHECK_CONTAINS(f.err.text, "root");
    CHECK_OK(load(&f), &f.err);
    spec.name = "again"; /* the key is taken: nothing is made, nothing lost */
    memset(&f.err, 0, sizeof(f.err));
    CHECK_RC(ca_create(&f.env, &spec, &created, &f.err), KS_E_EXISTS);
    CHECK_OK(load(&f), &f.err);
    CHECK_OK(ca_key_delete(&f.env, URI, true, &f.err), &f.err);
    provider_close(&f);
}

static void a_refused_certificate_leaves_no_key(void)
{
    struct fixture f;
    struct ca_key_spec key = {.uri = URI};
    const char *good = "a.example", *bad = "a_b.example";
    struct ca_issue_spec spec = {.new_key = &key, .sans = &bad, .n_sans = 1};
    struct ca_issued issued;

    provider_open(&f);
    CHECK_OK(fixture_ca(&f, "root", NULL, "ec:P-256", -1), &f.err);
    CHECK_RC(fixture_issue(&f, "root", &spec, &issued), KS_E_INVALID);
    CHECK_RC(load(&f), KS_E_NOT_FOUND);
    spec.sans = &good;
    key.type = "x25519"; /* a server's key must sign: seen once it is made */
    CHECK_RC(fixture_issue(&f, "root", &spec, &issued), KS_E_POLICY);
    CHECK_RC(load(&f), KS_E_NOT_FOUND);
    CHECK_INT(plans_left(), 0);
    key.type = NULL;
    CHECK_OK(fixture_issue(&f, "root", &spec, &issued), &f.err);
    ca_issued_clear(&issued);
    CHECK_OK(load(&f), &f.err);
    CHECK_OK(ca_key_delete(&f.env, URI, false, &f.err), &f.err);
    provider_close(&f);
}

/* A process that dies between making and registering. */
static void a_dead_processs_key_is_removed_at_the_next_start(void)
{
    struct fixture f, dead;
    struct ca_key_spec spec = {.uri = URI};
    struct ca_new_key key = {0};
    struct ca_settled settled = {0};

    provider_open(&f);
    fixture_open_again(&dead);
    dead.env.libctx = f.env.libctx;
    CHECK_OK(ca_new_key_make(&dead.env, &spec, &key, &dead.err), &dead.err);
    CHECK_OK(ca_settle(&f.env, &settled, &f.err), &f.err);
    CHECK_INT(settled.undone, 0); /* it lives */
    ca_settled_clear(&settled);
    ca_new_key_clear(&key);
    fixture_close(&dead);
    CHECK_OK(load(&f), &f.err);
    CHECK_OK(ca_settle(&f.env, &settled, &f.err), &f.err);
    CHECK_INT(settled.undone, 1);
    CHECK_RC(load(&f), KS_E_NOT_FOUND);
    ca_settled_clear(&settled);
    CHECK_INT(plans_left(), 0);
    provider_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(keys_are_made_loaded_and_removed),
    TEST_CASE(a_cas_key_is_deleted_by_force_only),
    TEST_CASE(a_refused_certificate_leaves_no_key),
    TEST_CASE(a_dead_processs_key_is_removed_at_the_next_start),
};
TEST_MAIN("ca.key_make", cases)
