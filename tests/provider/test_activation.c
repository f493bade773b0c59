/*
 * Activation changes nothing: keys that have nothing to do with us work as
 * without us, in whatever order providers come and whatever libcrypto's fetch
 * cache holds. And our keys work in all these places.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "fixture.h"
#include "tls.h"
#include "tmpdir.h"

#define TEXT_MAX 1024

/* A key from PEM text, as a program reads a file. */
static EVP_PKEY *through_pem(const struct fixture *f, EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *read = NULL;

    if (PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
        read = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f->ctx, NULL);
    BIO_free(bio);
    return read;
}

static void check_tls(const struct fixture *f, EVP_PKEY *pkey,
                      const char *label)
{
    static const struct {
        int version;
        const char *group;
    } ways[] = {
        {TLS1_2_VERSION, "P-256"},  {TLS1_2_VERSION, "P-384"},
        {TLS1_2_VERSION, "X25519"}, {TLS1_3_VERSION, "P-256"},
        {TLS1_3_VERSION, "P-521"},  {TLS1_3_VERSION, "X25519"},
        {TLS1_3_VERSION, "X448"},   {TLS1_2_VERSION, NULL},
        {TLS1_3_VERSION, NULL},
    };
    X509 *cert = tls_certificate(f->ctx, pkey);
    size_t i;

    if (!CHECK(cert != NULL))
        fprintf(stderr, "    certificate of %s\n", label);
    for (i = 0; cert != NULL && i < sizeof(ways) / sizeof(ways[0]); i++)
        if (!CHECK(tls_handshake(f->ctx, pkey, cert, ways[i].version,
                                 ways[i].group)))
            fprintf(stderr, "    %s, %x, %s\n", label, ways[i].version,
                    ways[i].group != NULL ? ways[i].group : "any");
    X509_free(cert);
}

/* Key encapsulation is not ours: libcrypto moves the key to default. */
static void check_encapsulation(const struct fixture *f, EVP_PKEY *pkey,
                                const char *operation)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(f->ctx, pkey, NULL);
    unsigned char wrapped[512], secret[512], again[512];
    size_t wrapped_len = sizeof(wrapped), secret_len = sizeof(secret);
    size_t again_len = sizeof(again);

    CHECK_INT(EVP_PKEY_encapsulate_init(pctx, NULL), 1);
    CHECK_INT(EVP_PKEY_CTX_set_kem_op(pctx, operation), 1);
    CHECK_INT(
        EVP_PKEY_encapsulate(pctx, wrapped, &wrapped_len, secret, &secret_len),
        1);
    CHECK_INT(EVP_PKEY_decapsulate_init(pctx, NULL), 1);
    CHECK_INT(EVP_PKEY_CTX_set_kem_op(pctx, operation), 1);
    CHECK_INT(
        EVP_PKEY_decapsulate(pctx, again, &again_len, wrapped, wrapped_len), 1);
    CHECK_BYTES(again, again_len, secret, secret_len);
    EVP_PKEY_CTX_free(pctx);
}

/* Everything that a program may do with keys of its own. */
static void check_own_keys(const struct fixture *f)
{
    size_t i;

    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *pkey = fixture_make(f, fixture_kinds[i], NULL, NULL);
        EVP_PKEY *read = pkey != NULL ? through_pem(f, pkey) : NULL;
        EVP_PKEY_CTX *check;

        if (!CHECK(pkey != NULL && read != NULL)) {
            fprintf(stderr, "    %s\n", fixture_kinds[i]);
            ERR_print_errors_fp(stderr);
            EVP_PKEY_free(pkey);
            continue;
        }
        CHECK_INT(EVP_PKEY_eq(pkey, read), 1);
        CHECK(fixture_use(f, pkey, read));
        CHECK(fixture_use(f, read, pkey));
        check = EVP_PKEY_CTX_new_from_pkey(f->ctx, pkey, NULL);
        CHECK_INT(EVP_PKEY_check(check), 1);
        EVP_PKEY_CTX_free(check);
        if (strcmp(fixture_kinds[i], "RSA") == 0)
            check_encapsulation(f, pkey, "RSASVE");
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
        if (fixture_kinds[i][0] == 'X' || fixture_kinds[i][0] == 'P')
            check_encapsulation(f, pkey, "DHKEM");
#endif
        if (fixture_kinds[i][0] != 'X')
            check_tls(f, read, fixture_kinds[i]);
        EVP_PKEY_free(pkey);
        EVP_PKEY_free(read);
    }
}

static void check_stored_keys(const struct fixture *f)
{
    static const char *const kinds[] = {"RSA", "P-256", "ED25519"};
    size_t i;
    char uri[64];

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *pkey;

        (void)snprintf(uri, sizeof(uri), "keystore://stay/%s", kinds[i]);
        EVP_PKEY_free(fixture_make(f, kinds[i], uri, NULL));
        pkey = fixture_load(f, uri, NULL, NULL);
        CHECK_STR(fixture_provider_of(pkey), "keystore");
        if (pkey != NULL)
            check_tls(f, pkey, uri);
        EVP_PKEY_free(pkey);
        (void)snprintf(uri, sizeof(uri), "keystore://default/%s", kinds[i]);
        pkey = fixture_load(f, uri, NULL, NULL);
        if (CHECK(pkey != NULL))
            check_tls(f, pkey, uri);
        EVP_PKEY_free(pkey);
    }
}

static void listed_after_default(void)
{
    struct fixture f;

    fixture_open(&f);
    check_own_keys(&f);
    check_stored_keys(&f);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

/* Then every implicit fetch of a key type ends at us. */
static void listed_before_default(void)
{
    static const char *const names[] = {"keystore", "default", NULL};
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open_with(&f, names);
    check_own_keys(&f);
    check_stored_keys(&f);
    pkey = fixture_make(&f, "P-256", NULL, NULL);
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    fixture_close(&f);
}

static void under_a_name_that_sorts_before_default(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    fixture_open(&f);
    CHECK_INT(symlink(fixture_module, test_path("aaa.so")), 0);
    OSSL_PROVIDER_set_default_search_path(f.ctx, test_dir());
    f.providers[2] = OSSL_PROVIDER_load(f.ctx, "aaa");
    CHECK(f.providers[2] != NULL);
    f.providers[3] = OSSL_PROVIDER_load(f.ctx, "legacy");
    pkey = fixture_make(&f, "P-256", NULL, NULL);
    CHECK_STR(fixture_provider_of(pkey), "aaa");
    EVP_PKEY_free(pkey);
    check_own_keys(&f);
    fixture_close(&f);
}

/* reference: OpenSSL issue 31018. A flush of the fetch cache, then any use of
 * one of our keys, and the next implicit fetch of its type ends at us. */
static void after_the_fetch_cache_was_poisoned(void)
{
    struct fixture f;
    EVP_PKEY *ec, *rsa, *hijacked;

    fixture_open(&f);
    ec = fixture_make(&f, "P-256", "keystore://stay/ec", NULL);
    rsa = fixture_make(&f, "RSA", "keystore://stay/rsa", NULL);
    f.providers[2] = OSSL_PROVIDER_load(f.ctx, "legacy");
    if (f.providers[2] == NULL)
        CHECK_INT(EVP_set_default_properties(f.ctx, "?provider=default"), 1);
    CHECK(fixture_use(&f, ec, ec));
    CHECK(fixture_use(&f, rsa, rsa));
    hijacked = EVP_PKEY_Q_keygen(f.ctx, NULL, "EC", "P-256");
    CHECK(hijacked != NULL);
#if OPENSSL_VERSION_NUMBER < 0x30100000L
    /* It is poisoned, then; and still nobody can tell. */
    CHECK_STR(fixture_provider_of(hijacked), "keystore");
#endif
    if (hijacked != NULL)
        CHECK(fixture_use(&f, hijacked, hijacked));
    EVP_PKEY_free(hijacked);
    hijacked = EVP_PKEY_Q_keygen(f.ctx, NULL, "RSA", (size_t)2048);
    CHECK(hijacked != NULL);
    EVP_PKEY_free(hijacked);
    check_own_keys(&f);
    check_stored_keys(&f);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(listed_after_default),
    TEST_CASE(listed_before_default),
    TEST_CASE(under_a_name_that_sorts_before_default),
    TEST_CASE(after_the_fetch_cache_was_poisoned),
};
TEST_MAIN("provider.activation", cases)
