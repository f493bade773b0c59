/*
 * A URI-PEM where a program reads a PEM key: the key comes as by its URI;
 * whatever else may stand in such a file is an error that says so.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "hsm.h"
#include "tmpdir.h"

#define FILE_MAX 65536
#define TEXT_MAX 1024
#define LABEL "PKCS#11 PROVIDER URI"
#define VERSION "PKCS#11 Provider URI v1.0"

/* The DER of VERSION and URI, lengths in their three-byte form. */
static size_t uripem_der(const char *version, const char *uri, uint8_t *der)
{
    const char *const texts[] = {version, uri};
    static const uint8_t tags[] = {0x1a, 0x0c};
    size_t i, len, body, at = 4;

    for (i = 0; i < 2; i++) {
        len = strlen(texts[i]);
        der[at++] = tags[i];
        der[at++] = 0x82;
        der[at++] = (uint8_t)(len >> 8);
        der[at++] = (uint8_t)len;
        memcpy(der + at, texts[i], len);
        at += len;
    }
    body = at - 4;
    der[0] = 0x30;
    der[1] = 0x82;
    der[2] = (uint8_t)(body >> 8);
    der[3] = (uint8_t)body;
    return at;
}

/* Appends a URI-PEM of URI to TEXT. */
static void add_uripem(char *text, const char *uri)
{
    uint8_t der[8192];
    size_t len = uripem_der(VERSION, uri, der);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long size;

    CHECK(PEM_write_bio(bio, LABEL, "", der, (long)len) > 0);
    size = BIO_get_mem_data(bio, &data);
    (void)strncat(text, data, (size_t)size);
    BIO_free(bio);
}

static int give(char *buf, int size, int rwflag, void *arg)
{
    const char *secret = arg;
    int len = secret == NULL ? -1 : (int)strlen(secret);

    (void)rwflag;
    if (len > 0 && len <= size)
        memcpy(buf, secret, (size_t)len);
    return len;
}

/* As a program reads a PEM key. */
static EVP_PKEY *read_pem(const struct fixture *f, const char *text,
                          const char *propq, const char *secret)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(bio, NULL, give, (void *)secret,
                                               f->ctx, propq);

    BIO_free(bio);
    return key;
}

/* As the openssl commands read a key file. */
static EVP_PKEY *read_file(const struct fixture *f, const char *text,
                           const char *propq)
{
    test_write("key.pem", text, strlen(text), 0600);
    return fixture_load(f, test_path("key.pem"), propq, NULL);
}

static void make(const struct fixture *f, const char *kind)
{
    EVP_PKEY_free(fixture_make(f, kind, "keystore://default/k", NULL));
}

static void drop(const struct fixture *f)
{
    CHECK_INT(fixture_delete(f, "keystore://default/k"), 1);
}

static void check_key(const struct fixture *f, EVP_PKEY *key,
                      const EVP_PKEY *want, const char *provider)
{
    CHECK_STR(fixture_provider_of(key), provider);
    if (key != NULL && want != NULL) {
        CHECK_INT(EVP_PKEY_eq(key, want), 1);
        CHECK(fixture_use(f, key, (EVP_PKEY *)want));
    }
    CHECK_INT(ERR_peek_error(), 0);
    ERR_clear_error();
    EVP_PKEY_free(key);
}

static void key_comes_as_by_its_uri(void)
{
    static const struct {
        const char *uri;
        const char *propq;
        const char *provider;
    } cases[] = {
        {"keystore://default/k", NULL, "default"},
        {"keystore://stay/k", NULL, "keystore"},
        {"keystore://stay/k", FIXTURE_OURS, "keystore"},
        {"KeyStore://stay/k?type=private", NULL, "keystore"},
    };
    struct fixture f;
    size_t kind, i;

    fixture_open(&f);
    for (kind = 0; fixture_kinds[kind] != NULL; kind++) {
        EVP_PKEY *plain;

        make(&f, fixture_kinds[kind]);
        plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
        for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            char text[FILE_MAX] = "";

            add_uripem(text, cases[i].uri);
            check_key(&f, read_pem(&f, text, cases[i].propq, NULL), plain,
                      cases[i].provider);
        }
        EVP_PKEY_free(plain);
        drop(&f);
    }
    fixture_close(&f);
}

static void file_loader_takes_it_too(void)
{
    struct fixture f;
    size_t kind;

    fixture_open(&f);
    for (kind = 0; fixture_kinds[kind] != NULL; kind++) {
        EVP_PKEY *plain;
        char text[FILE_MAX] = "";

        make(&f, fixture_kinds[kind]);
        plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
        add_uripem(text, "keystore://default/k");
        check_key(&f, read_file(&f, text, NULL), plain, "default");
        text[0] = '\0';
        add_uripem(text, "keystore://stay/k");
        check_key(&f, read_file(&f, text, NULL), plain, "keystore");
        EVP_PKEY_free(plain);
        drop(&f);
    }
    fixture_close(&f);
}

/* A certificate of KEY by itself, as PEM. */
static void add_cert(const struct fixture *f, char *text, EVP_PKEY *key)
{
    X509 *cert = X509_new_ex(f->ctx, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long size;

    CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
                                     MBSTRING_ASC, (const uint8_t *)"x", -1, -1,
                                     0) == 1);
    CHECK(X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
    CHECK(X509_set_pubkey(cert, key) == 1);
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    CHECK(PEM_write_bio_X509(bio, cert) == 1);
    size = BIO_get_mem_data(bio, &data);
    (void)strncat(text, data, (size_t)size);
    BIO_free(bio);
    X509_free(cert);
}

static void tls_server_reads_it_behind_its_certificate(void)
{
    static const char *const uris[] = {"keystore://default/k",
                                       "keystore://stay/k"};
    struct fixture f;
    size_t i;

    fixture_open(&f);
    make(&f, "P-256");
    for (i = 0; i < 2; i++) {
        SSL_CTX *ssl = SSL_CTX_new_ex(f.ctx, NULL, TLS_server_method());
        EVP_PKEY *key = fixture_load(&f, uris[i], NULL, NULL);
        char text[FILE_MAX] = "some text\nof a person\n\n";

        add_cert(&f, text, key);
        add_cert(&f, text, key); /* a chain */
        add_uripem(text, uris[i]);
        test_write("both.pem", text, strlen(text), 0600);
        CHECK(SSL_CTX_use_certificate_chain_file(ssl, test_path("both.pem")) ==
              1);
        CHECK(SSL_CTX_use_PrivateKey_file(ssl, test_path("both.pem"),
                                          SSL_FILETYPE_PEM) == 1);
        CHECK(SSL_CTX_check_private_key(ssl) == 1);
        CHECK_INT(ERR_peek_error(), 0);
        check_key(&f, read_pem(&f, text, NULL, NULL), key,
                  i == 0 ? "default" : "keystore");
        EVP_PKEY_free(key);
        SSL_CTX_free(ssl);
    }
    drop(&f);
    fixture_close(&f);
}

static void lines_may_end_in_cr_lf(void)
{
    struct fixture f;
    EVP_PKEY *plain;
    char text[FILE_MAX] = "", dos[FILE_MAX];
    size_t i, at = 0;

    fixture_open(&f);
    make(&f, "P-256");
    plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
    add_uripem(text, "keystore://stay/k");
    for (i = 0; text[i] != '\0'; i++) {
        if (text[i] == '\n')
            dos[at++] = '\r';
        dos[at++] = text[i];
    }
    dos[at] = '\0';
    check_key(&f, read_pem(&f, dos, NULL, NULL), plain, "keystore");
    EVP_PKEY_free(plain);
    drop(&f);
    fixture_close(&f);
}

static void application_is_asked_for_the_passphrase(void)
{
    struct fixture f;
    EVP_PKEY *plain;
    char text[FILE_MAX] = "", why[TEXT_MAX];

    fixture_open(&f);
    make(&f, "P-256");
    plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
    add_uripem(text, "keystore://ask/k");
    check_key(&f, read_pem(&f, text, NULL, FIXTURE_PASSPHRASE), plain,
              "default");
    CHECK(read_pem(&f, text, NULL, "wrong") == NULL);
    CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(why, "keystore://ask/k");
    CHECK(strstr(why, "wrong\n") == NULL);
    CHECK(read_pem(&f, text, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_SECRET_MISSING);
    EVP_PKEY_free(plain);
    drop(&f);
    fixture_close(&f);
}

static void public_half_needs_no_passphrase(void)
{
    struct fixture f;
    EVP_PKEY *plain, *public;
    char text[FILE_MAX] = "";
    BIO *bio;

    fixture_open(&f);
    make(&f, "P-256");
    plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
    add_uripem(text, "keystore://ask/k");
    bio = BIO_new_mem_buf(text, -1);
    public = PEM_read_bio_PUBKEY_ex(bio, NULL, NULL, NULL, f.ctx, NULL);
    CHECK_INT(EVP_PKEY_eq(public, plain), 1);
    CHECK_STR(fixture_provider_of(public), "default");
    BIO_free(bio);
    EVP_PKEY_free(public);
    EVP_PKEY_free(plain);
    drop(&f);
    fixture_close(&f);
}

static void whatever_is_no_key_of_a_backend_is_refused(void)
{
    static const struct {
        const char *uri;
        ks_rc rc;
        const char *why;
    } cases[] = {
        {"pkcs11:token=t;object=k?module-path=/etc/passwd&pin-value=1234",
         KS_E_DENIED, "may not choose the module"},
        {"pkcs11:token=t;object=k?colour=red", KS_E_INVALID, "colour"},
        {"pkcs11:token=t", KS_E_INVALID, "not a key"},
        {"pkcs11:object=k;type=cert", KS_E_INVALID, "private"},
        {"pkcs11:object=k?so-pin-source=fd:0", KS_E_INVALID, "descriptor"},
        {"file:///etc/ssl/private/ssl-cert-snakeoil.key", KS_E_UNSUPPORTED,
         "file:"},
        {"/etc/passwd", KS_E_UNSUPPORTED, "/etc/passwd"},
        {"key.pem", KS_E_UNSUPPORTED, "key.pem"},
        {"http://127.0.0.1/k", KS_E_UNSUPPORTED, "http:"},
        {"keystore://default/", KS_E_INVALID, "not a key"},
        {"keystore://default/missing", KS_E_NOT_FOUND,
         "keystore://default/missing"},
        {"keystore://nowhere/k", KS_E_NOT_FOUND, "nowhere"},
        {"keystore://default/k?type=cert", KS_E_INVALID, "private"},
        {"keystore://default/k?type=public", KS_E_INVALID, "private"},
        {"keystore://default/k?no-such=1", KS_E_INVALID, "no-such"},
        {"keystore://default/k?pin-source=stdin", KS_E_INVALID, "descriptor"},
        {"keystore://default/k?pin-source=f%64:0", KS_E_INVALID, "descriptor"},
        {"keystore://default/%zz", KS_E_INVALID, ""},
        {"keystore://default/../../etc/passwd", KS_E_NOT_FOUND, ""},
        {"keystore:", KS_E_INVALID, ""},
        {" ", KS_E_UNSUPPORTED, ""},
    };
    struct fixture f;
    char why[TEXT_MAX];
    size_t i;

    fixture_open(&f);
    make(&f, "P-256");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[FILE_MAX] = "";
        EVP_PKEY *key;
        ks_rc rc;

        add_uripem(text, cases[i].uri);
        key = read_pem(&f, text, NULL, FIXTURE_PASSPHRASE);
        CHECK(key == NULL);
        rc = fixture_raised(why, sizeof(why));
        if (strcmp(cases[i].uri, "keystore://default/../../etc/passwd") == 0)
            CHECK(rc == KS_E_NOT_FOUND || rc == KS_E_INVALID);
        else if (strcmp(cases[i].uri, "keystore://nowhere/k") == 0)
            CHECK(rc == KS_E_NOT_FOUND || rc == KS_E_CONFIG);
        else
            CHECK_RC(rc, cases[i].rc);
        CHECK_CONTAINS(why, cases[i].why);
        CHECK(strstr(why, "1234") == NULL);
        EVP_PKEY_free(key);
        key = read_file(&f, text, NULL);
        CHECK(key == NULL);
        ERR_clear_error();
    }
    drop(&f);
    fixture_close(&f);
}

/* What a hand or a disk may do to the file. */
static void damaged_block_is_an_error(void)
{
    static const char *const blocks[] = {
        "-----BEGIN " LABEL "-----\n-----END " LABEL "-----\n",
        "-----BEGIN " LABEL "-----\nMDEa\n-----END " LABEL "-----\n",
        "-----BEGIN " LABEL "-----\n!!!!\n-----END " LABEL "-----\n",
        "-----BEGIN " LABEL "-----\nMDEa\n",
        "-----BEGIN " LABEL "-----",
        "-----BEGIN " LABEL "-----\nMDEa\n-----END PRIVATE KEY-----\n",
        "-----BEGIN " LABEL "-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-256-CBC,00000000000000000000000000000000\n\n"
        "MDEaGVBLQ1MjMTEgUHJvdmlkZXIgVVJJIHYxLjAMFGtleXN0b3JlOi8vaW5zaWRl\n"
        "L2Vj\n-----END " LABEL "-----\n",
    };
    struct fixture f;
    char why[TEXT_MAX];
    size_t i;

    fixture_open(&f);
    for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        CHECK(read_pem(&f, blocks[i], NULL, NULL) == NULL);
        CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_INVALID);
        CHECK_CONTAINS(why, "URI-PEM");
        CHECK(read_file(&f, blocks[i], NULL) == NULL);
        ERR_clear_error();
    }
    fixture_close(&f);
}

static void other_version_and_long_uri_are_errors(void)
{
    struct fixture f;
    uint8_t der[8192];
    char uri[6000], why[TEXT_MAX];
    char text[FILE_MAX] = "";
    BIO *bio = BIO_new(BIO_s_mem());
    size_t len = uripem_der("PKCS#11 Provider URI v9.9", "keystore://a/b", der);

    fixture_open(&f);
    CHECK(PEM_write_bio(bio, LABEL, "", der, (long)len) > 0);
    (void)BIO_read(bio, text, FILE_MAX - 1);
    CHECK(read_pem(&f, text, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(why, "version");

    memset(uri, 'a', sizeof(uri));
    memcpy(uri, "keystore://a/", 13);
    uri[5000] = '\0';
    text[0] = '\0';
    add_uripem(text, uri);
    CHECK(read_pem(&f, text, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_INVALID);
    BIO_free(bio);
    fixture_close(&f);
}

/* A block without end does not make the process read for ever. */
static void endless_block_is_cut(void)
{
    struct fixture f;
    static char text[4 * 1024 * 1024];
    size_t at =
        (size_t)snprintf(text, sizeof(text), "-----BEGIN " LABEL "-----\n");
    char why[TEXT_MAX];

    while (at + 66 < sizeof(text)) {
        memset(text + at, 'A', 64);
        text[at + 64] = '\n';
        at += 65;
    }
    text[at] = '\0';
    fixture_open(&f);
    CHECK(read_pem(&f, text, NULL, NULL) == NULL);
    CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_INVALID);
    fixture_close(&f);
}

static void ordinary_files_are_read_as_without_us(void)
{
    static const char *const alone[] = {"default", NULL};
    struct fixture with, without;
    const struct fixture *both[2];
    static const char *const kinds[] = {"RSA", "P-256", "ED25519"};
    size_t i, j;

    fixture_open(&with);
    fixture_open_with(&without, alone);
    both[0] = &with;
    both[1] = &without;
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *key = fixture_make(&without, kinds[i], NULL, NULL);
        BIO *plain = BIO_new(BIO_s_mem()), *sealed = BIO_new(BIO_s_mem());
        char text[FILE_MAX] = "", secret[FILE_MAX] = "";

        CHECK(PEM_write_bio_PrivateKey(plain, key, NULL, NULL, 0, NULL, NULL) ==
              1);
        CHECK(PEM_write_bio_PrivateKey(sealed, key, EVP_aes_128_cbc(), NULL, 0,
                                       NULL, (void *)"pw") == 1);
        (void)BIO_read(plain, text, FILE_MAX - 1);
        (void)BIO_read(sealed, secret, FILE_MAX - 1);
        for (j = 0; j < 2; j++) {
            check_key(both[j], read_pem(both[j], text, NULL, NULL), key,
                      "default");
            check_key(both[j], read_pem(both[j], secret, NULL, "pw"), key,
                      "default");
            check_key(both[j], read_file(both[j], text, NULL), key, "default");
            CHECK(read_pem(both[j], secret, NULL, "no") == NULL);
            CHECK_RC(fixture_raised(NULL, 0), KS_OK);
            CHECK(read_pem(both[j], "nothing at all\n", NULL, NULL) == NULL);
            CHECK_RC(fixture_raised(NULL, 0), KS_OK);
        }
        BIO_free(plain);
        BIO_free(sealed);
        EVP_PKEY_free(key);
    }
    fixture_close(&without);
    fixture_close(&with);
}

/* The mark alone, as a hostile file would have it: means nothing. */
static void mark_from_outside_means_nothing(void)
{
    static const uint8_t mark[] = {4,   8,   'k', 'e', 'y',
                                   's', 't', 'o', 'r', 'e'};
    static const char *const structures[] = {NULL, "keystore-in-hand"};
    struct fixture f;
    size_t i;

    fixture_open(&f);
    for (i = 0; i < 2; i++) {
        EVP_PKEY *key = NULL;
        const unsigned char *p = mark;
        size_t len = sizeof(mark);
        OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(
            &key, "DER", structures[i], NULL, 0, f.ctx, NULL);

        CHECK(OSSL_DECODER_from_data(ctx, &p, &len) != 1);
        CHECK(key == NULL);
        OSSL_DECODER_CTX_free(ctx);
        ERR_clear_error();
    }
    fixture_close(&f);
}

static void two_keys_of_one_file_are_read_in_turn(void)
{
    struct fixture f;
    EVP_PKEY *plain, *other;
    char text[FILE_MAX] = "";
    BIO *bio, *pem = BIO_new(BIO_s_mem());
    size_t at;

    fixture_open(&f);
    make(&f, "P-256");
    plain = fixture_load(&f, "keystore://default/k", NULL, NULL);
    other = fixture_make(&f, "RSA", NULL, NULL);
    add_uripem(text, "keystore://stay/k");
    CHECK(PEM_write_bio_PrivateKey(pem, other, NULL, NULL, 0, NULL, NULL) == 1);
    at = strlen(text);
    (void)BIO_read(pem, text + at, (int)(FILE_MAX - 1 - at));
    add_uripem(text, "keystore://default/k");
    bio = BIO_new_mem_buf(text, -1);
    check_key(&f,
              PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f.ctx, NULL),
              plain, "keystore");
    check_key(&f,
              PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f.ctx, NULL),
              other, "default");
    check_key(&f,
              PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f.ctx, NULL),
              plain, "default");
    CHECK(PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f.ctx, NULL) ==
          NULL);
    ERR_clear_error();
    BIO_free(bio);
    BIO_free(pem);
    EVP_PKEY_free(plain);
    EVP_PKEY_free(other);
    drop(&f);
    fixture_close(&f);
}

/* Both as a program and as the openssl commands read it. */
static void keys_of_a_token_come_as_by_their_uris(void)
{
    static const char *const kinds[] = {"P-256", "RSA"};
    static const char *const uris[] = {"keystore://hsm/k",
                                       "pkcs11:token=provider%20test;object=k",
                                       ("PKCS11:object=k?pin-value=" HSM_PIN)};
    struct fixture f;
    size_t i, u;

    hsm_open(&f);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *want = hsm_make(&f, kinds[i], "keystore://hsm/k", NULL);

        REQUIRE(want != NULL);
        for (u = 0; u < sizeof(uris) / sizeof(uris[0]); u++) {
            char text[FILE_MAX] = "";
            EVP_PKEY *key;

            add_uripem(text, uris[u]);
            key = read_pem(&f, text, NULL, NULL);
            check_key(&f, key, want, "keystore");
            key = read_file(&f, text, NULL);
            check_key(&f, key, want, "keystore");
        }
        EVP_PKEY_free(want);
        CHECK_INT(fixture_delete(&f, "keystore://hsm/k"), 1);
    }
    CHECK_INT(ERR_peek_error(), 0);
    fixture_close(&f);
}

static void file_names_no_module_but_a_configured_one(void)
{
    struct fixture f;
    char uri[TEXT_MAX], text[FILE_MAX] = "", why[TEXT_MAX];
    EVP_PKEY *want, *key;

    hsm_open(&f);
    want = hsm_make(&f, "P-256", "keystore://hsm/k", NULL);
    REQUIRE(want != NULL);
    (void)BIO_snprintf(uri, sizeof(uri), "pkcs11:object=k?module-path=%s",
                       test_softhsm());
    add_uripem(text, uri);
    check_key(&f, read_pem(&f, text, NULL, NULL), want, "keystore");
    EVP_PKEY_free(want);
    fixture_close(&f);
    fixture_more_config = ""; /* no backend with the module any more */
    fixture_open(&f);
    key = read_pem(&f, text, NULL, HSM_PIN);
    CHECK(key == NULL);
    CHECK_RC(fixture_raised(why, sizeof(why)), KS_E_DENIED);
    CHECK_CONTAINS(why, "may not choose the module");
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(key_comes_as_by_its_uri),
    TEST_CASE(file_loader_takes_it_too),
    TEST_CASE(tls_server_reads_it_behind_its_certificate),
    TEST_CASE(lines_may_end_in_cr_lf),
    TEST_CASE(application_is_asked_for_the_passphrase),
    TEST_CASE(public_half_needs_no_passphrase),
    TEST_CASE(whatever_is_no_key_of_a_backend_is_refused),
    TEST_CASE(damaged_block_is_an_error),
    TEST_CASE(other_version_and_long_uri_are_errors),
    TEST_CASE(endless_block_is_cut),
    TEST_CASE(ordinary_files_are_read_as_without_us),
    TEST_CASE(mark_from_outside_means_nothing),
    TEST_CASE(two_keys_of_one_file_are_read_in_turn),
    TEST_CASE(keys_of_a_token_come_as_by_their_uris),
    TEST_CASE(file_names_no_module_but_a_configured_one),
};
TEST_MAIN("provider.decoder", cases)
