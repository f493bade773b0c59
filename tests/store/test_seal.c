/* store/seal/seal.c */
#include "seal/seal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "keys.h"
#include "test.h"

static const struct ks_kdf cheap = {2, 1, 1};
static const struct ks_crypto ours = {NULL, NULL};

static struct ks_secret secret_of(const char *text)
{
    struct ks_secret secret = {0};

    (void)CHECK_RC(ks_secret_set(&secret, text, strlen(text)), KS_OK);
    return secret;
}

/* EncryptedPrivateKeyInfo of KEY by OpenSSL itself, under "sesame". */
static void seal_by_openssl(const struct test_key *key, int pbe, int cipher,
                            struct ks_buf *sealed)
{
    const uint8_t *at = key->pkcs8.data;
    PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)key->pkcs8.len);
    X509_SIG *sig = PKCS8_encrypt(pbe, EVP_get_cipherbynid(cipher), "sesame", 6,
                                  NULL, 0, 10, info);
    uint8_t *der = NULL;
    int len = i2d_X509_SIG(sig, &der);

    if (CHECK(len > 0))
        (void)CHECK_RC(ks_buf_set(sealed, der, (size_t)len), KS_OK);
    OPENSSL_free(der);
    X509_SIG_free(sig);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static void what_was_sealed_opens_again(void)
{
    static const char *const kinds[] = {"P-256", "ED25519", "RSA", "X448"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct ks_secret passphrase = secret_of("sesame"), pkcs8 = {0};
        struct ks_buf sealed = {0};
        struct ks_err err = {0};
        struct test_key key;

        test_key_make(kinds[i], &key);
        CHECK_OK(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, &err),
                 &err);
        CHECK_OK(ks_seal_check(&sealed, &err), &err);
        CHECK_OK(ks_unseal(&ours, &sealed, &passphrase, &pkcs8, &err), &err);
        CHECK_BYTES(pkcs8.data, pkcs8.len, key.pkcs8.data, key.pkcs8.len);
        ks_secret_clear(&pkcs8);
        ks_secret_clear(&passphrase);
        ks_buf_clear(&sealed);
        test_key_clear(&key);
    }
}

static void openssl_opens_what_we_seal(void)
{
    struct ks_secret passphrase = secret_of("sesame");
    struct ks_buf sealed = {0};
    struct test_key key;
    const uint8_t *at;
    X509_SIG *sig;
    PKCS8_PRIV_KEY_INFO *info;

    test_key_make("P-256", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL) ==
            KS_OK);
    at = sealed.data;
    sig = d2i_X509_SIG(NULL, &at, (long)sealed.len);
    REQUIRE(sig != NULL);
    info = PKCS8_decrypt(sig, "sesame", 6);
    CHECK(info != NULL);
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sig);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static void we_open_what_openssl_seals(void)
{
    static const int ciphers[] = {NID_aes_256_cbc, NID_aes_128_cbc,
                                  NID_des_ede3_cbc};
    struct ks_secret passphrase = secret_of("sesame");
    struct test_key key;

    test_key_make("ED25519", &key);
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        struct ks_buf sealed = {0};
        struct ks_secret pkcs8 = {0};
        struct ks_err err = {0};

        seal_by_openssl(&key, -1, ciphers[i], &sealed);
        CHECK_OK(ks_unseal(&ours, &sealed, &passphrase, &pkcs8, &err), &err);
        CHECK_BYTES(pkcs8.data, pkcs8.len, key.pkcs8.data, key.pkcs8.len);
        ks_secret_clear(&pkcs8);
        ks_buf_clear(&sealed);
    }
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

/* One in 256 wrong passphrases leaves good padding: so many are tried. */
static void wrong_passphrases_are_wrong_and_nothing_else(void)
{
    struct ks_secret passphrase = secret_of("sesame");
    struct ks_buf sealed = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL) ==
            KS_OK);
    for (int i = 0; i < 2000; i++) {
        char text[32];
        struct ks_secret wrong, pkcs8 = {0};
        struct ks_err err = {0};

        (void)snprintf(text, sizeof(text), "wrong%d", i);
        wrong = secret_of(text);
        if (!CHECK_RC(ks_unseal(&ours, &sealed, &wrong, &pkcs8, &err),
                      KS_E_SECRET_WRONG))
            i = 2000;
        CHECK_STR(err.text, "wrong passphrase");
        CHECK(pkcs8.data == NULL);
        ks_secret_clear(&wrong);
    }
    CHECK(ERR_peek_error() == 0);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static void passphrases_are_bytes(void)
{
    struct ks_secret passphrase = secret_of("gehe\xff im \xc3\xbc"),
                     pkcs8 = {0};
    struct ks_buf sealed = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL) ==
            KS_OK);
    CHECK_RC(ks_unseal(&ours, &sealed, &passphrase, &pkcs8, NULL), KS_OK);
    ks_secret_clear(&pkcs8);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static void an_empty_passphrase_seals_nothing(void)
{
    struct ks_secret none = secret_of("");
    struct ks_buf sealed = {0};
    struct ks_err err = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    CHECK_RC(ks_seal(&ours, &key.pkcs8, &none, &cheap, &sealed, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "empty");
    CHECK(sealed.data == NULL);
    ks_secret_clear(&none);
    test_key_clear(&key);
}

/* Every cut, and every changed byte: an error or the same key, never more. */
static void cut_and_changed_bytes_never_give_another_key(void)
{
    struct ks_secret passphrase = secret_of("sesame");
    struct ks_buf sealed = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL) ==
            KS_OK);
    for (size_t i = 0; i < sealed.len; i++) {
        const struct ks_buf cut = {sealed.data, i};
        struct ks_secret pkcs8 = {0};
        ks_rc rc;

        CHECK_RC(ks_seal_check(&cut, NULL), KS_E_DAMAGED);
        sealed.data[i] ^= 0x21;
        rc = ks_unseal(&ours, &sealed, &passphrase, &pkcs8, NULL);
        CHECK(rc == KS_OK || rc == KS_E_DAMAGED || rc == KS_E_UNSUPPORTED ||
              rc == KS_E_SECRET_WRONG);
        sealed.data[i] ^= 0x21;
        ks_secret_clear(&pkcs8);
    }
    CHECK(ERR_peek_error() == 0);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static void trailing_bytes_are_damage(void)
{
    struct ks_secret passphrase = secret_of("sesame");
    struct ks_buf sealed = {0}, longer = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL) ==
            KS_OK);
    longer.data = OPENSSL_zalloc(sealed.len + 1);
    longer.len = sealed.len + 1;
    memcpy(longer.data, sealed.data, sealed.len);
    CHECK_RC(ks_seal_check(&longer, NULL), KS_E_DAMAGED);
    ks_buf_clear(&longer);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static void old_encryption_is_unsupported(void)
{
    struct ks_buf sealed = {0};
    struct ks_err err = {0};
    struct test_key key;
    OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(NULL, "legacy");
    OSSL_PROVIDER *standard = OSSL_PROVIDER_load(NULL, "default");

    test_key_make("ED25519", &key);
    seal_by_openssl(&key, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_undef,
                    &sealed);
    CHECK_RC(ks_seal_check(&sealed, &err), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "PBES2");
    ks_buf_clear(&sealed);
    test_key_clear(&key);
    OSSL_PROVIDER_unload(standard);
    OSSL_PROVIDER_unload(legacy);
}

/* A file that would take hours or gigabytes must be refused at once: here the
 * cost that was sealed with is overwritten in the DER. */
static void absurd_costs_are_refused_unpaid(void)
{
    struct ks_secret passphrase = secret_of("sesame"), pkcs8 = {0};
    const struct ks_kdf odd = {1 << 14, 8, 3};
    static const uint8_t r_and_p[] = {0x02, 0x01, 0x08, 0x02, 0x01, 0x03};
    struct ks_buf sealed = {0};
    struct ks_err err = {0};
    struct test_key key;
    uint8_t *found;

    test_key_make("ED25519", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &odd, &sealed, NULL) ==
            KS_OK);
    found = memmem(sealed.data, sealed.len, r_and_p, sizeof(r_and_p));
    REQUIRE(found != NULL);
    found[2] = 0x7f; /* r: beyond 32 MiB */
    CHECK_RC(ks_unseal(&ours, &sealed, &passphrase, &pkcs8, &err),
             KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "32 MiB");
    found[2] = 0x08;
    found[5] = 0x80; /* p: negative */
    CHECK(ks_unseal(&ours, &sealed, &passphrase, &pkcs8, NULL) == KS_E_DAMAGED);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static void everything_happens_in_the_given_context(void)
{
    OSSL_LIB_CTX *empty = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *none = OSSL_PROVIDER_load(empty, "null");
    const struct ks_crypto nothing = {empty, NULL};
    struct ks_secret passphrase = secret_of("sesame"), pkcs8 = {0};
    struct ks_buf sealed = {0}, other = {0};
    struct test_key key;

    REQUIRE(none != NULL);
    test_key_make("ED25519", &key);
    REQUIRE(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL) ==
            KS_OK);
    CHECK_RC(ks_unseal(&nothing, &sealed, &passphrase, &pkcs8, NULL),
             KS_E_UNSUPPORTED);
    CHECK_RC(ks_seal(&nothing, &key.pkcs8, &passphrase, &cheap, &other, NULL),
             KS_E_CRYPTO);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
    OSSL_PROVIDER_unload(none);
    OSSL_LIB_CTX_free(empty);
}

static const struct test_case cases[] = {
    TEST_CASE(what_was_sealed_opens_again),
    TEST_CASE(openssl_opens_what_we_seal),
    TEST_CASE(we_open_what_openssl_seals),
    TEST_CASE(wrong_passphrases_are_wrong_and_nothing_else),
    TEST_CASE(passphrases_are_bytes),
    TEST_CASE(an_empty_passphrase_seals_nothing),
    TEST_CASE(cut_and_changed_bytes_never_give_another_key),
    TEST_CASE(trailing_bytes_are_damage),
    TEST_CASE(old_encryption_is_unsupported),
    TEST_CASE(absurd_costs_are_refused_unpaid),
    TEST_CASE(everything_happens_in_the_given_context),
};
TEST_MAIN("store.seal", cases)
