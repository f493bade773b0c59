/*
 * Certificates beside keys, and what is told of keys that are sealed: the
 * functions that libcrypto does not know.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "fixture.h"
#include "ks_provider.h"
#include "tls.h"
#include "tmpdir.h"

#define TEXT_MAX 1024
#define CERTS_MAX 4096
#define URI "keystore://default/a"

/* Some certificates, DER, one after the other. */
struct certs {
    unsigned char der[CERTS_MAX];
    size_t len;
};

static void add(struct certs *certs, const X509 *cert)
{
    unsigned char *at = certs->der + certs->len;
    int len = i2d_X509(cert, NULL);

    REQUIRE(len > 0 && certs->len + (size_t)len <= sizeof(certs->der));
    certs->len += (size_t)i2d_X509(cert, &at);
}

static int certify(const struct fixture *f, const char *uri,
                   const struct certs *certs)
{
    ks_store_certify_fn *function = NULL;
    void (*found)(void) = fixture_function(f, KS_FUNC_STORE_CERTIFY);

    memcpy(&function, &found, sizeof(function));
    return function != NULL &&
           function(OSSL_PROVIDER_get0_provider_ctx(f->providers[1]), uri,
                    certs->der, certs->len);
}

/* How many certificates URI yields; the first is OWN. */
static int count_certs(const struct fixture *f, const char *uri,
                       const X509 *own)
{
    OSSL_STORE_CTX *store =
        OSSL_STORE_open_ex(uri, f->ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    int n = 0;

    CHECK(store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_CERT));
    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        X509 *cert = info != NULL ? OSSL_STORE_INFO_get0_CERT(info) : NULL;

        if (cert != NULL && n++ == 0)
            CHECK(X509_cmp(cert, own) == 0);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return n;
}

static void certificates_are_kept_with_any_sealed_key(void)
{
    static const char *const uris[] = {URI, "keystore://db/a",
                                       "keystore://plain/a"};
    struct fixture f;
    EVP_PKEY *key, *issuer;
    X509 *cert, *above;

    fixture_open(&f);
    issuer = fixture_make(&f, "P-256", NULL, NULL);
    above = tls_certificate(f.ctx, issuer);
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct certs certs = {.len = 0};

        key = fixture_make(&f, "P-256", uris[i], NULL);
        REQUIRE(key != NULL && above != NULL);
        cert = tls_certificate(f.ctx, key);
        REQUIRE(cert != NULL);
        CHECK_INT(count_certs(&f, uris[i], NULL), 0);
        add(&certs, cert);
        add(&certs, above);
        CHECK_INT(certify(&f, uris[i], &certs), 1);
        CHECK_INT(count_certs(&f, uris[i], cert), 2);
        certs.len = 0;
        CHECK_INT(certify(&f, uris[i], &certs), 1);
        CHECK_INT(count_certs(&f, uris[i], NULL), 0);
        CHECK_INT(ERR_peek_error(), 0);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    X509_free(above);
    EVP_PKEY_free(issuer);
    fixture_close(&f);
}

static void certificates_that_do_not_fit_are_refused(void)
{
    struct fixture f;
    struct certs certs = {.len = 0};
    EVP_PKEY *key, *other;
    X509 *cert;
    char text[TEXT_MAX];

    fixture_open(&f);
    key = fixture_make(&f, "P-256", URI, NULL);
    other = fixture_make(&f, "P-256", NULL, NULL);
    cert = tls_certificate(f.ctx, other);
    REQUIRE(key != NULL && cert != NULL);
    add(&certs, cert);
    CHECK_INT(certify(&f, URI, &certs), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_CONTAINS(text, URI ": certificate is not of this key");
    certs.len--;
    CHECK_INT(certify(&f, URI, &certs), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(certify(&f, "keystore://default/none", &certs), 0);
    (void)fixture_raised(NULL, 0);
    certs.len = 0;
    CHECK_INT(certify(&f, "keystore://default/none", &certs), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK_INT(certify(&f, "keystore://default/", &certs), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(count_certs(&f, URI, NULL), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    fixture_close(&f);
}

/* Imports SOURCE as URI together with CERTS. */
static EVP_PKEY *import(const struct fixture *f, const EVP_PKEY *source,
                        const char *uri, struct certs *certs)
{
    OSSL_PARAM more[] = {
        OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)uri, 0),
        OSSL_PARAM_construct_octet_string("keystore-certs", certs->der,
                                          certs->len),
        OSSL_PARAM_construct_end()};
    OSSL_PARAM *key = NULL, *all;
    EVP_PKEY *imported = NULL;
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(f->ctx, "EC", FIXTURE_OURS);

    CHECK_INT(EVP_PKEY_todata(source, EVP_PKEY_KEYPAIR, &key), 1);
    all = OSSL_PARAM_merge(key, more);
    CHECK_INT(EVP_PKEY_fromdata_init(pctx), 1);
    if (EVP_PKEY_fromdata(pctx, &imported, EVP_PKEY_KEYPAIR, all) != 1) {
        EVP_PKEY_free(imported);
        imported = NULL;
    }
    OPENSSL_free(all);
    OSSL_PARAM_free(key);
    EVP_PKEY_CTX_free(pctx);
    return imported;
}

static void a_key_is_imported_with_its_certificates(void)
{
    struct fixture f;
    struct certs certs = {.len = 0};
    EVP_PKEY *source, *imported;
    X509 *cert;
    char text[TEXT_MAX];

    fixture_open(&f);
    source = fixture_make(&f, "P-256", NULL, NULL);
    cert = tls_certificate(f.ctx, source);
    REQUIRE(source != NULL && cert != NULL);
    add(&certs, cert);
    imported = import(&f, source, URI, &certs);
    CHECK(imported != NULL);
    CHECK_INT(count_certs(&f, URI, cert), 1);
    EVP_PKEY_free(imported);
    certs.der[0] ^= 1; /* and nothing is left of a key whose do not fit */
    CHECK(import(&f, source, "keystore://default/b", &certs) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK(fixture_load(&f, "keystore://default/b", NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    X509_free(cert);
    EVP_PKEY_free(source);
    fixture_close(&f);
}

/* "name=value;" for each fact. */
static int note(const OSSL_PARAM params[], void *arg)
{
    const OSSL_PARAM *name =
                         OSSL_PARAM_locate_const(params, KS_PARAM_FACT_NAME),
                     *value =
                         OSSL_PARAM_locate_const(params, KS_PARAM_FACT_VALUE);
    char *facts = arg;
    const char *n = NULL, *v = NULL;

    if (!OSSL_PARAM_get_utf8_string_ptr(name, &n) ||
        !OSSL_PARAM_get_utf8_string_ptr(value, &v))
        return 0;
    (void)snprintf(facts + strlen(facts), TEXT_MAX - strlen(facts), "%s=%s;", n,
                   v);
    return 1;
}

static int describe(const struct fixture *f, const char *uri, char *facts)
{
    ks_store_describe_fn *function = NULL;
    void (*found)(void) = fixture_function(f, KS_FUNC_STORE_DESCRIBE);

    facts[0] = '\0';
    memcpy(&function, &found, sizeof(function));
    return function != NULL &&
           function(OSSL_PROVIDER_get0_provider_ctx(f->providers[1]), uri, note,
                    facts, NULL, NULL);
}

static void it_is_told_how_a_key_is_sealed(void)
{
    struct fixture f;
    char facts[TEXT_MAX], text[TEXT_MAX];

    fixture_open(&f);
    EVP_PKEY_free(fixture_make(&f, "P-256", URI, NULL));
    EVP_PKEY_free(fixture_make(&f, "P-256", "keystore://plain/a", NULL));
    CHECK_INT(describe(&f, URI, facts), 1);
    CHECK_CONTAINS(facts, "sealing=passphrase;kdf=scrypt:1024:8:1;"
                          "sealing-current=yes;origin=generated;created=20");
    CHECK_INT(describe(&f, "keystore://plain/a", facts), 1);
    CHECK_CONTAINS(facts, "sealing=none;sealing-current=yes;");
    CHECK_INT(describe(&f, "keystore://default/none", facts), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK_STR(facts, "");
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(certificates_are_kept_with_any_sealed_key),
    TEST_CASE(certificates_that_do_not_fit_are_refused),
    TEST_CASE(a_key_is_imported_with_its_certificates),
    TEST_CASE(it_is_told_how_a_key_is_sealed),
};
TEST_MAIN("provider.certs", cases)
