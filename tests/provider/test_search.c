/* provider/search.c: OSSL_STORE_find, over files, SQLite and a token alike. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "hsm.h"
#include "ks_provider.h"
#include "tmpdir.h"

#define TEXT_MAX 1024

/* A certificate that says CN=NAME, from CN=Issuer NAME, serial number NUMBER,
 * for KEY. */
static X509 *make_cert(const struct fixture *f, EVP_PKEY *key, const char *name,
                       const char *issuer, long number)
{
    EVP_PKEY *ca = fixture_make(f, "P-256", NULL, NULL);
    X509 *cert = X509_new_ex(f->ctx, NULL);
    X509_NAME *subject = X509_NAME_new(), *from = X509_NAME_new();

    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     (const unsigned char *)name, -1, -1, 0);
    (void)X509_NAME_add_entry_by_txt(from, "CN", MBSTRING_UTF8,
                                     (const unsigned char *)issuer, -1, -1, 0);
    (void)X509_set_version(cert, X509_VERSION_3);
    (void)X509_set_subject_name(cert, subject);
    (void)X509_set_issuer_name(cert, from);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), number);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_set_pubkey(cert, key);
    CHECK(X509_sign(cert, ca, EVP_sha256()) > 0);
    X509_NAME_free(subject);
    X509_NAME_free(from);
    EVP_PKEY_free(ca);
    return cert;
}

/* The keys of every place that is searched: two with certificates, one
 * without. */
static const struct {
    const char *name, *id;
    const char *subject; /* NULL: no certificate */
    long number;
} keys[] = {{"first", "01", "One", 1001},
            {"second", "02", "Two", 1002},
            {"bare", "03", NULL, 0}};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static void keep_in_file(const char *name, X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char path[64], *all, *file;
    size_t len = 0;

    (void)BIO_snprintf(path, sizeof(path), "keys/%s.pem", name);
    file = test_read(path, &len);
    (void)BIO_write(bio, file, (int)len);
    (void)PEM_write_bio_X509(bio, cert);
    len = (size_t)BIO_get_mem_data(bio, &all);
    test_write(path, all, len, 0600);
    free(file);
    BIO_free(bio);
}

static void keep_in_sqlite(const struct fixture *f, const char *uri,
                           const X509 *cert)
{
    ks_store_certify_fn *certify =
        (ks_store_certify_fn *)fixture_function(f, KS_FUNC_STORE_CERTIFY);
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);

    CHECK(certify != NULL && len > 0 &&
          certify(OSSL_PROVIDER_get0_provider_ctx(f->providers[1]), uri, der,
                  (size_t)len) == 1);
    OPENSSL_free(der);
}

static void keep_on_token(const char *label, const char *id, const X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);

    test_write("cert.der", der, len > 0 ? (size_t)len : 0, 0600);
    OPENSSL_free(der);
    test_pkcs11_tool("--token-label", HSM_LABEL, "--login", "--pin", HSM_PIN,
                     "--write-object", test_path("cert.der"), "--type", "cert",
                     "--label", label, "--id", id, NULL);
}

static void make_on_token(const char *label, const char *id)
{
    test_pkcs11_tool("--token-label", HSM_LABEL, "--login", "--pin", HSM_PIN,
                     "--keypairgen", "--key-type", "EC:prime256v1", "--label",
                     label, "--id", id, NULL);
}

static const char *const places[] = {"keystore://default/", "keystore://db/",
                                     "keystore://hsm/",
                                     "pkcs11:token=provider%20test"};
#define N_PLACES (sizeof(places) / sizeof(places[0]))

/* A certificate of keys[INDEX] for KEY, which is freed. */
static X509 *certify(const struct fixture *f, EVP_PKEY *key, size_t index)
{
    X509 *cert =
        make_cert(f, key, keys[index].subject, "Issuer", keys[index].number);

    EVP_PKEY_free(key);
    return cert;
}

static void fill_key(const struct fixture *f, size_t i)
{
    EVP_PKEY *file, *row;
    char uri[128];
    X509 *cert;

    (void)BIO_snprintf(uri, sizeof(uri), "keystore://default/%s", keys[i].name);
    file = fixture_make(f, "P-256", uri, NULL);
    (void)BIO_snprintf(uri, sizeof(uri), "keystore://db/%s", keys[i].name);
    row = fixture_make(f, "P-256", uri, NULL);
    make_on_token(keys[i].name, keys[i].id);
    if (keys[i].subject == NULL) {
        EVP_PKEY_free(file);
        EVP_PKEY_free(row);
        return;
    }
    cert = certify(f, row, i);
    keep_in_sqlite(f, uri, cert);
    X509_free(cert);
    cert = certify(f, file, i);
    keep_in_file(keys[i].name, cert);
    X509_free(cert);
    (void)BIO_snprintf(uri, sizeof(uri), "keystore://hsm/%s", keys[i].name);
    cert = certify(f, hsm_public(f, uri), i);
    keep_on_token(keys[i].name, keys[i].id, cert);
    X509_free(cert);
}

static void fill(struct fixture *f)
{
    hsm_open(f);
    for (size_t i = 0; i < N_KEYS; i++)
        fill_key(f, i);
    /* What another program has put there is seen from now on. */
    fixture_close(f);
    fixture_open(f);
}

static X509_NAME *a_name(const char *cn)
{
    X509_NAME *name = X509_NAME_new();

    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     (const unsigned char *)cn, -1, -1, 0);
    return name;
}

/* How many objects of type EXPECT (0: any) PLACE has for SEARCH; *first gets
 * the first. -1 if it cannot be searched. */
static int find(const struct fixture *f, const char *place, int expect,
                const OSSL_STORE_SEARCH *search, OSSL_STORE_INFO **first)
{
    OSSL_STORE_CTX *store =
        OSSL_STORE_open_ex(place, f->ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    int n = -1;

    *first = NULL;
    if (store != NULL && (expect == 0 || OSSL_STORE_expect(store, expect)) &&
        OSSL_STORE_find(store, search) == 1)
        for (n = 0; !OSSL_STORE_eof(store) && n < 10; n++) {
            OSSL_STORE_INFO *info = OSSL_STORE_load(store);

            if (info == NULL)
                break;
            if (n == 0)
                *first = info;
            else
                OSSL_STORE_INFO_free(info);
        }
    OSSL_STORE_close(store);
    return n;
}

/* SEARCH finds in every place just the certificate of keys[INDEX]. */
static void check_finds(const struct fixture *f,
                        const OSSL_STORE_SEARCH *search, size_t index)
{
    size_t i;

    for (i = 0; i < N_PLACES; i++) {
        OSSL_STORE_INFO *info;
        const X509 *cert;

        CHECK_INT(find(f, places[i], 0, search, &info), 1);
        cert = info != NULL ? OSSL_STORE_INFO_get0_CERT(info) : NULL;
        if (CHECK(cert != NULL))
            CHECK_INT(ASN1_INTEGER_get(X509_get0_serialNumber(cert)),
                      keys[index].number);
        OSSL_STORE_INFO_free(info);
        CHECK_INT(find(f, places[i], OSSL_STORE_INFO_CERT, search, &info), 1);
        OSSL_STORE_INFO_free(info);
        CHECK_INT(find(f, places[i], OSSL_STORE_INFO_PKEY, search, &info), 1);
        CHECK(info != NULL &&
              OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY);
        OSSL_STORE_INFO_free(info);
        CHECK_INT(find(f, places[i], OSSL_STORE_INFO_PUBKEY, search, &info), 1);
        CHECK(info != NULL &&
              OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
        OSSL_STORE_INFO_free(info);
    }
    CHECK_INT(ERR_peek_error(), 0);
}

static void subject_is_found(void)
{
    struct fixture f;
    X509_NAME *name = a_name("Two");
    OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_name(name);

    fill(&f);
    check_finds(&f, search, 1);
    OSSL_STORE_SEARCH_free(search);
    X509_NAME_free(name);
    fixture_close(&f);
}

static void issuer_and_serial_are_found(void)
{
    struct fixture f;
    X509_NAME *name = a_name("Issuer");
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    OSSL_STORE_SEARCH *search;

    (void)ASN1_INTEGER_set(serial, 1001);
    search = OSSL_STORE_SEARCH_by_issuer_serial(name, serial);
    fill(&f);
    check_finds(&f, search, 0);
    OSSL_STORE_SEARCH_free(search);
    ASN1_INTEGER_free(serial);
    X509_NAME_free(name);
    fixture_close(&f);
}

static void alias_is_found(void)
{
    struct fixture f;
    OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_alias("first");
    OSSL_STORE_INFO *info;
    size_t i;

    fill(&f);
    check_finds(&f, search, 0);
    OSSL_STORE_SEARCH_free(search);
    /* Of a key without certificate the public half is shown. */
    search = OSSL_STORE_SEARCH_by_alias("bare");
    for (i = 0; i < N_PLACES; i++) {
        CHECK_INT(find(&f, places[i], 0, search, &info), 1);
        CHECK(info != NULL &&
              OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
        OSSL_STORE_INFO_free(info);
        CHECK_INT(find(&f, places[i], OSSL_STORE_INFO_CERT, search, &info), 0);
    }
    OSSL_STORE_SEARCH_free(search);
    fixture_close(&f);
}

static void fingerprints_are_found(void)
{
    struct fixture f;
    size_t i;

    fill(&f);
    for (i = 0; i < N_PLACES; i++) {
        unsigned char md[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_alias("second");
        OSSL_STORE_INFO *info, *again;

        (void)find(&f, places[i], OSSL_STORE_INFO_CERT, search, &info);
        OSSL_STORE_SEARCH_free(search);
        REQUIRE(info != NULL);
        CHECK_INT(
            X509_digest(OSSL_STORE_INFO_get0_CERT(info), EVP_sha1(), md, &len),
            1);
        search = OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha1(), md, len);
        CHECK_INT(find(&f, places[i], 0, search, &again), 1);
        if (CHECK(again != NULL))
            CHECK_INT(X509_cmp(OSSL_STORE_INFO_get0_CERT(again),
                               OSSL_STORE_INFO_get0_CERT(info)),
                      0);
        OSSL_STORE_INFO_free(again);
        OSSL_STORE_SEARCH_free(search);
        md[0] ^= 1;
        search = OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha1(), md, len);
        CHECK_INT(find(&f, places[i], 0, search, &again), 0);
        OSSL_STORE_SEARCH_free(search);
        OSSL_STORE_INFO_free(info);
    }
    fixture_close(&f);
}

static void what_is_not_there_is_no_error(void)
{
    struct fixture f;
    X509_NAME *name = a_name("Three");
    OSSL_STORE_SEARCH *searches[] = {OSSL_STORE_SEARCH_by_name(name),
                                     OSSL_STORE_SEARCH_by_alias("three")};
    OSSL_STORE_INFO *info;
    size_t i, s;

    fill(&f);
    for (i = 0; i < N_PLACES; i++)
        for (s = 0; s < 2; s++)
            CHECK_INT(find(&f, places[i], 0, searches[s], &info), 0);
    CHECK_INT(ERR_peek_error(), 0);
    for (s = 0; s < 2; s++)
        OSSL_STORE_SEARCH_free(searches[s]);
    X509_NAME_free(name);
    fixture_close(&f);
}

static void one_key_can_be_searched_too(void)
{
    struct fixture f;
    X509_NAME *name = a_name("One");
    OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_name(name);
    OSSL_STORE_INFO *info;

    fill(&f);
    CHECK_INT(find(&f, "keystore://hsm/first", 0, search, &info), 1);
    OSSL_STORE_INFO_free(info);
    CHECK_INT(find(&f, "keystore://hsm/second", 0, search, &info), 0);
    OSSL_STORE_SEARCH_free(search);
    X509_NAME_free(name);
    fixture_close(&f);
}

static void a_search_asks_for_no_secret(void)
{
    struct fixture f;
    OSSL_STORE_SEARCH *search = OSSL_STORE_SEARCH_by_alias("first");
    OSSL_STORE_INFO *info;

    fill(&f);
    CHECK_INT(find(&f, "keystore://ask/", 0, search, &info), 1);
    OSSL_STORE_INFO_free(info);
    CHECK_INT(find(&f, "keystore://wrong/", 0, search, &info), 1);
    OSSL_STORE_INFO_free(info);
    CHECK_INT(find(&f, "keystore://ask/", OSSL_STORE_INFO_PKEY, search, &info),
              0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_SECRET_MISSING);
    OSSL_STORE_SEARCH_free(search);
    fixture_close(&f);
}

static void storeutl_is_told_what_can_be_searched(void)
{
    struct fixture f;
    static const int types[] = {
        OSSL_STORE_SEARCH_BY_NAME, OSSL_STORE_SEARCH_BY_ISSUER_SERIAL,
        OSSL_STORE_SEARCH_BY_KEY_FINGERPRINT, OSSL_STORE_SEARCH_BY_ALIAS};
    OSSL_STORE_CTX *store;
    size_t i;

    fixture_open(&f);
    store = OSSL_STORE_open_ex("keystore://default/", f.ctx, NULL, NULL, NULL,
                               NULL, NULL, NULL);
    REQUIRE(store != NULL);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        CHECK_INT(OSSL_STORE_supports_search(store, types[i]), 1);
    OSSL_STORE_close(store);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(subject_is_found),
    TEST_CASE(issuer_and_serial_are_found),
    TEST_CASE(alias_is_found),
    TEST_CASE(fingerprints_are_found),
    TEST_CASE(what_is_not_there_is_no_error),
    TEST_CASE(one_key_can_be_searched_too),
    TEST_CASE(a_search_asks_for_no_secret),
    TEST_CASE(storeutl_is_told_what_can_be_searched),
};
TEST_MAIN("provider.search", cases)
