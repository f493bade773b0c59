/*
 * Operations on a key in memory: what comes out is what the plain key gives,
 * and whatever is wrong is an error with a text.
 */
#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ks_soft_key.h"
#include "test.h"

#define SIG_MAX 1024

struct pair {
    EVP_PKEY *plain;
    void *key;
};

static void pkcs8_of(const EVP_PKEY *pkey, struct ks_secret *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

    REQUIRE(len > 0);
    CHECK(ks_secret_set(out, der, (size_t)len) == KS_OK);
    OPENSSL_clear_free(der, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static void pair_set(struct pair *pair, EVP_PKEY *plain)
{
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};

    REQUIRE(plain != NULL);
    pair->plain = plain;
    pkcs8_of(plain, &pkcs8);
    REQUIRE(ks_soft_key_new(&pkcs8, NULL, "provider=default", &pair->key,
                            &err) == KS_OK);
    ks_secret_clear(&pkcs8);
}

static void pair_rsa(struct pair *pair)
{
    pair_set(pair, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
}

static void pair_ec(struct pair *pair, const char *group)
{
    pair_set(pair, EVP_PKEY_Q_keygen(NULL, NULL, "EC", group));
}

static void pair_type(struct pair *pair, const char *type)
{
    pair_set(pair, EVP_PKEY_Q_keygen(NULL, NULL, type));
}

static void pair_clear(struct pair *pair)
{
    ks_soft_key_ops.free(pair->key);
    EVP_PKEY_free(pair->plain);
}

static ks_rc sign(const struct pair *pair, const struct ks_mech_params *params,
                  const void *in, size_t in_len, uint8_t *sig, size_t *sig_len)
{
    struct ks_err err = {0};
    ks_rc rc;

    *sig_len = SIG_MAX;
    rc =
        ks_soft_key_ops.sign(pair->key, params, in, in_len, sig, sig_len, &err);
    CHECK((rc == KS_OK) == (err.text[0] == '\0'));
    return rc;
}

/* The plain key's own signature (CTX NULL params: defaults). */
static size_t plain_sign(const struct pair *pair, int pad, const char *digest,
                         const void *in, size_t in_len, uint8_t *sig)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->plain, NULL);
    size_t len = SIG_MAX;

    CHECK(EVP_PKEY_sign_init(ctx) > 0);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, pad) > 0);
    if (digest != NULL)
        CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(digest)) >
              0);
    CHECK(EVP_PKEY_sign(ctx, sig, &len, in, in_len) > 0);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static const uint8_t block[256] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static void rsa_signature_is_that_of_the_plain_key(void)
{
    static const struct {
        enum ks_mech mech;
        int pad;
        const char *digest;
        size_t in_len;
    } cases[] = {
        {KS_MECH_RSA_PKCS1, RSA_PKCS1_PADDING, "SHA2-256", 32},
        {KS_MECH_RSA_PKCS1, RSA_PKCS1_PADDING, "SHA2-512", 64},
        {KS_MECH_RSA_PKCS1, RSA_PKCS1_PADDING, "MD5-SHA1", 36},
        {KS_MECH_RSA_PKCS1, RSA_PKCS1_PADDING, NULL, 51},
        {KS_MECH_RSA_RAW, RSA_NO_PADDING, NULL, 256},
    };
    struct pair pair = {0};
    uint8_t ours[SIG_MAX], theirs[SIG_MAX];
    size_t i, ours_len, theirs_len;

    pair_rsa(&pair);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ks_mech_params params = {.mech = cases[i].mech,
                                        .digest = cases[i].digest};

        CHECK(sign(&pair, &params, block, cases[i].in_len, ours, &ours_len) ==
              KS_OK);
        theirs_len =
            plain_sign(&pair, cases[i].pad,
                       cases[i].digest != NULL && cases[i].digest[0] == 'S'
                           ? cases[i].in_len == 32 ? "SHA256" : "SHA512"
                           : cases[i].digest,
                       block, cases[i].in_len, theirs);
        CHECK(ours_len == theirs_len && memcmp(ours, theirs, ours_len) == 0);
    }
    pair_clear(&pair);
}

static bool pss_verifies(const struct pair *pair, int salt, const uint8_t *sig,
                         size_t sig_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->plain, NULL);
    bool ok = EVP_PKEY_verify_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha384()) > 0 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) > 0 &&
              EVP_PKEY_verify(ctx, sig, sig_len, block, 32) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static void pss_keeps_salt_and_mgf1_digest(void)
{
    static const int salts[] = {0, 20, 32, 222};
    struct pair pair = {0};
    uint8_t sig[SIG_MAX];
    size_t i, len;

    pair_rsa(&pair);
    for (i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
        struct ks_mech_params params = {.mech = KS_MECH_RSA_PSS,
                                        .digest = "SHA2-256",
                                        .mgf1_digest = "SHA2-384",
                                        .salt_len = salts[i]};

        CHECK(sign(&pair, &params, block, 32, sig, &len) == KS_OK);
        CHECK(pss_verifies(&pair, salts[i], sig, len));
        CHECK(!pss_verifies(&pair, salts[i] + 1, sig, len));
    }
    pair_clear(&pair);
}

static void ecdsa_signature_verifies(void)
{
    static const char *const groups[] = {"P-256", "P-384", "P-521"};
    struct ks_mech_params params = {.mech = KS_MECH_ECDSA,
                                    .digest = "SHA2-256"};
    uint8_t sig[SIG_MAX];
    size_t i, len;

    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct pair pair = {0};
        EVP_PKEY_CTX *ctx;

        pair_ec(&pair, groups[i]);
        CHECK(sign(&pair, &params, block, 32, sig, &len) == KS_OK);
        ctx = EVP_PKEY_CTX_new(pair.plain, NULL);
        CHECK(EVP_PKEY_verify_init(ctx) > 0);
        CHECK(EVP_PKEY_verify(ctx, sig, len, block, 32) == 1);
        CHECK(EVP_PKEY_verify(ctx, sig, len, block + 1, 32) != 1);
        EVP_PKEY_CTX_free(ctx);
        pair_clear(&pair);
    }
}

static void eddsa_signature_is_that_of_the_plain_key(void)
{
    static const char *const types[] = {"ED25519", "ED448"};
    struct ks_mech_params params = {.mech = KS_MECH_EDDSA};
    uint8_t ours[SIG_MAX], theirs[SIG_MAX];
    size_t i, len, plain_len;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct pair pair = {0};
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        pair_type(&pair, types[i]);
        plain_len = sizeof(theirs);
        CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pair.plain) > 0);
        CHECK(EVP_DigestSign(ctx, theirs, &plain_len, block, 100) > 0);
        CHECK(sign(&pair, &params, block, 100, ours, &len) == KS_OK);
        CHECK(len == plain_len && memcmp(ours, theirs, len) == 0);
        CHECK(sign(&pair, &params, "", 0, ours, &len) == KS_OK);
        EVP_MD_CTX_free(ctx);
        pair_clear(&pair);
    }
}

static void mechanism_of_another_key_type_is_refused(void)
{
    struct pair rsa = {0}, ec = {0}, ed = {0}, x = {0};
    struct ks_mech_params params = {.digest = "SHA2-256"};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    uint8_t sig[SIG_MAX];
    size_t len;
    int mech;

    pair_rsa(&rsa);
    pair_ec(&ec, "P-256");
    pair_type(&ed, "ED25519");
    pair_type(&x, "X25519");
    for (mech = 0; mech <= KS_MECH_XDH + 1; mech++) {
        params.mech = (enum ks_mech)mech;
        CHECK((sign(&rsa, &params, block, 32, sig, &len) == KS_OK) ==
              (mech == KS_MECH_RSA_PKCS1 || mech == KS_MECH_RSA_PSS));
        CHECK((sign(&ec, &params, block, 32, sig, &len) == KS_OK) ==
              (mech == KS_MECH_ECDSA));
        CHECK((sign(&ed, &params, block, 32, sig, &len) == KS_OK) ==
              (mech == KS_MECH_EDDSA));
        CHECK(sign(&x, &params, block, 32, sig, &len) == KS_E_UNSUPPORTED);
        CHECK(ks_soft_key_ops.decrypt(ec.key, &params, block, 256, &out,
                                      &err) == KS_E_UNSUPPORTED);
        if (mech != KS_MECH_ECDH && mech != KS_MECH_XDH)
            CHECK(ks_soft_key_ops.derive(rsa.key, &params, block, 32, &out,
                                         &err) == KS_E_UNSUPPORTED);
    }
    CHECK(out.data == NULL);
    pair_clear(&rsa);
    pair_clear(&ec);
    pair_clear(&ed);
    pair_clear(&x);
}

static void wrong_input_length_is_refused(void)
{
    struct pair pair = {0};
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1,
                                    .digest = "SHA2-256"};
    uint8_t sig[SIG_MAX];
    size_t len;

    pair_rsa(&pair);
    CHECK(sign(&pair, &params, block, 31, sig, &len) == KS_E_CRYPTO);
    params.digest = "no-such-digest";
    CHECK(sign(&pair, &params, block, 32, sig, &len) == KS_E_CRYPTO);
    params.mech = KS_MECH_RSA_RAW;
    params.digest = NULL;
    CHECK(sign(&pair, &params, block, 255, sig, &len) == KS_E_CRYPTO);
    params.mech = KS_MECH_RSA_PSS;
    params.digest = "SHA2-256";
    params.salt_len = 223; /* one more than fits */
    CHECK(sign(&pair, &params, block, 32, sig, &len) == KS_E_CRYPTO);
    pair_clear(&pair);
}

/* Encrypts with the plain key. */
static size_t encrypt(const struct pair *pair, const OSSL_PARAM params[],
                      const void *in, size_t in_len, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->plain, NULL);
    size_t len = SIG_MAX;

    CHECK(EVP_PKEY_encrypt_init_ex(ctx, params) > 0);
    CHECK(EVP_PKEY_encrypt(ctx, out, &len, in, in_len) > 0);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static void rsa_decrypts_oaep_with_label_and_digests(void)
{
    int pad = RSA_PKCS1_OAEP_PADDING;
    OSSL_PARAM oaep[] = {
        OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
                               (char *)"SHA256", 6),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                               (char *)"SHA1", 4),
        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
                                (char *)"label", 5),
        OSSL_PARAM_END};
    struct ks_mech_params params = {.mech = KS_MECH_RSA_OAEP,
                                    .digest = "SHA2-256",
                                    .mgf1_digest = "SHA1",
                                    .label = (const uint8_t *)"label",
                                    .label_len = 5};
    struct pair pair = {0};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    uint8_t cipher[SIG_MAX];
    size_t len;

    pair_rsa(&pair);
    len = encrypt(&pair, oaep, "secret", 6, cipher);
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_OK);
    CHECK(out.len == 6 && memcmp(out.data, "secret", 6) == 0);
    ks_secret_clear(&out);
    params.label_len = 4;
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_E_CRYPTO);
    CHECK(out.data == NULL && err.text[0] != '\0');
    pair_clear(&pair);
}

static void rsa_decrypts_pkcs1_and_rejects_bad_padding(void)
{
    int pad = RSA_PKCS1_PADDING, none = RSA_NO_PADDING;
    OSSL_PARAM pkcs1[] = {OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
                          OSSL_PARAM_END};
    OSSL_PARAM raw[] = {OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &none),
                        OSSL_PARAM_END};
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_DECRYPT,
                                    .explicit_rejection = true};
    struct pair pair = {0};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    uint8_t cipher[SIG_MAX];
    size_t len;

    pair_rsa(&pair);
    len = encrypt(&pair, pkcs1, "secret", 6, cipher);
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_OK);
    CHECK(out.len == 6 && memcmp(out.data, "secret", 6) == 0);
    ks_secret_clear(&out);
    len = encrypt(&pair, raw, block, 256, cipher);
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_E_CRYPTO);
    params.mech = KS_MECH_RSA_RAW;
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_OK);
    CHECK(out.len == 256 && memcmp(out.data, block, 256) == 0);
    ks_secret_clear(&out);
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, 257, &out, &err) ==
          KS_E_CRYPTO);
    pair_clear(&pair);
}

/* RFC 5246, 7.4.7.1: a wrong version gives a random secret, no error. */
static void tls_premaster_of_a_wrong_version_is_random(void)
{
    int pad = RSA_PKCS1_PADDING;
    OSSL_PARAM pkcs1[] = {OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, &pad),
                          OSSL_PARAM_END};
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1_TLS,
                                    .tls_client_version = 0x0303};
    uint8_t premaster[48] = {3, 3, 'p', 'r', 'e'};
    struct pair pair = {0};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    uint8_t cipher[SIG_MAX];
    size_t len;

    pair_rsa(&pair);
    len = encrypt(&pair, pkcs1, premaster, 48, cipher);
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_OK);
    CHECK(out.len == 48 && memcmp(out.data, premaster, 48) == 0);
    ks_secret_clear(&out);
    params.tls_client_version = 0x0302;
    CHECK(ks_soft_key_ops.decrypt(pair.key, &params, cipher, len, &out, &err) ==
          KS_OK);
    CHECK(out.len == 48 && memcmp(out.data, premaster, 48) != 0);
    ks_secret_clear(&out);
    pair_clear(&pair);
}

static size_t plain_derive(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t *secret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
    size_t len = SIG_MAX;

    CHECK(EVP_PKEY_derive_init(ctx) > 0);
    CHECK(EVP_PKEY_derive_set_peer(ctx, theirs) > 0);
    CHECK(EVP_PKEY_derive(ctx, secret, &len) > 0);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static void both_sides_agree(const char *type, const char *group,
                             enum ks_mech mech)
{
    struct ks_mech_params params = {.mech = mech};
    struct pair a = {0}, b = {0};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    unsigned char *point = NULL;
    uint8_t secret[SIG_MAX];
    size_t len, point_len;

    pair_set(&a, group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
                               : EVP_PKEY_Q_keygen(NULL, NULL, type));
    pair_set(&b, group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
                               : EVP_PKEY_Q_keygen(NULL, NULL, type));
    len = plain_derive(a.plain, b.plain, secret);
    point_len = EVP_PKEY_get1_encoded_public_key(a.plain, &point);
    CHECK(ks_soft_key_ops.derive(b.key, &params, point, point_len, &out,
                                 &err) == KS_OK);
    CHECK(out.len == len && memcmp(out.data, secret, len) == 0);
    ks_secret_clear(&out);
    params.cofactor = true;
    CHECK(ks_soft_key_ops.derive(b.key, &params, point, point_len, &out,
                                 &err) == KS_OK);
    CHECK(out.len == len && memcmp(out.data, secret, len) == 0);
    ks_secret_clear(&out);

    CHECK(ks_soft_key_ops.derive(b.key, &params, point, point_len - 1, &out,
                                 &err) == KS_E_INVALID);
    CHECK(err.text[0] != '\0');
    CHECK(ks_soft_key_ops.derive(b.key, &params, point, 0, &out, &err) ==
          KS_E_INVALID);
    OPENSSL_free(point);
    pair_clear(&a);
    pair_clear(&b);
}

static void both_sides_agree_on_a_secret(void)
{
    both_sides_agree("EC", "P-256", KS_MECH_ECDH);
    both_sides_agree("EC", "P-521", KS_MECH_ECDH);
    both_sides_agree("X25519", NULL, KS_MECH_XDH);
    both_sides_agree("X448", NULL, KS_MECH_XDH);
}

static void point_off_the_curve_is_refused(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_ECDH};
    struct pair pair = {0};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    uint8_t point[65] = {4, 1, 2, 3};

    pair_ec(&pair, "P-256");
    CHECK(ks_soft_key_ops.derive(pair.key, &params, point, sizeof(point), &out,
                                 &err) == KS_E_INVALID);
    memset(point, 0, sizeof(point)); /* infinity is the one byte 0 */
    CHECK(ks_soft_key_ops.derive(pair.key, &params, point, 1, &out, &err) !=
          KS_OK);
    CHECK(out.data == NULL);
    pair_clear(&pair);
}

/* X25519 with a peer of small order would give zeros (RFC 7748, 6.1). */
static void small_order_peer_is_refused(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_XDH};
    struct pair pair = {0};
    struct ks_secret out = {0};
    struct ks_err err = {0};
    uint8_t zero[32] = {0};

    pair_type(&pair, "X25519");
    CHECK(ks_soft_key_ops.derive(pair.key, &params, zero, sizeof(zero), &out,
                                 &err) == KS_E_CRYPTO);
    CHECK(out.data == NULL);
    pair_clear(&pair);
}

static void damaged_pkcs8_is_refused(void)
{
    EVP_PKEY *plain = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct ks_secret whole = {0}, part = {0}, none = {0};
    struct ks_err err = {0};
    void *key = NULL;
    size_t len;

    pkcs8_of(plain, &whole);
    for (len = 0; len < whole.len; len++) {
        CHECK(ks_secret_set(&part, whole.data, len) == KS_OK);
        CHECK(ks_soft_key_new(&part, NULL, NULL, &key, &err) == KS_E_DAMAGED);
    }
    CHECK(ks_secret_alloc(&part, whole.len + 1) == KS_OK);
    memcpy(part.data, whole.data, whole.len);
    CHECK(ks_soft_key_new(&part, NULL, NULL, &key, &err) == KS_E_DAMAGED);
    CHECK(ks_soft_key_new(&none, NULL, NULL, &key, &err) == KS_E_DAMAGED);
    CHECK(key == NULL && err.text[0] != '\0');
    ks_secret_clear(&whole);
    ks_secret_clear(&part);
    EVP_PKEY_free(plain);
}

static void other_key_types_are_refused(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
    OSSL_PARAM group[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *)"ffdhe2048", 9),
                          OSSL_PARAM_END};
    EVP_PKEY *dh = NULL;
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    void *key = NULL;

    CHECK(EVP_PKEY_keygen_init(ctx) > 0);
    CHECK(EVP_PKEY_CTX_set_params(ctx, group) > 0);
    REQUIRE(EVP_PKEY_generate(ctx, &dh) > 0);
    pkcs8_of(dh, &pkcs8);
    CHECK(ks_soft_key_new(&pkcs8, NULL, NULL, &key, &err) == KS_E_UNSUPPORTED);
    CHECK(key == NULL && strstr(err.text, "DH") != NULL);
    ks_secret_clear(&pkcs8);
    EVP_PKEY_free(dh);
    EVP_PKEY_CTX_free(ctx);
}

static void *sign_often(void *arg)
{
    const struct pair *pair = arg;
    struct ks_mech_params params = {.mech = KS_MECH_ECDSA,
                                    .digest = "SHA2-256"};
    struct ks_err err = {0};
    uint8_t sig[SIG_MAX];
    size_t i, len, failed = 0;

    for (i = 0; i < 200; i++) {
        len = sizeof(sig);
        if (ks_soft_key_ops.sign(pair->key, &params, block, 32, sig, &len,
                                 &err) != KS_OK)
            failed++;
    }
    return (void *)failed;
}

static void many_threads_share_a_key(void)
{
    struct pair pair = {0};
    pthread_t threads[4];
    void *failed;
    size_t i;

    pair_ec(&pair, "P-256");
    for (i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, sign_often, &pair) == 0);
    for (i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], &failed) == 0);
        CHECK(failed == NULL);
    }
    pair_clear(&pair);
}

static void freeing_nothing_is_harmless(void)
{
    ks_soft_key_ops.free(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(rsa_signature_is_that_of_the_plain_key),
    TEST_CASE(pss_keeps_salt_and_mgf1_digest),
    TEST_CASE(ecdsa_signature_verifies),
    TEST_CASE(eddsa_signature_is_that_of_the_plain_key),
    TEST_CASE(mechanism_of_another_key_type_is_refused),
    TEST_CASE(wrong_input_length_is_refused),
    TEST_CASE(rsa_decrypts_oaep_with_label_and_digests),
    TEST_CASE(rsa_decrypts_pkcs1_and_rejects_bad_padding),
    TEST_CASE(tls_premaster_of_a_wrong_version_is_random),
    TEST_CASE(both_sides_agree_on_a_secret),
    TEST_CASE(point_off_the_curve_is_refused),
    TEST_CASE(small_order_peer_is_refused),
    TEST_CASE(damaged_pkcs8_is_refused),
    TEST_CASE(other_key_types_are_refused),
    TEST_CASE(many_threads_share_a_key),
    TEST_CASE(freeing_nothing_is_harmless),
};
TEST_MAIN("store.soft_key", cases)
