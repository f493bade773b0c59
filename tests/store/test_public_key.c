/*
 * store/public_key.c: what it makes of a public key is what libcrypto's
 * decoder makes of it, and what it does not know it leaves alone.
 */
#include <string.h>

#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "public_key.h"
#include "test.h"

#define DER_MAX 2048

/* In the default library context, with no property query. */
static const struct ks_crypto here;

static EVP_PKEY *from_bytes(const unsigned char *der, size_t len)
{
    struct ks_buf spki = {(uint8_t *)(uintptr_t)der, len};
    EVP_PKEY *pkey = ks_public_key_plain(&here, &spki);

    ERR_clear_error();
    return pkey;
}

/* The SPKI of KEY; its length. Frees KEY. */
static size_t spki_of(EVP_PKEY *key, unsigned char *der)
{
    unsigned char *p = der;
    int len = key != NULL && i2d_PUBKEY(key, NULL) <= DER_MAX
                  ? i2d_PUBKEY(key, &p)
                  : 0;

    CHECK(len > 0);
    EVP_PKEY_free(key);
    return len > 0 ? (size_t)len : 0;
}

static EVP_PKEY *make(const char *type, const char *group)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string("group", (char *)(uintptr_t)group,
                               group != NULL ? strlen(group) : 0),
        OSSL_PARAM_END};
    EVP_PKEY *key = NULL;

    CHECK(pctx != NULL && EVP_PKEY_keygen_init(pctx) == 1);
    if (group != NULL)
        CHECK(EVP_PKEY_CTX_set_params(pctx, params) == 1);
    CHECK(EVP_PKEY_generate(pctx, &key) == 1);
    EVP_PKEY_CTX_free(pctx);
    return key;
}

/* Ours equals libcrypto's, and both print and encode alike. */
static void check_same(const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    EVP_PKEY *theirs = d2i_PUBKEY(NULL, &p, (long)len);
    EVP_PKEY *ours = from_bytes(der, len);
    unsigned char again[DER_MAX], *q = again;
    int again_len = 0;

    CHECK(theirs != NULL && ours != NULL);
    if (theirs != NULL && ours != NULL) {
        CHECK_INT(EVP_PKEY_eq(ours, theirs), 1);
        CHECK_STR(EVP_PKEY_get0_type_name(ours),
                  EVP_PKEY_get0_type_name(theirs));
        CHECK_INT(EVP_PKEY_get_bits(ours), EVP_PKEY_get_bits(theirs));
        CHECK_INT(EVP_PKEY_get_size(ours), EVP_PKEY_get_size(theirs));
        again_len = i2d_PUBKEY(ours, &q);
    }
    CHECK_BYTES(again, (size_t)(again_len > 0 ? again_len : 0), der, len);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
}

static void every_common_key_is_as_decoded(void)
{
    static const char *const keys[][2] = {{"RSA", NULL},
                                          {"EC", "P-256"},
                                          {"EC", "P-384"},
                                          {"EC", "P-521"},
                                          {"EC", "secp256k1"},
                                          {"EC", "P-224"},
                                          {"EC", "brainpoolP256r1"},
                                          {"ED25519", NULL},
                                          {"ED448", NULL},
                                          {"X25519", NULL},
                                          {"X448", NULL}};
    unsigned char der[DER_MAX];

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        check_same(der, spki_of(make(keys[i][0], keys[i][1]), der));
}

/* Forms that are left to the decoder. */
static void uncommon_forms_are_left_alone(void)
{
    unsigned char der[DER_MAX];
    EVP_PKEY *key = make("EC", "P-256");
    size_t len;

    CHECK_INT(EVP_PKEY_set_utf8_string_param(key, "point-format", "compressed"),
              1);
    len = spki_of(key, der);
    CHECK_INT(len, 59);
    CHECK(from_bytes(der, len) == NULL);
    key = make("EC", "P-256");
    CHECK_INT(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
    len = spki_of(key, der);
    CHECK(len > 200);
    CHECK(from_bytes(der, len) == NULL);
    len = spki_of(make("RSA-PSS", NULL), der);
    CHECK(from_bytes(der, len) == NULL);
}

/* Whatever is changed: no crash, and nothing is taken that libcrypto's
 * decoder refuses. */
static void check_damage(const char *type, const char *group)
{
    unsigned char der[DER_MAX + 1];
    size_t len = spki_of(make(type, group), der);

    for (size_t cut = 0; cut < len; cut++)
        CHECK(from_bytes(der, cut) == NULL);
    der[len] = 0;
    CHECK(from_bytes(der, len + 1) == NULL);
    for (size_t bit = 0; bit < len * 8; bit += 3) {
        const unsigned char *p = der;
        EVP_PKEY *ours, *theirs;

        der[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ours = from_bytes(der, len);
        theirs = d2i_PUBKEY(NULL, &p, (long)len);
        CHECK(ours == NULL || (theirs != NULL && EVP_PKEY_eq(ours, theirs)));
        EVP_PKEY_free(ours);
        EVP_PKEY_free(theirs);
        der[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ERR_clear_error();
}

static void damaged_keys_are_refused(void)
{
    check_damage("RSA", NULL);
    check_damage("EC", "P-256");
    check_damage("ED25519", NULL);
}

static void nothing_is_no_key(void)
{
    CHECK(from_bytes((const unsigned char *)"", 0) == NULL);
    CHECK(from_bytes((const unsigned char *)"\x30\x00", 2) == NULL);
    CHECK(from_bytes((const unsigned char *)"\x30\x80\x00\x00", 4) == NULL);
}

/* Compressed, and with a byte too many. */
static void the_decoder_takes_the_rest(void)
{
    unsigned char der[DER_MAX + 1];
    EVP_PKEY *key = make("EC", "P-256");
    struct ks_buf spki = {der, 0};

    CHECK_INT(EVP_PKEY_set_utf8_string_param(key, "point-format", "compressed"),
              1);
    spki.len = spki_of(key, der);
    key = ks_public_key(&here, &spki);
    CHECK(key != NULL);
    EVP_PKEY_free(key);
    der[spki.len++] = 0;
    CHECK(ks_public_key(&here, &spki) == NULL);
    spki.len = 3;
    CHECK(ks_public_key(&here, &spki) == NULL);
    CHECK_INT(ERR_peek_error(), 0);
}

static const struct test_case cases[] = {
    TEST_CASE(every_common_key_is_as_decoded),
    TEST_CASE(uncommon_forms_are_left_alone),
    TEST_CASE(damaged_keys_are_refused),
    TEST_CASE(nothing_is_no_key),
    TEST_CASE(the_decoder_takes_the_rest),
};
TEST_MAIN("store.public_key", cases)
