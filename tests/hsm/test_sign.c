/*
 * Signatures by keys on a token: whatever mechanism, digest and curve, they
 * are what libcrypto accepts.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "key.h"
#include "leaks.h"
#include "rig.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SIG_MAX 2048

static const uint8_t data[512] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static ks_rc sign(const struct rig_key *key,
                  const struct ks_mech_params *params, const void *in,
                  size_t in_len, uint8_t *sig, size_t *sig_len,
                  struct ks_err *err)
{
    ks_rc rc;

    *err = (struct ks_err){0};
    *sig_len = SIG_MAX;
    rc = hsm_key_ops.sign(key->key, params, in, in_len, sig, sig_len, err);
    CHECK((rc == KS_OK) == (err->text[0] == '\0'));
    return rc;
}

struct check {
    int pad; /* 0: none to set */
    const char *digest, *mgf1;
    int salt;
};

static bool verifies(const struct rig_key *key, const struct check *check,
                     const uint8_t *in, size_t in_len, const uint8_t *sig,
                     size_t sig_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->public, NULL);
    bool ok = EVP_PKEY_verify_init(ctx) > 0;

    if (ok && check->pad != 0)
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, check->pad) > 0;
    if (ok && check->digest != NULL)
        ok = EVP_PKEY_CTX_set_signature_md(
                 ctx, EVP_get_digestbyname(check->digest)) > 0;
    if (ok && check->mgf1 != NULL)
        ok = EVP_PKEY_CTX_set_rsa_mgf1_md(
                 ctx, EVP_get_digestbyname(check->mgf1)) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, check->salt) > 0;
    ok = ok && EVP_PKEY_verify(ctx, sig, sig_len, in, in_len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* ---- RSA ---- */

static const struct {
    const char *name;   /* as backends get it */
    const char *legacy; /* as EVP_get_digestbyname does */
    size_t len;
} digests[] = {
    {"SHA1", "SHA1", 20},
    {"SHA2-224", "SHA224", 28},
    {"SHA2-256", "SHA256", 32},
    {"SHA2-384", "SHA384", 48},
    {"SHA2-512", "SHA512", 64},
    {"SHA2-512/224", "SHA512-224", 28},
    {"SHA2-512/256", "SHA512-256", 32},
    {"SHA3-224", "SHA3-224", 28},
    {"SHA3-256", "SHA3-256", 32},
    {"SHA3-384", "SHA3-384", 48},
    {"SHA3-512", "SHA3-512", 64},
    {"MD5", "MD5", 16},
    {"MD5-SHA1", "MD5-SHA1", 36},
    {"RIPEMD-160", "RIPEMD160", 20},
};

static void check_pkcs1(const struct rig_key *key)
{
    uint8_t sig[SIG_MAX];
    size_t i, len;

    for (i = 0; i < N_OF(digests); i++) {
        const struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1,
                                              .digest = digests[i].name};
        const struct check check = {.pad = RSA_PKCS1_PADDING,
                                    .digest = digests[i].legacy};
        struct ks_err err;

        if (CHECK_OK(sign(key, &params, data, digests[i].len, sig, &len, &err),
                     &err))
            CHECK(verifies(key, &check, data, digests[i].len, sig, len));
    }
}

static void check_pss(const struct rig_key *key)
{
    static const int salts[] = {0, 20, 32};
    uint8_t sig[SIG_MAX];
    size_t i, j, len;

    /* MD5-SHA1 has no place in PSS for libcrypto. */
    for (i = 0; i < N_OF(digests) - 2; i++)
        for (j = 0; j < N_OF(salts); j++) {
            const size_t other = (i + j) % 11;
            const struct ks_mech_params params = {
                .mech = KS_MECH_RSA_PSS,
                .digest = digests[i].name,
                .mgf1_digest = digests[j == 0 ? i : other].name,
                .salt_len = salts[j]};
            const struct check check = {.pad = RSA_PKCS1_PSS_PADDING,
                                        .digest = digests[i].legacy,
                                        .mgf1 =
                                            digests[j == 0 ? i : other].legacy,
                                        .salt = salts[j]};
            struct ks_err err;

            if (CHECK_OK(
                    sign(key, &params, data, digests[i].len, sig, &len, &err),
                    &err))
                CHECK(verifies(key, &check, data, digests[i].len, sig, len));
        }
}

/* What is signed as it is: with padding and without. */
static void check_bare(const struct rig_key *key, size_t size)
{
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1};
    const struct check pkcs1 = {.pad = RSA_PKCS1_PADDING};
    const struct check none = {.pad = RSA_NO_PADDING};
    uint8_t sig[SIG_MAX];
    struct ks_err err;
    size_t len;

    CHECK_OK(sign(key, &params, data, 51, sig, &len, &err), &err);
    CHECK(verifies(key, &pkcs1, data, 51, sig, len));
    CHECK_OK(sign(key, &params, data, size - 11, sig, &len, &err), &err);
    CHECK(verifies(key, &pkcs1, data, size - 11, sig, len));
    CHECK_OK(sign(key, &params, NULL, 0, sig, &len, &err), &err);
    CHECK_RC(sign(key, &params, data, size - 10, sig, &len, &err),
             KS_E_INVALID);
    params.mech = KS_MECH_RSA_RAW;
    CHECK_OK(sign(key, &params, data, size, sig, &len, &err), &err);
    CHECK(verifies(key, &none, data, size, sig, len));
    CHECK_INT(len, size);
    CHECK_RC(sign(key, &params, data, size - 1, sig, &len, &err), KS_E_INVALID);
    CHECK_RC(sign(key, &params, data, size + 1, sig, &len, &err), KS_E_INVALID);
    CHECK_RC(sign(key, &params, data, 0, sig, &len, &err), KS_E_INVALID);
}

static void rsa_signs_every_way_with_every_digest(void)
{
    static const struct {
        const char *kind, *label;
        size_t size;
    } keys[] = {
        {"RSA:2048", "a", 256}, {"RSA:3072", "b", 384}, {"RSA:4096", "c", 512}};
    struct rig rig;
    struct rig_key key;
    size_t i;

    rig_open(&rig);
    for (i = 0; i < N_OF(keys); i++)
        if (rig_key(&rig, keys[i].kind, keys[i].label, CKF_SIGN, &key)) {
            check_pkcs1(&key);
            check_pss(&key);
            check_bare(&key, keys[i].size > sizeof(data) ? sizeof(data)
                                                         : keys[i].size);
            rig_key_clear(&key);
        }
    rig_close(&rig);
}

static void pss_salt_of_any_length_that_fits(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PSS,
                                    .digest = "SHA2-256",
                                    .mgf1_digest = "SHA2-256"};
    struct check check = {
        .pad = RSA_PKCS1_PSS_PADDING, .digest = "SHA256", .mgf1 = "SHA256"};
    struct rig rig;
    struct rig_key key;
    uint8_t sig[SIG_MAX];
    struct ks_err err;
    size_t len;

    rig_open(&rig);
    if (rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &key)) {
        for (params.salt_len = 0; params.salt_len <= 222;
             params.salt_len += 37) {
            check.salt = params.salt_len;
            CHECK_OK(sign(&key, &params, data, 32, sig, &len, &err), &err);
            CHECK(verifies(&key, &check, data, 32, sig, len));
        }
        params.salt_len = 223;
        CHECK_RC(sign(&key, &params, data, 32, sig, &len, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, "salt of 223 bytes");
        params.salt_len = -1;
        CHECK_RC(sign(&key, &params, data, 32, sig, &len, &err), KS_E_INVALID);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static void rsa_input_of_the_wrong_length_is_refused(void)
{
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1,
                                    .digest = "SHA2-256"};
    struct rig rig;
    struct rig_key key;
    uint8_t sig[SIG_MAX];
    struct ks_err err;
    size_t len;

    rig_open(&rig);
    if (rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &key)) {
        CHECK_RC(sign(&key, &params, data, 31, sig, &len, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, "SHA2-256 has 32");
        CHECK_RC(sign(&key, &params, data, (size_t)-1, sig, &len, &err),
                 KS_E_INVALID);
        params.digest = "no-such";
        CHECK_RC(sign(&key, &params, data, 32, sig, &len, &err),
                 KS_E_UNSUPPORTED);
        CHECK_CONTAINS(err.text, "no-such");
        params.mech = KS_MECH_RSA_PSS;
        params.mgf1_digest = "SHA2-256";
        CHECK_RC(sign(&key, &params, data, 32, sig, &len, &err),
                 KS_E_UNSUPPORTED);
        params.digest = "SHA2-256";
        CHECK_RC(sign(&key, &params, data, 20, sig, &len, &err), KS_E_INVALID);
        CHECK_RC(sign(&key, &params, data, (size_t)-1, sig, &len, &err),
                 KS_E_INVALID);
        params.mgf1_digest = NULL;
        CHECK_RC(sign(&key, &params, data, 32, sig, &len, &err), KS_E_INVALID);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* ---- elliptic curves ---- */

static void ecdsa_signs_on_every_curve_with_every_digest(void)
{
    static const char *const curves[] = {
        "P-256",           "P-384",           "P-521",    "brainpoolP256r1",
        "brainpoolP384r1", "brainpoolP512r1", "secp256k1"};
    static const char *const labels[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct rig rig;
    struct rig_key key;
    uint8_t sig[SIG_MAX];
    size_t i, j, len;

    rig_open(&rig);
    for (i = 0; i < N_OF(curves); i++) {
        if (!rig_key(&rig, curves[i], labels[i], CKF_SIGN, &key))
            continue;
        for (j = 0; j < N_OF(digests); j++) {
            const struct ks_mech_params params = {.mech = KS_MECH_ECDSA,
                                                  .digest = digests[j].name};
            const struct check check = {.pad = 0};
            struct ks_err err;

            if (CHECK_OK(
                    sign(&key, &params, data, digests[j].len, sig, &len, &err),
                    &err))
                CHECK(verifies(&key, &check, data, digests[j].len, sig, len));
        }
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* About one in 128 has a half that begins with a zero byte. */
static void many_ecdsa_signatures_all_verify(void)
{
    const struct ks_mech_params params = {.mech = KS_MECH_ECDSA,
                                          .digest = "SHA2-256"};
    const struct check check = {.pad = 0};
    struct rig rig;
    struct rig_key key;
    uint8_t sig[SIG_MAX];
    struct ks_err err;
    size_t i, len, failed = 0;

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &key)) {
        for (i = 0; i < 2000; i++)
            failed += sign(&key, &params, data + i % 64, 32, sig, &len, &err) !=
                          KS_OK ||
                      !verifies(&key, &check, data + i % 64, 32, sig, len);
        CHECK_INT(failed, 0);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static bool eddsa_verifies(const struct rig_key *key, const void *in,
                           size_t in_len, const uint8_t *sig, size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->public) > 0 &&
              EVP_DigestVerify(ctx, sig, sig_len, in, in_len) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static void eddsa_signs_messages_of_any_length(void)
{
    static const size_t lengths[] = {0, 1, 32, 255, 65536, 1 << 20};
    static const char *const kinds[] = {"ED25519", "ED448"};
    const struct ks_mech_params params = {.mech = KS_MECH_EDDSA};
    uint8_t *message = OPENSSL_zalloc(1 << 20);
    struct rig rig;
    struct rig_key key;
    uint8_t sig[SIG_MAX];
    struct ks_err err;
    size_t i, j, len;

    test_leaks_ignore(true);
    rig_open(&rig);
    for (i = 0; i < N_OF(kinds); i++) {
        if (!rig_key(&rig, kinds[i], kinds[i] + 2, CKF_SIGN, &key))
            continue;
        for (j = 0; j < N_OF(lengths); j++)
            if (CHECK_OK(
                    sign(&key, &params, message, lengths[j], sig, &len, &err),
                    &err))
                CHECK(eddsa_verifies(&key, message, lengths[j], sig, len));
        CHECK_OK(sign(&key, &params, NULL, 0, sig, &len, &err), &err);
        CHECK(eddsa_verifies(&key, "", 0, sig, len));
        rig_key_clear(&key);
    }
    rig_close(&rig);
    test_leaks_ignore(false);
    OPENSSL_free(message);
}

/* ---- what cannot be ---- */

static void mechanism_of_another_kind_is_refused(void)
{
    struct rig rig;
    struct rig_key rsa, ec, ed;
    struct ks_mech_params params = {
        .digest = "SHA2-256", .mgf1_digest = "SHA2-256", .salt_len = 32};
    uint8_t sig[SIG_MAX];
    struct ks_err err;
    size_t len;
    int mech;

    test_leaks_ignore(true);
    rig_open(&rig);
    if (rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &rsa) &&
        rig_key(&rig, "P-256", "ec", CKF_SIGN, &ec) &&
        rig_key(&rig, "ED25519", "d", CKF_SIGN, &ed)) {
        for (mech = -1; mech <= KS_MECH_XDH + 1; mech++) {
            params.mech = (enum ks_mech)mech;
            CHECK((sign(&rsa, &params, data, 32, sig, &len, &err) == KS_OK) ==
                  (mech == KS_MECH_RSA_PKCS1 || mech == KS_MECH_RSA_PSS));
            CHECK((sign(&ec, &params, data, 32, sig, &len, &err) == KS_OK) ==
                  (mech == KS_MECH_ECDSA));
            CHECK((sign(&ed, &params, data, 32, sig, &len, &err) == KS_OK) ==
                  (mech == KS_MECH_EDDSA));
        }
        rig_key_clear(&rsa);
        rig_key_clear(&ec);
        rig_key_clear(&ed);
    }
    rig_close(&rig);
    test_leaks_ignore(false);
}

static void room_that_is_too_small_is_refused(void)
{
    struct rig rig;
    struct rig_key rsa, ec;
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PKCS1};
    uint8_t sig[SIG_MAX];
    struct ks_err err = {0};
    size_t len;

    rig_open(&rig);
    if (rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &rsa) &&
        rig_key(&rig, "P-256", "ec", CKF_SIGN, &ec)) {
        len = 255;
        CHECK_RC(hsm_key_ops.sign(rsa.key, &params, data, 32, sig, &len, &err),
                 KS_E_INVALID);
        CHECK_RC(hsm_key_ops.sign(rsa.key, &params, data, 32, NULL, &len, NULL),
                 KS_E_INVALID);
        CHECK_RC(hsm_key_ops.sign(rsa.key, &params, data, 32, sig, NULL, NULL),
                 KS_E_INVALID);
        CHECK_RC(hsm_key_ops.sign(rsa.key, &params, NULL, 32, sig, &len, NULL),
                 KS_E_INVALID);
        params.mech = KS_MECH_ECDSA;
        len = 60;
        CHECK_RC(hsm_key_ops.sign(ec.key, &params, data, 32, sig, &len, NULL),
                 KS_E_INVALID);
        len = SIG_MAX;
        CHECK_RC(hsm_key_ops.sign(ec.key, &params, data, 32, sig, &len, NULL),
                 KS_OK);
        rig_key_clear(&rsa);
        rig_key_clear(&ec);
    }
    rig_close(&rig);
}

static const struct test_case cases[] = {
    TEST_CASE(rsa_signs_every_way_with_every_digest),
    TEST_CASE(pss_salt_of_any_length_that_fits),
    TEST_CASE(rsa_input_of_the_wrong_length_is_refused),
    TEST_CASE(ecdsa_signs_on_every_curve_with_every_digest),
    TEST_CASE(many_ecdsa_signatures_all_verify),
    TEST_CASE(eddsa_signs_messages_of_any_length),
    TEST_CASE(mechanism_of_another_kind_is_refused),
    TEST_CASE(room_that_is_too_small_is_refused),
};
TEST_MAIN("hsm.sign", cases)
