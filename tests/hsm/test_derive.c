/*
 * Key agreement by keys on a token: both sides come to the same secret, and
 * a peer's key that is none is refused.
 */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "key.h"
#include "leaks.h"
#include "rig.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static ks_rc derive(const struct rig_key *key,
                    const struct ks_mech_params *params, const void *peer,
                    size_t peer_len, struct ks_secret *out, struct ks_err *err)
{
    ks_rc rc;

    *err = (struct ks_err){0};
    ks_secret_clear(out);
    rc = hsm_key_ops.derive(key->key, params, peer, peer_len, out, err);
    CHECK((rc == KS_OK) == (err->text[0] == '\0'));
    CHECK(rc == KS_OK || out->data == NULL);
    return rc;
}

/* The other side's work: its key and what it gets. */
static void check_agrees(const struct rig_key *key, EVP_PKEY *peer,
                         const struct ks_mech_params *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
    uint8_t want[128];
    size_t want_len = sizeof(want), point_len;
    unsigned char *point = NULL;
    struct ks_secret out = {0};
    struct ks_err err;

    CHECK(EVP_PKEY_derive_init(ctx) > 0 &&
          EVP_PKEY_derive_set_peer(ctx, key->public) > 0 &&
          EVP_PKEY_derive(ctx, want, &want_len) > 0);
    EVP_PKEY_CTX_free(ctx);
    point_len = EVP_PKEY_get1_encoded_public_key(peer, &point);
    if (CHECK_OK(derive(key, params, point, point_len, &out, &err), &err))
        CHECK_BYTES(out.data, out.len, want, want_len);
    OPENSSL_free(point);
    ks_secret_clear(&out);
}

static void ecdh_agrees_on_every_curve(void)
{
    static const char *const curves[] = {
        "P-256",           "P-384",           "P-521",    "brainpoolP256r1",
        "brainpoolP384r1", "brainpoolP512r1", "secp256k1"};
    static const char *const labels[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct ks_mech_params params = {.mech = KS_MECH_ECDH};
    struct rig rig;
    struct rig_key key;
    size_t i;

    rig_open(&rig);
    for (i = 0; i < N_OF(curves); i++) {
        EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i]);

        if (rig_key(&rig, curves[i], labels[i], CKF_DERIVE, &key)) {
            check_agrees(&key, peer, &params);
            params.cofactor = !params.cofactor; /* is 1 on all of them */
            check_agrees(&key, peer, &params);
            rig_key_clear(&key);
        }
        EVP_PKEY_free(peer);
    }
    rig_close(&rig);
}

/* One secret in 256 begins with a zero byte, which belongs to it. */
static void secrets_keep_their_leading_zeros(void)
{
    const struct ks_mech_params params = {.mech = KS_MECH_ECDH};
    struct rig rig;
    struct rig_key key;
    size_t i;

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_DERIVE, &key)) {
        for (i = 0; i < 1500; i++) {
            EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

            check_agrees(&key, peer, &params);
            EVP_PKEY_free(peer);
        }
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static void compressed_point_is_taken_too(void)
{
    const struct ks_mech_params params = {.mech = KS_MECH_ECDH};
    EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct rig rig;
    struct rig_key key;
    struct ks_secret one = {0}, two = {0};
    struct ks_err err;
    unsigned char *point = NULL;

    CHECK_INT(EVP_PKEY_get1_encoded_public_key(peer, &point), 65);
    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_DERIVE, &key)) {
        CHECK_OK(derive(&key, &params, point, 65, &one, &err), &err);
        point[0] = (unsigned char)(2 + (point[64] & 1));
        CHECK_OK(derive(&key, &params, point, 33, &two, &err), &err);
        CHECK_BYTES(two.data, two.len, one.data, one.len);
        rig_key_clear(&key);
    }
    rig_close(&rig);
    ks_secret_clear(&one);
    ks_secret_clear(&two);
    OPENSSL_free(point);
    EVP_PKEY_free(peer);
}

static void point_that_is_none_of_the_curve_is_refused(void)
{
    static const size_t lengths[] = {1, 2, 32, 33, 64, 66, 133, 4096};
    const struct ks_mech_params params = {.mech = KS_MECH_ECDH};
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    struct rig rig;
    struct rig_key key;
    struct ks_secret out = {0};
    struct ks_err err;
    unsigned char *point = NULL;
    uint8_t bad[4096];
    size_t i;

    CHECK_INT(EVP_PKEY_get1_encoded_public_key(other, &point), 65);
    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_DERIVE, &key)) {
        CHECK_RC(derive(&key, &params, point, 65, &out, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, "no point of the key's curve");
        for (i = 0; i < N_OF(lengths); i++) {
            CHECK(RAND_bytes(bad, sizeof(bad)) == 1);
            bad[0] = i == 0 ? 0 : 4; /* one byte 0 is infinity */
            CHECK_RC(derive(&key, &params, bad, lengths[i], &out, &err),
                     KS_E_INVALID);
        }
        CHECK_RC(derive(&key, &params, NULL, 65, &out, &err), KS_E_INVALID);
        CHECK_RC(derive(&key, &params, bad, 0, &out, &err), KS_E_INVALID);
        rig_key_clear(&key);
    }
    rig_close(&rig);
    OPENSSL_free(point);
    EVP_PKEY_free(other);
}

static void key_without_the_usage_says_so(void)
{
    const struct ks_mech_params params = {.mech = KS_MECH_ECDH};
    struct rig rig;
    struct rig_key key;
    struct ks_secret out = {0};
    struct ks_err err;
    unsigned char *point = NULL;

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &key)) {
        CHECK_INT(EVP_PKEY_get1_encoded_public_key(key.public, &point), 65);
        CHECK_RC(derive(&key, &params, point, 65, &out, &err), KS_E_POLICY);
        CHECK_CONTAINS(err.text, "CKR_KEY_FUNCTION_NOT_PERMITTED");
        CHECK_CONTAINS(err.hint, "CKA_DERIVE");
        rig_key_clear(&key);
    }
    rig_close(&rig);
    OPENSSL_free(point);
}

static void x25519_and_x448_agree(void)
{
    static const char *const kinds[] = {"X25519", "X448"};
    const struct ks_mech_params params = {.mech = KS_MECH_XDH};
    struct rig rig;
    struct rig_key key;
    size_t i;

    test_leaks_ignore(true);
    rig_open(&rig);
    for (i = 0; i < N_OF(kinds); i++) {
        EVP_PKEY *peer = EVP_PKEY_Q_keygen(NULL, NULL, kinds[i]);

        if (rig_key(&rig, kinds[i], kinds[i] + 1, CKF_DERIVE, &key)) {
            check_agrees(&key, peer, &params);
            rig_key_clear(&key);
        }
        EVP_PKEY_free(peer);
    }
    rig_close(&rig);
    test_leaks_ignore(false);
}

static void mechanism_of_another_kind_is_refused(void)
{
    struct ks_mech_params params = {.digest = "SHA2-256"};
    struct rig rig;
    struct rig_key ec, rsa;
    struct ks_secret out = {0};
    struct ks_err err;
    unsigned char *point = NULL;
    int mech;

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_DERIVE, &ec) &&
        rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &rsa)) {
        CHECK_INT(EVP_PKEY_get1_encoded_public_key(ec.public, &point), 65);
        for (mech = -1; mech <= KS_MECH_XDH + 1; mech++) {
            params.mech = (enum ks_mech)mech;
            CHECK_RC(derive(&ec, &params, point, 65, &out, &err),
                     mech == KS_MECH_ECDH ? KS_OK : KS_E_UNSUPPORTED);
            CHECK_RC(derive(&rsa, &params, point, 65, &out, &err),
                     KS_E_UNSUPPORTED);
        }
        rig_key_clear(&ec);
        rig_key_clear(&rsa);
    }
    ks_secret_clear(&out);
    rig_close(&rig);
    OPENSSL_free(point);
}

static const struct test_case cases[] = {
    TEST_CASE(ecdh_agrees_on_every_curve),
    TEST_CASE(secrets_keep_their_leading_zeros),
    TEST_CASE(compressed_point_is_taken_too),
    TEST_CASE(point_that_is_none_of_the_curve_is_refused),
    TEST_CASE(key_without_the_usage_says_so),
    TEST_CASE(x25519_and_x448_agree),
    TEST_CASE(mechanism_of_another_kind_is_refused),
};
TEST_MAIN("hsm.derive", cases)
