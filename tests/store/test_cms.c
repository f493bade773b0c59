/* store/seal/cms.c, cms_open.c, cms_read.c, cms_recipient.c, cms_crypt.c */
#include "seal/cms.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "keys.h"
#include "ks_soft_key.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};

static struct ks_kek kek_of(const struct test_key *key)
{
    struct ks_kek kek = {.spki = key->spki, .ops = &ks_soft_key_ops};
    struct ks_err err = {0};

    CHECK_OK(ks_soft_key_new(&key->pkcs8, NULL, NULL, &kek.key, &err), &err);
    return kek;
}

static void kek_free(struct ks_kek *kek)
{
    kek->ops->free(kek->key);
}

/* KEY sealed to N keys. */
static struct ks_buf seal_to(const struct test_key *key,
                             const struct test_key *to, size_t n,
                             const char *digest)
{
    struct ks_cms_recipient recipients[4];
    struct ks_buf sealed = {0};
    struct ks_err err = {0};

    for (size_t i = 0; i < n; i++)
        recipients[i] = (struct ks_cms_recipient){to[i].spki, digest};
    CHECK_OK(ks_cms_seal(&ours, &key->pkcs8, recipients, n, &sealed, &err),
             &err);
    return sealed;
}

static ks_rc open_with(const struct ks_buf *sealed, const struct test_key *with,
                       struct ks_secret *pkcs8, struct ks_err *err)
{
    struct ks_kek kek = kek_of(with);
    ks_rc rc = ks_cms_open(&ours, sealed, &kek, pkcs8, err);

    kek_free(&kek);
    return rc;
}

static void check_opens(const struct ks_buf *sealed,
                        const struct test_key *with, const struct test_key *key)
{
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};

    CHECK_OK(ks_cms_check(sealed, &err), &err);
    CHECK_OK(open_with(sealed, with, &pkcs8, &err), &err);
    CHECK_BYTES(pkcs8.data, pkcs8.len, key->pkcs8.data, key->pkcs8.len);
    ks_secret_clear(&pkcs8);
}

static void what_was_sealed_opens_again(void)
{
    static const char *const kinds[] = {"RSA", "P-256", "P-384", "P-521"};
    struct test_key key;

    test_key_make("ED25519", &key);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct test_key to;
        struct ks_buf sealed;

        test_key_make(kinds[i], &to);
        sealed = seal_to(&key, &to, 1, "SHA2-256");
        check_opens(&sealed, &to, &key);
        ks_buf_clear(&sealed);
        test_key_clear(&to);
    }
    test_key_clear(&key);
    CHECK_INT(ERR_peek_error(), 0);
}

static void each_recipient_opens_it(void)
{
    struct test_key key, to[3];
    uint8_t ids[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN];
    struct ks_buf sealed;
    struct ks_err err = {0};
    size_t n = 0;

    test_key_make("RSA", &key);
    test_key_make("P-256", &to[0]);
    test_key_make("RSA", &to[1]);
    test_key_make("P-384", &to[2]);
    sealed = seal_to(&key, to, 3, "SHA1");
    CHECK_OK(ks_cms_recipients(&sealed, ids, &n, &err), &err);
    CHECK_INT(n, 3);
    for (size_t i = 0; i < 3; i++) {
        uint8_t id[KS_KEY_ID_LEN];
        size_t at;

        check_opens(&sealed, &to[i], &key);
        CHECK_OK(ks_cms_key_id(&ours, &to[i].spki, id, &err), &err);
        for (at = 0; at < n; at++)
            if (memcmp(ids[at], id, sizeof(id)) == 0)
                break;
        CHECK(at < n);
        test_key_clear(&to[i]);
    }
    ks_buf_clear(&sealed);
    test_key_clear(&key);
}

static void it_is_other_bytes_every_time(void)
{
    struct test_key key, to;
    struct ks_buf one, other;

    test_key_make("P-256", &key);
    test_key_make("P-256", &to);
    one = seal_to(&key, &to, 1, "SHA2-256");
    other = seal_to(&key, &to, 1, "SHA2-256");
    CHECK(one.len != other.len || memcmp(one.data, other.data, one.len) != 0);
    ks_buf_clear(&one);
    ks_buf_clear(&other);
    test_key_clear(&key);
    test_key_clear(&to);
}

static void a_key_it_is_not_sealed_to_does_not_open_it(void)
{
    struct test_key key, to, other;
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    struct ks_buf sealed;

    test_key_make("P-256", &key);
    test_key_make("RSA", &to);
    test_key_make("RSA", &other);
    sealed = seal_to(&key, &to, 1, "SHA2-256");
    CHECK_RC(open_with(&sealed, &other, &pkcs8, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "not sealed to this key");
    CHECK(pkcs8.data == NULL);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
    test_key_clear(&to);
    test_key_clear(&other);
}

/* The one KEK's identifier, the other's private half. */
static void a_key_under_anothers_identifier_does_not_open_it(void)
{
    static const char *const kinds[] = {"RSA", "P-256"};
    struct test_key key;

    test_key_make("P-256", &key);
    for (size_t i = 0; i < 2; i++) {
        struct test_key to, other;
        struct ks_secret pkcs8 = {0};
        struct ks_err err = {0};
        struct ks_buf sealed;
        struct ks_kek kek;
        ks_rc rc;

        test_key_make(kinds[i], &to);
        test_key_make(kinds[i], &other);
        sealed = seal_to(&key, &to, 1, "SHA2-256");
        kek = kek_of(&other);
        kek.spki = to.spki;
        rc = ks_cms_open(&ours, &sealed, &kek, &pkcs8, &err);
        CHECK(rc == KS_E_DAMAGED || rc == KS_E_CRYPTO);
        CHECK(err.text[0] != '\0');
        CHECK(pkcs8.data == NULL);
        kek_free(&kek);
        ks_buf_clear(&sealed);
        test_key_clear(&to);
        test_key_clear(&other);
    }
    test_key_clear(&key);
    CHECK_INT(ERR_peek_error(), 0);
}

static void weak_and_unfit_recipients_are_refused(void)
{
    static const char *const kinds[] = {"ED25519", "X25519", "RSA-PSS"};
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(weak, &der);
    struct ks_buf spki = {der, (size_t)len};
    struct ks_err err = {0};

    CHECK_RC(ks_cms_recipient_check(&ours, &spki, &err), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "RSA, 1024 bits");
    CHECK_CONTAINS(err.hint, "2048");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct test_key to, key;
        struct ks_cms_recipient recipient = {.oaep_digest = "SHA2-256"};
        struct ks_buf sealed = {0};

        err = (struct ks_err){0};
        test_key_make(kinds[i], &to);
        test_key_make("P-256", &key);
        recipient.spki = to.spki;
        CHECK_RC(ks_cms_seal(&ours, &key.pkcs8, &recipient, 1, &sealed, &err),
                 KS_E_UNSUPPORTED);
        CHECK_CONTAINS(err.text, kinds[i]);
        CHECK(sealed.data == NULL);
        test_key_clear(&to);
        test_key_clear(&key);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(weak);
}

static void no_and_too_many_recipients_are_refused(void)
{
    struct ks_cms_recipient many[KS_CMS_RECIPIENTS_MAX + 1];
    struct test_key key, to;
    struct ks_buf sealed = {0};
    struct ks_err err = {0};

    test_key_make("P-256", &key);
    test_key_make("P-256", &to);
    for (size_t i = 0; i < KS_CMS_RECIPIENTS_MAX + 1; i++)
        many[i] = (struct ks_cms_recipient){to.spki, "SHA2-256"};
    CHECK_RC(ks_cms_seal(&ours, &key.pkcs8, many, 0, &sealed, &err),
             KS_E_INVALID);
    CHECK_RC(ks_cms_seal(&ours, &key.pkcs8, many, KS_CMS_RECIPIENTS_MAX + 1,
                         &sealed, &err),
             KS_E_INVALID);
    CHECK_OK(ks_cms_seal(&ours, &key.pkcs8, many, KS_CMS_RECIPIENTS_MAX,
                         &sealed, &err),
             &err);
    check_opens(&sealed, &to, &key);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
    test_key_clear(&to);
}

static void a_public_half_that_is_none_is_damaged(void)
{
    static const uint8_t junk[] = {0x30, 0x03, 0x02, 0x01, 0x00};
    const struct ks_buf none = {0}, bad = {(uint8_t *)junk, sizeof(junk)};
    uint8_t id[KS_KEY_ID_LEN];
    struct ks_err err = {0};

    CHECK_RC(ks_cms_key_id(&ours, &none, id, &err), KS_E_DAMAGED);
    CHECK_RC(ks_cms_key_id(&ours, &bad, id, &err), KS_E_DAMAGED);
    CHECK_RC(ks_cms_recipient_check(&ours, &bad, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "SubjectPublicKeyInfo");
    CHECK_INT(ERR_peek_error(), 0);
}

/* ---- damage ---- */

/* A flip that opens has to be in what nothing depends on. */
static void check_flips(const struct ks_buf *sealed, const struct ks_kek *kek,
                        const struct test_key *key)
{
    struct ks_buf bad = {0};

    for (size_t i = 0; i < sealed->len; i++) {
        static const uint8_t masks[] = {0x01, 0x80, 0xff};

        for (size_t k = 0; k < sizeof(masks); k++) {
            struct ks_secret pkcs8 = {0};
            struct ks_err err = {0};
            ks_rc rc;

            (void)CHECK_RC(ks_buf_set(&bad, sealed->data, sealed->len), KS_OK);
            bad.data[i] ^= masks[k];
            rc = ks_cms_open(&ours, &bad, kek, &pkcs8, &err);
            if (rc == KS_OK)
                CHECK_BYTES(pkcs8.data, pkcs8.len, key->pkcs8.data,
                            key->pkcs8.len);
            else
                CHECK(rc == KS_E_DAMAGED || rc == KS_E_UNSUPPORTED ||
                      rc == KS_E_CRYPTO || rc == KS_E_INVALID ||
                      rc == KS_E_NOT_FOUND);
            CHECK((rc == KS_OK) == (err.text[0] == '\0'));
            ks_secret_clear(&pkcs8);
        }
    }
    ks_buf_clear(&bad);
}

static void no_flipped_byte_opens_another_key(void)
{
    static const char *const kinds[] = {"RSA", "P-256"};
    struct test_key key;

    test_key_make("P-256", &key);
    for (size_t i = 0; i < 2; i++) {
        struct test_key to;
        struct ks_buf sealed;
        struct ks_kek kek;

        test_key_make(kinds[i], &to);
        sealed = seal_to(&key, &to, 1, "SHA2-256");
        kek = kek_of(&to);
        check_flips(&sealed, &kek, &key);
        kek_free(&kek);
        ks_buf_clear(&sealed);
        test_key_clear(&to);
    }
    test_key_clear(&key);
    CHECK_INT(ERR_peek_error(), 0);
}

static void no_part_of_it_and_nothing_more_is_taken(void)
{
    struct test_key key, to;
    struct ks_buf sealed, more = {0};
    struct ks_err err = {0};

    test_key_make("P-256", &key);
    test_key_make("P-256", &to);
    sealed = seal_to(&key, &to, 1, "SHA2-256");
    for (size_t len = 0; len < sealed.len; len++) {
        const struct ks_buf part = {sealed.data, len};

        CHECK_RC(ks_cms_check(&part, &err), KS_E_DAMAGED);
    }
    more.data = OPENSSL_zalloc(sealed.len + 1);
    more.len = sealed.len + 1;
    memcpy(more.data, sealed.data, sealed.len);
    CHECK_RC(ks_cms_check(&more, &err), KS_E_DAMAGED);
    ks_buf_clear(&more);
    ks_buf_clear(&sealed);
    test_key_clear(&key);
    test_key_clear(&to);
    CHECK_INT(ERR_peek_error(), 0);
}

/* ---- libcrypto's own CMS ---- */

static EVP_PKEY *pkey_of(const struct test_key *key)
{
    const uint8_t *at = key->pkcs8.data;

    return d2i_AutoPrivateKey(NULL, &at, (long)key->pkcs8.len);
}

static void libcrypto_opens_what_we_seal(void)
{
    static const char *const kinds[] = {"RSA", "P-256", "RSA", "P-521"};
    struct test_key key, to[4];
    struct ks_buf sealed;
    const uint8_t *at;
    CMS_ContentInfo *cms;

    test_key_make("RSA", &key);
    for (size_t i = 0; i < 4; i++)
        test_key_make(kinds[i], &to[i]);
    sealed = seal_to(&key, to, 4, "SHA2-256");
    for (size_t i = 0; i < 4; i++) {
        EVP_PKEY *pkey = pkey_of(&to[i]);
        BIO *out = BIO_new(BIO_s_mem());
        char *data = NULL;
        long len;

        at = sealed.data;
        cms = d2i_CMS_ContentInfo(NULL, &at, (long)sealed.len);
        CHECK(at == sealed.data + sealed.len);
        CHECK_INT(CMS_decrypt_set1_pkey(cms, pkey, NULL), 1);
        CHECK_INT(CMS_decrypt(cms, NULL, NULL, NULL, out, CMS_BINARY), 1);
        len = BIO_get_mem_data(out, &data);
        CHECK_BYTES(data, (size_t)len, key.pkcs8.data, key.pkcs8.len);
        BIO_free(out);
        CMS_ContentInfo_free(cms);
        EVP_PKEY_free(pkey);
        test_key_clear(&to[i]);
    }
    ks_buf_clear(&sealed);
    test_key_clear(&key);
}

/* A certificate with the identifier that libcrypto makes of the key. */
static X509 *certificate(EVP_PKEY *pkey)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    (void)X509_set_version(cert, X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
                                     MBSTRING_ASC, (const uint8_t *)"kek", -1,
                                     -1, 0);
    (void)X509_set_issuer_name(cert, X509_get_subject_name(cert));
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_set_pubkey(cert, pkey);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash");
    (void)X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    CHECK(X509_sign(cert, pkey, EVP_sha256()) > 0);
    return cert;
}

/* How openssl cms is told to seal. */
struct by_openssl {
    const char *kind;
    bool gcm; /* else CBC, without authentication */
    bool key_id;
    bool oaep;
    const char *text; /* of what is refused; NULL: opens */
};

static struct ks_buf seal_by_openssl(const struct by_openssl *how,
                                     const struct test_key *key,
                                     const struct test_key *to)
{
    EVP_PKEY *pkey = pkey_of(to);
    X509 *cert = certificate(pkey);
    BIO *in = BIO_new_mem_buf(key->pkcs8.data, (int)key->pkcs8.len);
    const unsigned flags = CMS_BINARY | CMS_PARTIAL;
    CMS_ContentInfo *cms = CMS_encrypt(
        NULL, NULL, how->gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc(), flags);
    CMS_RecipientInfo *ri = CMS_add1_recipient_cert(
        cms, cert, CMS_KEY_PARAM | (how->key_id ? (unsigned)CMS_USE_KEYID : 0));
    struct ks_buf sealed = {0};
    uint8_t *der = NULL;
    int len;

    if (how->oaep)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(CMS_RecipientInfo_get0_pkey_ctx(ri),
                                           RSA_PKCS1_OAEP_PADDING) > 0);
    CHECK_INT(CMS_final(cms, in, NULL, flags), 1);
    len = i2d_CMS_ContentInfo(cms, &der);
    if (CHECK(len > 0))
        (void)CHECK_RC(ks_buf_set(&sealed, der, (size_t)len), KS_OK);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    X509_free(cert);
    EVP_PKEY_free(pkey);
    return sealed;
}

static void we_open_what_libcrypto_seals_or_say_why_not(void)
{
    static const struct by_openssl ways[] = {
        {"RSA", true, true, true, NULL},
        {"P-256", true, true, false, NULL},
        {"P-384", true, true, false, NULL},
        {"RSA", true, true, false, "not under RSA-OAEP"},
        {"RSA", false, true, true, "not AuthEnvelopedData"},
        {"P-256", true, false, false, "not named by key identifier"},
        {"RSA", true, false, true, "not named by key identifier"},
    };
    struct test_key key;

    test_key_make("P-256", &key);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct test_key to;
        struct ks_buf sealed;

        test_key_make(ways[i].kind, &to);
        sealed = seal_by_openssl(&ways[i], &key, &to);
        if (ways[i].text == NULL) {
            check_opens(&sealed, &to, &key);
        } else {
            struct ks_secret pkcs8 = {0};
            struct ks_err err = {0};

            CHECK_RC(open_with(&sealed, &to, &pkcs8, &err), KS_E_UNSUPPORTED);
            CHECK_CONTAINS(err.text, ways[i].text);
            CHECK_CONTAINS(err.hint, "openssl cms -encrypt -aes-256-gcm");
        }
        ks_buf_clear(&sealed);
        test_key_clear(&to);
    }
    test_key_clear(&key);
}

static void key_identifiers_are_those_of_certificates(void)
{
    static const char *const kinds[] = {"RSA", "P-256"};

    for (size_t i = 0; i < 2; i++) {
        struct test_key key;
        EVP_PKEY *pkey;
        X509 *cert;
        const ASN1_OCTET_STRING *want;
        uint8_t id[KS_KEY_ID_LEN];

        test_key_make(kinds[i], &key);
        pkey = pkey_of(&key);
        cert = certificate(pkey);
        want = X509_get0_subject_key_id(cert);
        CHECK_RC(ks_cms_key_id(&ours, &key.spki, id, NULL), KS_OK);
        CHECK_BYTES(id, sizeof(id), ASN1_STRING_get0_data(want),
                    (size_t)ASN1_STRING_length(want));
        X509_free(cert);
        EVP_PKEY_free(pkey);
        test_key_clear(&key);
    }
}

/* What was sealed is a note, not a key. */
static void content_that_is_no_key_is_refused(void)
{
    struct test_key note = {.spki = {0}}, to;
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    struct ks_buf sealed;

    test_key_make("P-256", &to);
    (void)CHECK_RC(ks_secret_set(&note.pkcs8, "hello", 5), KS_OK);
    sealed = seal_to(&note, &to, 1, "SHA2-256");
    CHECK_RC(open_with(&sealed, &to, &pkcs8, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "not a private key");
    ks_buf_clear(&sealed);
    ks_secret_clear(&note.pkcs8);
    test_key_clear(&to);
}

static const struct test_case cases[] = {
    TEST_CASE(what_was_sealed_opens_again),
    TEST_CASE(each_recipient_opens_it),
    TEST_CASE(it_is_other_bytes_every_time),
    TEST_CASE(a_key_it_is_not_sealed_to_does_not_open_it),
    TEST_CASE(a_key_under_anothers_identifier_does_not_open_it),
    TEST_CASE(weak_and_unfit_recipients_are_refused),
    TEST_CASE(no_and_too_many_recipients_are_refused),
    TEST_CASE(a_public_half_that_is_none_is_damaged),
    TEST_CASE(no_flipped_byte_opens_another_key),
    TEST_CASE(no_part_of_it_and_nothing_more_is_taken),
    TEST_CASE(libcrypto_opens_what_we_seal),
    TEST_CASE(we_open_what_libcrypto_seals_or_say_why_not),
    TEST_CASE(key_identifiers_are_those_of_certificates),
    TEST_CASE(content_that_is_no_key_is_refused),
};

TEST_MAIN("store.cms", cases)
