/*
 * Creation, import, deletion and sealing anew, through EVP alone.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "fixture.h"
#include "tmpdir.h"

#define TEXT_MAX 1024

static bool file_exists(const char *name)
{
    struct stat info;

    return stat(test_path(name), &info) == 0;
}

/* PKEY, from another provider, imported as URI. */
static EVP_PKEY *import(const struct fixture *f, const EVP_PKEY *pkey,
                        int selection, const char *uri)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(
        f->ctx, EVP_PKEY_get0_type_name(pkey), FIXTURE_OURS);
    OSSL_PARAM *key = NULL, *all = NULL;
    OSSL_PARAM more[] = {
        OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)uri, 0),
        OSSL_PARAM_END};
    EVP_PKEY *imported = NULL;

    if (EVP_PKEY_todata(pkey, selection, &key) == 1)
        all = OSSL_PARAM_merge(key, more);
    if (pctx != NULL && all != NULL && EVP_PKEY_fromdata_init(pctx) == 1)
        (void)EVP_PKEY_fromdata(pctx, &imported, selection, all);
    OPENSSL_free(all);
    OSSL_PARAM_free(key);
    EVP_PKEY_CTX_free(pctx);
    return imported;
}

static void key_is_made_and_deleted_through_evp(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    char text[TEXT_MAX];

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://default/a", NULL);
    CHECK(pkey != NULL && file_exists("keys/a.pem"));
    EVP_PKEY_free(pkey);
    CHECK_INT(fixture_delete(&f, "keystore://default/a?type=cert"), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_INVALID);
    CHECK_INT(fixture_delete(&f, "keystore://default/a?type=public"), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_INVALID);
    CHECK_INT(fixture_delete(&f, "keystore://default/a?type=private"), 1);
    CHECK(!file_exists("keys/a.pem"));
    CHECK_INT(fixture_delete(&f, "keystore://default/a"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK_INT(fixture_delete(&f, "keystore://default/"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(fixture_delete(&f, "nonsense"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    fixture_close(&f);
}

static EVP_PKEY *make_with_passout_alone(const struct fixture *f)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(f->ctx, "ED25519", FIXTURE_OURS);
    EVP_PKEY *pkey = NULL;

    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK_INT(EVP_PKEY_CTX_ctrl_str(pctx, "keystore-passout", "pass:x"), 1);
    (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

static void passout_is_the_secret_of_the_new_key(void)
{
    struct fixture f;
    EVP_PKEY *pkey;
    char text[TEXT_MAX];

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://default/a", "pass:other");
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    pkey = fixture_load(&f, "keystore://ask/a", NULL, "other");
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    CHECK(fixture_load(&f, "keystore://ask/a", NULL, FIXTURE_PASSPHRASE) ==
          NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    /* A source that gives nothing makes no key. */
    CHECK(fixture_make(&f, "P-256", "keystore://default/b",
                       "file:/nowhere/at/all") == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_MISSING);
    CHECK(!file_exists("keys/b.pem"));
    CHECK(fixture_make(&f, "P-256", "keystore://default/b", "nonsense") ==
          NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK(!file_exists("keys/b.pem"));
    CHECK(make_with_passout_alone(&f) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    fixture_close(&f);
}

static void alias_of_the_uri_is_known(void)
{
    struct fixture f;
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *pkey = NULL;

    fixture_open(&f);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "ED25519", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK_INT(EVP_PKEY_CTX_ctrl_str(pctx, "pkcs11_uri", "keystore://default/a"),
              1);
    CHECK_INT(EVP_PKEY_generate(pctx, &pkey), 1);
    CHECK(file_exists("keys/a.pem"));
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(pctx);
    fixture_close(&f);
}

static void taken_name_is_refused_and_kept(void)
{
    struct fixture f;
    EVP_PKEY *first, *again, *other;
    char text[TEXT_MAX];

    fixture_open(&f);
    first = fixture_make(&f, "P-256", "keystore://default/a", NULL);
    CHECK(fixture_make(&f, "P-384", "keystore://default/a", NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_EXISTS);
    CHECK_CONTAINS(text, "keystore://default/a");
    other = fixture_make(&f, "P-384", NULL, NULL);
    CHECK(import(&f, other, EVP_PKEY_KEYPAIR, "keystore://default/a") == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_EXISTS);
    again = fixture_load(&f, "keystore://default/a", NULL, NULL);
    CHECK_INT(EVP_PKEY_eq(first, again), 1);
    EVP_PKEY_free(first);
    EVP_PKEY_free(again);
    EVP_PKEY_free(other);
    fixture_close(&f);
}

static void bad_places_are_refused(void)
{
    static const struct {
        const char *uri;
        ks_rc rc;
    } bad[] = {
        {"keystore://default/", KS_E_INVALID},
        {"keystore://default/a?type=public", KS_E_INVALID},
        {"keystore://default/a?type=cert", KS_E_INVALID},
        {"keystore://nowhere/a", KS_E_NOT_FOUND},
        {"keystore://absent/a", KS_E_CONFIG},
        {"a.pem", KS_E_INVALID},
        {"pkcs11:token=a", KS_E_INVALID},
        {"pkcs11:object=a;type=cert", KS_E_INVALID},
        {"pkcs11:nonsense=a", KS_E_INVALID},
        {"", KS_E_INVALID},
    };
    struct fixture f;
    EVP_PKEY *source;
    char text[TEXT_MAX];
    size_t i;

    fixture_open(&f);
    source = fixture_make(&f, "P-256", NULL, NULL);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(fixture_make(&f, "P-256", bad[i].uri, NULL) == NULL);
        if (!CHECK_RC(fixture_raised(text, sizeof(text)), bad[i].rc))
            fprintf(stderr, "    %s\n", bad[i].uri);
        CHECK(import(&f, source, EVP_PKEY_KEYPAIR, bad[i].uri) == NULL);
        CHECK_RC(fixture_raised(text, sizeof(text)), bad[i].rc);
    }
    EVP_PKEY_free(source);
    fixture_close(&f);
}

static void every_kind_can_be_imported(void)
{
    static const char *const backends[] = {"default", "stay", "plain"};
    struct fixture f;
    size_t i, b;
    char uri[128];

    fixture_open(&f);
    for (i = 0; fixture_kinds[i] != NULL; i++)
        for (b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
            EVP_PKEY *source = fixture_make(&f, fixture_kinds[i], NULL, NULL);
            EVP_PKEY *stored, *loaded;
            char text[TEXT_MAX] = "";

            (void)snprintf(uri, sizeof(uri), "keystore://%s/%s-%zu",
                           backends[b], fixture_kinds[i], b);
            stored = import(&f, source, EVP_PKEY_KEYPAIR, uri);
            loaded = fixture_load(&f, uri, NULL, NULL);
            CHECK_STR(fixture_provider_of(stored), "keystore");
            if (!CHECK(stored != NULL && loaded != NULL))
                continue;
            CHECK(EVP_PKEY_get_utf8_string_param(stored, "keystore-uri", text,
                                                 sizeof(text), NULL));
            CHECK_STR(text, uri);
            CHECK_INT(EVP_PKEY_eq(stored, source), 1);
            CHECK_INT(EVP_PKEY_eq(loaded, source), 1);
            CHECK(fixture_use(&f, stored, source));
            CHECK(fixture_use(&f, loaded, source));
            EVP_PKEY_free(source);
            EVP_PKEY_free(stored);
            EVP_PKEY_free(loaded);
        }
    fixture_close(&f);
}

static void public_key_alone_is_not_imported(void)
{
    struct fixture f;
    EVP_PKEY *source;
    char text[TEXT_MAX];

    fixture_open(&f);
    source = fixture_make(&f, "P-256", NULL, NULL);
    CHECK(import(&f, source, EVP_PKEY_PUBLIC_KEY, "keystore://default/a") ==
          NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK(!file_exists("keys/a.pem"));
    EVP_PKEY_free(source);
    fixture_close(&f);
}

/* The private half of one key with the public half of another. */
static void halves_that_do_not_fit_are_not_imported(void)
{
    struct fixture f;
    EVP_PKEY *a, *b, *mixed = NULL;
    unsigned char private[32], public[32];
    size_t len = sizeof(private);
    EVP_PKEY_CTX *pctx;
    OSSL_PARAM params[4];
    char text[TEXT_MAX];

    fixture_open(&f);
    a = fixture_make(&f, "ED25519", NULL, NULL);
    b = fixture_make(&f, "ED25519", NULL, NULL);
    CHECK_INT(EVP_PKEY_get_raw_private_key(a, private, &len), 1);
    len = sizeof(public);
    CHECK_INT(EVP_PKEY_get_raw_public_key(b, public, &len), 1);
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
                                                  private, sizeof(private));
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  public, sizeof(public));
    params[2] = OSSL_PARAM_construct_utf8_string(
        "keystore-uri", (char *)"keystore://default/a", 0);
    params[3] = OSSL_PARAM_construct_end();
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "ED25519", FIXTURE_OURS);
    CHECK_INT(EVP_PKEY_fromdata_init(pctx), 1);
    CHECK(EVP_PKEY_fromdata(pctx, &mixed, EVP_PKEY_KEYPAIR, params) != 1);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK(!file_exists("keys/a.pem"));
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(mixed);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    fixture_close(&f);
}

static void uri_without_our_provider_stores_nothing(void)
{
    struct fixture f;
    EVP_PKEY_CTX *pctx;
    EVP_PKEY *pkey = NULL;

    fixture_open(&f);
    pctx = EVP_PKEY_CTX_new_from_name(f.ctx, "ED25519", NULL);
    CHECK_INT(EVP_PKEY_keygen_init(pctx), 1);
    CHECK(EVP_PKEY_CTX_ctrl_str(pctx, "keystore-uri", "keystore://default/a") <=
          0);
    (void)EVP_PKEY_generate(pctx, &pkey);
    CHECK_STR(fixture_provider_of(pkey), "default");
    CHECK(!file_exists("keys/a.pem"));
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(pctx);
    ERR_clear_error();
    fixture_close(&f);
}

/* Two texts as parameters of set_params. */
static int reseal(EVP_PKEY *pkey, const char *passin, const char *source)
{
    OSSL_PARAM params[3], *p = params;

    *p++ =
        OSSL_PARAM_construct_utf8_string("keystore-reseal", (char *)source, 0);
    if (passin != NULL)
        *p++ = OSSL_PARAM_construct_utf8_string("keystore-passin",
                                                (char *)passin, 0);
    *p = OSSL_PARAM_construct_end();
    return EVP_PKEY_set_params(pkey, params);
}

static void key_is_sealed_anew(void)
{
    struct fixture f;
    EVP_PKEY *pkey, *loaded;
    char text[TEXT_MAX];

    fixture_open(&f);
    pkey = fixture_make(&f, "P-256", "keystore://default/a", NULL);
    REQUIRE(pkey != NULL);
    CHECK_INT(reseal(pkey, NULL, "pass:second"), 1);
    CHECK(fixture_load(&f, "keystore://ask/a", NULL, FIXTURE_PASSPHRASE) ==
          NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    CHECK_INT(reseal(pkey, NULL, "pass:third"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_WRONG);
    CHECK_INT(reseal(pkey, "pass:second", "nonsense"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(reseal(pkey, "pass:second", "file:/nowhere"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_MISSING);
    CHECK_INT(reseal(pkey, "pass:second", "pass:third"), 1);
    loaded = fixture_load(&f, "keystore://ask/a", NULL, "third");
    CHECK_INT(EVP_PKEY_eq(pkey, loaded), 1);
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(loaded);
    fixture_close(&f);
}

static void a_passphrase_is_never_ignored(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    fixture_open(&f);
    CHECK(fixture_make(&f, "P-256", "keystore://plain/a", "pass:x") == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_CONTAINS(text, "sealing = none");
    CHECK_INT(fixture_delete(&f, "keystore://plain/a"), 0);
    ERR_clear_error();
    fixture_close(&f);
}

/* No secret is needed to name the key that is to be sealed anew. */
static void public_half_names_the_key_to_seal(void)
{
    struct fixture f;
    OSSL_STORE_INFO *info;
    EVP_PKEY *pkey;

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "RSA", "keystore://default/a", NULL));
    info = fixture_load_info(&f, "keystore://ask/a", FIXTURE_OURS,
                             OSSL_STORE_INFO_PUBKEY, NULL);
    REQUIRE(info != NULL);
    pkey = OSSL_STORE_INFO_get1_PUBKEY(info);
    OSSL_STORE_INFO_free(info);
    CHECK_INT(reseal(pkey, "pass:" FIXTURE_PASSPHRASE, "pass:new"), 1);
    EVP_PKEY_free(pkey);
    pkey = fixture_load(&f, "keystore://ask/a", NULL, "new");
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
static void store_delete_of_newer_libcrypto_deletes(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://default/a", NULL));
    CHECK_INT(OSSL_STORE_delete("keystore://default/a", f.ctx, NULL, NULL, NULL,
                                NULL),
              1);
    CHECK(!file_exists("keys/a.pem"));
    CHECK_INT(OSSL_STORE_delete("keystore://default/a", f.ctx, NULL, NULL, NULL,
                                NULL),
              0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    fixture_close(&f);
}
#endif

static const struct test_case cases[] = {
    TEST_CASE(key_is_made_and_deleted_through_evp),
    TEST_CASE(passout_is_the_secret_of_the_new_key),
    TEST_CASE(alias_of_the_uri_is_known),
    TEST_CASE(taken_name_is_refused_and_kept),
    TEST_CASE(bad_places_are_refused),
    TEST_CASE(every_kind_can_be_imported),
    TEST_CASE(public_key_alone_is_not_imported),
    TEST_CASE(halves_that_do_not_fit_are_not_imported),
    TEST_CASE(uri_without_our_provider_stores_nothing),
    TEST_CASE(key_is_sealed_anew),
    TEST_CASE(a_passphrase_is_never_ignored),
    TEST_CASE(public_half_names_the_key_to_seal),
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    TEST_CASE(store_delete_of_newer_libcrypto_deletes),
#endif
};
TEST_MAIN("provider.create", cases)
