/*
 * provider/locate.c, store.c, loader.c: pkcs11: URIs, with and without any
 * configuration, on tokens that another program has filled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "hsm.h"
#include "tls.h"
#include "tmpdir.h"

#define TEXT_MAX 2048
#define KEY "pkcs11:token=one;object=k"
#define WITH_PIN KEY "?pin-value=" TEST_USER_PIN

static void make_key(const char *token, const char *label, const char *id)
{
    test_pkcs11_tool("--token-label", token, "--login", "--pin", TEST_USER_PIN,
                     "--keypairgen", "--key-type", "EC:prime256v1", "--label",
                     label, "--id", id, NULL);
}

/* Two tokens with a key each, and nothing configured anywhere. */
static void open_bare(struct fixture *f)
{
    test_softhsm_setup();
    test_softhsm_token("one");
    test_softhsm_token("two");
    make_key("one", "k", "01");
    make_key("two", "other", "01");
    fixture_open(f);
    /* It is read no sooner than it is needed. */
    (void)unsetenv("CAADM_CONFIG");
    (void)unsetenv("CAADM_HOME");
    (void)unsetenv("XDG_CONFIG_HOME");
    (void)setenv("HOME", test_path("nobody"), 1);
}

/* URI with a query that names the module. */
static const char *with_module(const char *uri)
{
    static char text[TEXT_MAX];

    (void)snprintf(text, sizeof(text), "%s%cmodule-path=%s", uri,
                   strchr(uri, '?') != NULL ? '&' : '?', test_softhsm());
    return text;
}

static bool works(const struct fixture *f, const char *uri)
{
    EVP_PKEY *key = fixture_load(f, uri, NULL, NULL);
    bool ok = key != NULL && fixture_use(f, key, key) == 1;

    CHECK_STR(fixture_provider_of(key), "keystore");
    EVP_PKEY_free(key);
    return ok;
}

static void the_module_may_be_in_the_uri(void)
{
    struct fixture f;

    open_bare(&f);
    CHECK(works(&f, with_module(WITH_PIN)));
    CHECK_INT(hsm_count(&f, with_module("pkcs11:token=one")), 1);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

static void the_module_may_be_in_openssl_cnf(void)
{
    static const char format[] = "openssl_conf = init\n"
                                 "[init]\nproviders = list\n"
                                 "[list]\ndefault = on\nkeystore = store\n"
                                 "[on]\nactivate = 1\n"
                                 "[store]\nmodule = %s\nactivate = 1\n"
                                 "pkcs11-module-path = %s\n";
    struct fixture f;
    char text[TEXT_MAX];
    int len =
        snprintf(text, sizeof(text), format, fixture_module, test_softhsm());

    open_bare(&f);
    fixture_close(&f);
    test_write("openssl.cnf", text, (size_t)len, 0600);
    f.ctx = OSSL_LIB_CTX_new();
    CHECK_INT(OSSL_LIB_CTX_load_config(f.ctx, test_path("openssl.cnf")), 1);
    CHECK(works(&f, WITH_PIN));
    CHECK_INT(hsm_count(&f, "pkcs11:token=two"), 1);
    OSSL_LIB_CTX_free(f.ctx);
}

static bool is_mapped(const char *part)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];
    bool found = false;

    while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL)
        found = strstr(line, part) != NULL;
    if (maps != NULL)
        (void)fclose(maps);
    return found;
}

/* Debian's softhsm2 registers itself with p11-kit. */
static void the_module_may_be_p11_kits(void)
{
    struct fixture f;

    open_bare(&f);
    CHECK(works(&f, WITH_PIN));
    CHECK(works(&f, KEY "?module-name=softhsm2&pin-value=" TEST_USER_PIN));
    CHECK_INT(hsm_count(&f, "pkcs11:token=one"), 1);
    CHECK(!is_mapped("p11-kit-trust"));
    fixture_close(&f);
}

static void a_name_lists_as_what_opens_it(void)
{
    struct fixture f;
    OSSL_STORE_CTX *store;
    int n = 0;

    open_bare(&f);
    store = OSSL_STORE_open_ex(with_module("PKCS11:"), f.ctx, NULL, NULL, NULL,
                               NULL, NULL, NULL);
    REQUIRE(store != NULL);
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store), *key;
        const char *name = info != NULL ? OSSL_STORE_INFO_get0_NAME(info) : "";

        CHECK_CONTAINS(name, "serial=");
        CHECK_CONTAINS(name, "token=");
        CHECK_CONTAINS(name, "id=%01");
        CHECK_CONTAINS(name, "module-path=");
        CHECK(strstr(name, "type=") == NULL);
        key = fixture_load_info(&f, name, NULL, OSSL_STORE_INFO_PUBKEY, NULL);
        CHECK(key != NULL);
        OSSL_STORE_INFO_free(key);
        OSSL_STORE_INFO_free(info);
        n++;
    }
    CHECK_INT(n, 2);
    OSSL_STORE_close(store);
    fixture_close(&f);
}

static void names_have_a_type_if_one_was_asked_for(void)
{
    struct fixture f;
    OSSL_STORE_INFO *name;

    open_bare(&f);
    name = fixture_load_info(&f, with_module("pkcs11:token=one;type=public"),
                             NULL, 0, NULL);
    if (CHECK(name != NULL))
        CHECK_CONTAINS(OSSL_STORE_INFO_get0_NAME(name), ";type=public");
    OSSL_STORE_INFO_free(name);
    fixture_close(&f);
}

static void a_configured_backend_lends_its_pin(void)
{
    static const char uri[] = "pkcs11:token=provider%20test;object=k";
    struct fixture f;
    EVP_PKEY *key;
    char text[TEXT_MAX];

    hsm_open(&f);
    EVP_PKEY_free(hsm_make(&f, "P-256", "keystore://hsm/k", NULL));
    key = fixture_load(&f, uri, NULL, NULL);
    CHECK(key != NULL);
    EVP_PKEY_free(key);
    (void)fixture_raised(text, sizeof(text));
    /* An empty source takes it back, and nobody else is there. */
    (void)snprintf(text, sizeof(text), "%s?pin-source=", uri);
    fixture_close(&f);
    hsm_open(&f);
    EVP_PKEY_free(hsm_make(&f, "P-256", "keystore://hsm/k", NULL));
    fixture_close(&f);
    (void)setenv("CAADM_CONFIG", test_path("caadm.conf"), 1);
    fixture_open(&f);
    CHECK(fixture_load(&f, text, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_SECRET_MISSING);
    fixture_close(&f);
}

static void a_broken_backend_hides_no_other(void)
{
    static char config[TEXT_MAX];
    struct fixture f;

    (void)snprintf(config, sizeof(config),
                   "[backend broken]\ntype = pkcs11\nmodule = /nowhere.so\n"
                   "token = x\n"
                   "[backend text]\ntype = pkcs11\nmodule = %s\ntoken = y\n",
                   test_path("caadm.conf"));
    fixture_more_config = config;
    test_softhsm_setup();
    test_softhsm_token("one");
    make_key("one", "k", "01");
    fixture_open(&f);
    CHECK(works(&f, with_module(WITH_PIN)));
    CHECK(works(&f, WITH_PIN));
    CHECK_INT(hsm_count(&f, "pkcs11:token=one"), 1);
    CHECK_INT(ERR_peek_error(), 0);
    fixture_more_config = "";
    fixture_close(&f);
}

/* EXPECT without any secret at hand. */
static int type_of(const struct fixture *f, const char *uri, int expect)
{
    OSSL_STORE_INFO *info = fixture_load_info(f, uri, NULL, expect, NULL);
    int type = info != NULL ? OSSL_STORE_INFO_get_type(info) : 0;

    OSSL_STORE_INFO_free(info);
    return type;
}

/* A certificate for the key that URI names, on its token. */
static X509 *put_certificate(const struct fixture *f, const char *token,
                             const char *label, const char *id, const char *uri)
{
    EVP_PKEY *key = fixture_load(f, uri, NULL, NULL);
    X509 *cert = key != NULL ? tls_certificate(f->ctx, key) : NULL;
    unsigned char *der = NULL;
    int len = cert != NULL ? i2d_X509(cert, &der) : 0;

    if (len > 0) {
        test_write("cert.der", der, (size_t)len, 0600);
        test_pkcs11_tool("--token-label", token, "--login", "--pin",
                         TEST_USER_PIN, "--write-object", test_path("cert.der"),
                         "--type", "cert", "--label", label, "--id", id, NULL);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    return cert;
}

static void public_things_ask_for_no_pin(void)
{
    static const char public[] = "pkcs11:token=one;object=k;type=public";
    static const char cert[] = "pkcs11:token=one;object=k;type=cert";
    struct fixture f;

    open_bare(&f);
    X509_free(put_certificate(&f, "one", "k", "01", WITH_PIN));
    fixture_close(&f);
    fixture_open(&f);
    (void)unsetenv("CAADM_CONFIG");
    CHECK_INT(type_of(&f, KEY, OSSL_STORE_INFO_PUBKEY), OSSL_STORE_INFO_PUBKEY);
    CHECK_INT(type_of(&f, KEY, OSSL_STORE_INFO_CERT), OSSL_STORE_INFO_CERT);
    CHECK_INT(type_of(&f, public, 0), OSSL_STORE_INFO_PUBKEY);
    CHECK_INT(type_of(&f, cert, 0), OSSL_STORE_INFO_CERT);
    CHECK_INT(type_of(&f, public, OSSL_STORE_INFO_PKEY), 0);
    CHECK_INT(type_of(&f, cert, OSSL_STORE_INFO_PKEY), 0);
    CHECK_INT(type_of(&f, cert, OSSL_STORE_INFO_PUBKEY), 0);
    CHECK_INT(ERR_peek_error(), 0);
    CHECK_INT(type_of(&f, KEY, OSSL_STORE_INFO_PKEY), 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_SECRET_MISSING);
    fixture_close(&f);
}

static void a_key_comes_with_its_certificate(void)
{
    static const int types[] = {OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_CERT};
    struct fixture f;
    OSSL_STORE_CTX *store;
    size_t i;

    open_bare(&f);
    X509_free(put_certificate(&f, "one", "k", "01", WITH_PIN));
    store =
        OSSL_STORE_open_ex(WITH_PIN, f.ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    REQUIRE(store != NULL);
    for (i = 0; i < 2 && CHECK(!OSSL_STORE_eof(store)); i++) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        CHECK(info != NULL && OSSL_STORE_INFO_get_type(info) == types[i]);
        OSSL_STORE_INFO_free(info);
    }
    CHECK(OSSL_STORE_eof(store));
    OSSL_STORE_close(store);
    fixture_close(&f);
}

/* Some programs keep private objects only. An RSA one tells its public half
 * once it is seen. */
static void a_key_hidden_until_login_is_found(void)
{
    static const char missing[] =
        "pkcs11:token=one;object=missing?pin-value=" TEST_USER_PIN;
    static const char hidden[] = "pkcs11:token=one;object=hidden";
    struct fixture f;
    char text[TEXT_MAX];

    open_bare(&f);
    test_pkcs11_tool("--token-label", "one", "--login", "--pin", TEST_USER_PIN,
                     "--keypairgen", "--key-type", "rsa:2048", "--label",
                     "hidden", "--id", "77", NULL);
    test_pkcs11_tool("--token-label", "one", "--login", "--pin", TEST_USER_PIN,
                     "--delete-object", "--type", "pubkey", "--id", "77", NULL);
    CHECK_INT(type_of(&f, hidden, OSSL_STORE_INFO_PUBKEY), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK_CONTAINS(text, "no such key");
    CHECK_INT(type_of(&f, hidden, OSSL_STORE_INFO_CERT), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK(works(&f, "pkcs11:token=one;object=hidden?pin-value=" TEST_USER_PIN));
    CHECK(fixture_load(&f, missing, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    CHECK_CONTAINS(text, "pkcs11:token=one;object=missing: token \"one\" has "
                         "no such key");
    fixture_close(&f);
}

static void after_an_error_there_is_nothing_more(void)
{
    struct fixture f;
    OSSL_STORE_CTX *store;
    int i;

    open_bare(&f);
    store = OSSL_STORE_open_ex(KEY, f.ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    REQUIRE(store != NULL);
    for (i = 0; i < 3 && !OSSL_STORE_eof(store); i++)
        CHECK(OSSL_STORE_load(store) == NULL);
    CHECK_INT(i, 1);
    OSSL_STORE_close(store);
    ERR_clear_error();
    fixture_close(&f);
}

static void a_key_outlives_what_loaded_it(void)
{
    struct fixture f;
    EVP_PKEY *key, *again;

    open_bare(&f);
    key = fixture_load(&f, WITH_PIN, NULL, NULL);
    again = fixture_load(&f, WITH_PIN, NULL, NULL);
    REQUIRE(key != NULL && again != NULL);
    EVP_PKEY_free(again);
    CHECK(fixture_use(&f, key, key) == 1);
    again = EVP_PKEY_dup(key);
    EVP_PKEY_free(key);
    if (CHECK(again != NULL))
        CHECK(fixture_use(&f, again, again) == 1);
    EVP_PKEY_free(again);
    fixture_close(&f);
}

static void no_pin_is_in_a_keys_uri(void)
{
    struct fixture f;
    EVP_PKEY *key;
    char uri[TEXT_MAX] = "";
    BIO *pem = BIO_new(BIO_s_mem());
    char *text = NULL;

    open_bare(&f);
    key = fixture_load(&f, WITH_PIN, NULL, NULL);
    REQUIRE(key != NULL);
    CHECK_INT(EVP_PKEY_get_utf8_string_param(key, "keystore-uri", uri,
                                             sizeof(uri), NULL),
              1);
    CHECK_STR(uri, KEY);
    CHECK_INT(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
    CHECK_INT(BIO_write(pem, "", 1), 1);
    (void)BIO_get_mem_data(pem, &text);
    CHECK_CONTAINS(text, "BEGIN PKCS#11 PROVIDER URI");
    BIO_free(pem);
    EVP_PKEY_free(key);
    fixture_close(&f);
}

struct fault {
    const char *uri;
    ks_rc rc;
    const char *why;
};

static const struct fault faults[] = {
    {"pkcs11:token=absent;object=k", KS_E_NOT_FOUND, "one"},
    {"pkcs11:token=absent;object=k", KS_E_NOT_FOUND, "two"},
    {"pkcs11:token=one;object=k;serial=0", KS_E_NOT_FOUND, ""},
    {"pkcs11:id=%01", KS_E_INVALID, "serial="},
    {"pkcs11:object=k;colour=red?pin-value=sesame", KS_E_INVALID, "colour"},
    {"pkcs11:object=k?pin-value=sesame&pin-source=file:a", KS_E_INVALID,
     "exclude"},
    {"pkcs11:object=k?module-path=/nowhere.so", KS_E_NOT_FOUND, "/nowhere.so"},
    {"pkcs11:object=k?module-path=/etc/passwd&pin-value=sesame", KS_E_CONFIG,
     "/etc/passwd"},
    {"pkcs11:object=k?module-name=nowhere", KS_E_NOT_FOUND,
     "pkcs11-module-path"},
    {"pkcs11:token=one;object=missing;type=public", KS_E_NOT_FOUND,
     "no such key"},
    {"pkcs11:token=one;object=k?pin-source=nonsense", KS_E_INVALID, ""},
    {WITH_PIN "9", KS_E_SECRET_WRONG, "CKR_PIN_INCORRECT"},
};

static void faults_say_what_and_where(void)
{
    struct fixture f;
    char text[TEXT_MAX];
    size_t i;

    open_bare(&f);
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        CHECK(fixture_load(&f, faults[i].uri, NULL, NULL) == NULL);
        if (!CHECK_RC(fixture_raised(text, sizeof(text)), faults[i].rc))
            (void)fprintf(stderr, "    %s: %s\n", faults[i].uri, text);
        CHECK_CONTAINS(text, faults[i].why);
        CHECK(strstr(text, "sesame") == NULL);
        CHECK(strstr(text, TEST_USER_PIN) == NULL);
    }
    fixture_close(&f);
}

static void a_broken_configuration_is_told(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_bare(&f);
    test_write("bad.conf", "[nonsense]\n", 11, 0600);
    (void)setenv("CAADM_CONFIG", test_path("bad.conf"), 1);
    CHECK(fixture_load(&f, WITH_PIN, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
    CHECK_CONTAINS(text, "bad.conf");
    fixture_close(&f);
}

static void a_key_is_deleted_by_its_uri(void)
{
    struct fixture f;
    char text[TEXT_MAX];

    open_bare(&f);
    CHECK_INT(fixture_delete(&f, "pkcs11:token=one"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(fixture_delete(&f, "pkcs11:token=one;object=k;type=cert"), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_INT(fixture_delete(&f, WITH_PIN), 1);
    CHECK_INT(hsm_count(&f, "pkcs11:token=one"), 0);
    CHECK_INT(hsm_count(&f, "pkcs11:token=two"), 1);
    CHECK_INT(fixture_delete(&f, WITH_PIN), 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_NOT_FOUND);
    fixture_close(&f);
}

/* Those that look at errors come first: libcrypto gives each provider that is
 * loaded a number of its own for its errors, and has 128 of them for the life
 * of a process. OpenSC 0.26 (among p11-kit's modules) loads two each time it is
 * initialised. */
static const struct test_case cases[] = {
    TEST_CASE(faults_say_what_and_where),
    TEST_CASE(a_broken_configuration_is_told),
    TEST_CASE(a_key_is_deleted_by_its_uri),
    TEST_CASE(the_module_may_be_in_the_uri),
    TEST_CASE(the_module_may_be_in_openssl_cnf),
    TEST_CASE(the_module_may_be_p11_kits),
    TEST_CASE(a_name_lists_as_what_opens_it),
    TEST_CASE(names_have_a_type_if_one_was_asked_for),
    TEST_CASE(a_configured_backend_lends_its_pin),
    TEST_CASE(a_broken_backend_hides_no_other),
    TEST_CASE(public_things_ask_for_no_pin),
    TEST_CASE(a_key_comes_with_its_certificate),
    TEST_CASE(a_key_hidden_until_login_is_found),
    TEST_CASE(after_an_error_there_is_nothing_more),
    TEST_CASE(a_key_outlives_what_loaded_it),
    TEST_CASE(no_pin_is_in_a_keys_uri),
};
TEST_MAIN("provider.locate", cases)
