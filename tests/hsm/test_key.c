/*
 * Opening keys on a token: which are found, what is said of those that are
 * not, and keys that go, change, or are used by several threads and
 * processes.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "key.h"
#include "rig.h"
#include "test.h"

#define SIG_MAX 2048

static const uint8_t digest[32] = {7, 7, 7};

/* A signature with KEY, checked against its public half. */
static ks_rc sign_and_verify(const struct rig_key *key, struct ks_err *err)
{
    const bool rsa = EVP_PKEY_is_a(key->public, "RSA");
    const struct ks_mech_params params = {
        .mech = rsa ? KS_MECH_RSA_PKCS1 : KS_MECH_ECDSA, .digest = "SHA2-256"};
    EVP_PKEY_CTX *ctx;
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);
    ks_rc rc = hsm_key_ops.sign(key->key, &params, digest, sizeof(digest), sig,
                                &len, err);

    if (rc != KS_OK)
        return rc;
    ctx = EVP_PKEY_CTX_new(key->public, NULL);
    if (EVP_PKEY_verify_init(ctx) <= 0 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) <= 0 ||
        EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest)) != 1)
        rc = KS_E_VERIFY;
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

static void key_signs_and_its_public_half_verifies(void)
{
    struct rig rig;
    struct rig_key ec, rsa;
    struct ks_err err = {0};

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &ec) &&
        rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &rsa)) {
        CHECK_OK(sign_and_verify(&ec, &err), &err);
        CHECK_OK(sign_and_verify(&rsa, &err), &err);
        rig_key_clear(&ec);
        rig_key_clear(&rsa);
    }
    rig_close(&rig);
}

static void key_that_is_not_there_is_not_found(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};

    rig_open(&rig);
    CHECK_RC(rig_try_open(&rig, "none", &key, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "none: token \"rig\" has no such key");
    CHECK(key.key == NULL && key.public == NULL);
    rig_close(&rig);
}

static void two_keys_of_one_label_are_told_apart(void)
{
    const CK_ATTRIBUTE other = {CKA_ID, (void *)"\xab\xcd", 2};
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};

    rig_open(&rig);
    CHECK(rig_make(&rig, "P-256", "twin", CKF_SIGN, NULL, 0));
    CHECK(rig_make(&rig, "P-256", "twin", CKF_SIGN, &other, 1));
    CHECK_RC(rig_try_open(&rig, "twin", &key, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "keystore://hsm/twin");
    CHECK_CONTAINS(err.hint, "id=74");
    CHECK_CONTAINS(err.hint, "id=abcd");
    rig_close(&rig);
}

static void private_key_without_a_public_half_says_so(void)
{
    const struct hsm_name name = {.label = (char *)"ec"};
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};

    rig_open(&rig);
    CHECK(rig_make(&rig, "P-256", "ec", CKF_SIGN, NULL, 0));
    rig_remove_class(&rig, name.label, CKO_PUBLIC_KEY);
    CHECK_RC(rig_try_open(&rig, "ec", &key, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "token \"rig\" has no public half");
    CHECK_CONTAINS(err.hint, "CKA_ID");
    /* An RSA key tells itself. */
    CHECK(rig_make(&rig, "RSA:2048", "rsa", CKF_SIGN, NULL, 0));
    rig_remove_class(&rig, "rsa", CKO_PUBLIC_KEY);
    if (rig_open_key(&rig, "rsa", &key)) {
        CHECK_OK(sign_and_verify(&key, &err), &err);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static void public_key_alone_is_no_private_key(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};

    rig_open(&rig);
    CHECK(rig_make(&rig, "P-256", "ec", CKF_SIGN, NULL, 0));
    rig_remove_class(&rig, "ec", CKO_PRIVATE_KEY);
    CHECK_RC(rig_try_open(&rig, "ec", &key, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "no private key");
    CHECK_CONTAINS(err.hint, "public key only");
    rig_close(&rig);
}

static void ed25519_beside_others_hides_none(void)
{
    static const char *const kinds[] = {"P-256", "RSA:2048", "ED25519"};
    static const char *const labels[] = {"a", "b", "c"};
    struct rig rig;
    struct rig_key key;
    size_t i;

    rig_open(&rig);
    for (i = 0; i < 3; i++)
        CHECK(rig_make(&rig, kinds[i], labels[i], CKF_SIGN, NULL, 0));
    for (i = 0; i < 3; i++)
        if (rig_open_key(&rig, labels[i], &key))
            rig_key_clear(&key);
    rig_close(&rig);
}

static void key_may_not_do_what_it_was_not_made_for(void)
{
    const struct ks_mech_params decrypt = {.mech = KS_MECH_RSA_PKCS1_DECRYPT};
    struct rig rig;
    struct rig_key key;
    struct ks_secret out = {0};
    struct ks_err err = {0};
    static const uint8_t block[256] = {0, 2, 3};

    rig_open(&rig);
    if (rig_key(&rig, "RSA:2048", "d", CKF_DECRYPT, &key)) {
        CHECK_RC(sign_and_verify(&key, &err), KS_E_POLICY);
        CHECK_CONTAINS(err.text, "keystore://hsm/d");
        CHECK_CONTAINS(err.text, "token \"rig\"");
        CHECK_CONTAINS(err.text, "CKR_KEY_FUNCTION_NOT_PERMITTED");
        CHECK_CONTAINS(err.hint, "CKA_SIGN");
        rig_key_clear(&key);
    }
    err = (struct ks_err){0};
    if (rig_key(&rig, "RSA:2048", "s", CKF_SIGN, &key)) {
        CHECK_RC(hsm_key_ops.decrypt(key.key, &decrypt, block, sizeof(block),
                                     &out, &err),
                 KS_E_POLICY);
        CHECK_CONTAINS(err.hint, "CKA_DECRYPT");
        rig_key_clear(&key);
    }
    CHECK(out.data == NULL);
    rig_close(&rig);
}

static void allowed_mechanisms_are_kept_to(void)
{
    CK_MECHANISM_TYPE pss = CKM_RSA_PKCS_PSS;
    const CK_ATTRIBUTE only_pss = {CKA_ALLOWED_MECHANISMS, &pss, sizeof(pss)};
    CK_MECHANISM_TYPE derive = CKM_ECDH1_DERIVE;
    const CK_ATTRIBUTE only_derive = {CKA_ALLOWED_MECHANISMS, &derive,
                                      sizeof(derive)};
    struct ks_mech_params params = {.mech = KS_MECH_RSA_PSS,
                                    .digest = "SHA2-256",
                                    .mgf1_digest = "SHA2-256",
                                    .salt_len = 32};
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);

    rig_open(&rig);
    CHECK(
        rig_make(&rig, "P-256", "ec", CKF_SIGN | CKF_DERIVE, &only_derive, 1));
    if (rig_open_key(&rig, "ec", &key)) {
        CHECK_RC(sign_and_verify(&key, &err), KS_E_POLICY);
        CHECK_CONTAINS(err.text, "CKM_ECDSA");
        CHECK_CONTAINS(err.hint, "CKA_ALLOWED_MECHANISMS");
        rig_key_clear(&key);
    }
    CHECK(rig_make(&rig, "RSA:2048", "pss", CKF_SIGN, &only_pss, 1));
    if (rig_open_key(&rig, "pss", &key)) {
        CHECK(EVP_PKEY_is_a(key.public, "RSA-PSS"));
        err = (struct ks_err){0};
        CHECK_OK(
            hsm_key_ops.sign(key.key, &params, digest, 32, sig, &len, &err),
            &err);
        /* No way around by raw RSA for what SoftHSM does not take. */
        params.mgf1_digest = "SHA2-384";
        CHECK_RC(
            hsm_key_ops.sign(key.key, &params, digest, 32, sig, &len, &err),
            KS_E_UNSUPPORTED);
        params.mech = KS_MECH_RSA_PKCS1;
        CHECK_RC(
            hsm_key_ops.sign(key.key, &params, digest, 32, sig, &len, &err),
            KS_E_UNSUPPORTED);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* ---- keys that change ---- */

static void key_removed_meanwhile_is_not_found(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &key)) {
        CHECK_OK(sign_and_verify(&key, &err), &err);
        rig_remove(&rig, "ec");
        CHECK_RC(sign_and_verify(&key, &err), KS_E_NOT_FOUND);
        CHECK_CONTAINS(err.text, "keystore://hsm/ec");
        CHECK_CONTAINS(err.text, "not on token \"rig\" any more");
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static void another_key_in_its_place_is_never_used(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &key)) {
        rig_remove(&rig, "ec");
        CHECK(rig_make(&rig, "P-256", "ec", CKF_SIGN, NULL, 0));
        CHECK_RC(sign_and_verify(&key, &err), KS_E_NOT_FOUND);
        CHECK_CONTAINS(err.hint, "load it again");
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* ---- threads and processes ---- */

#define THREADS 8
#define ROUNDS 200

static void *sign_many(void *arg)
{
    const struct rig_key *keys = arg;
    size_t failed = 0, i;

    for (i = 0; i < ROUNDS; i++)
        failed += sign_and_verify(&keys[i % 2], NULL) != KS_OK;
    return (void *)failed;
}

static void eight_threads_sign_with_the_same_keys(void)
{
    struct rig rig;
    struct rig_key keys[2];
    pthread_t threads[THREADS];
    void *failed;
    size_t i;

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "a", CKF_SIGN, &keys[0]) &&
        rig_key(&rig, "P-384", "b", CKF_SIGN, &keys[1])) {
        for (i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, sign_many, keys) == 0);
        for (i = 0; i < THREADS; i++) {
            CHECK(pthread_join(threads[i], &failed) == 0);
            CHECK(failed == NULL);
        }
        rig_key_clear(&keys[0]);
        rig_key_clear(&keys[1]);
    }
    rig_close(&rig);
}

static int child_status(pid_t child)
{
    int status = -1;

    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

static void child_signs_with_its_parents_key_and_both_go_on(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err = {0};
    pid_t children[4];
    size_t i, j;

    rig_open(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &key)) {
        CHECK_OK(sign_and_verify(&key, &err), &err);
        for (i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                for (j = 0; j < 20; j++)
                    if (sign_and_verify(&key, &err) != KS_OK)
                        _exit(1);
                _exit(0);
            }
            CHECK_OK(sign_and_verify(&key, &err), &err);
        }
        for (i = 0; i < 4; i++)
            CHECK_INT(child_status(children[i]), 0);
        CHECK_OK(sign_and_verify(&key, &err), &err);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static void free_takes_null(void)
{
    hsm_key_ops.free(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(key_signs_and_its_public_half_verifies),
    TEST_CASE(key_that_is_not_there_is_not_found),
    TEST_CASE(two_keys_of_one_label_are_told_apart),
    TEST_CASE(private_key_without_a_public_half_says_so),
    TEST_CASE(public_key_alone_is_no_private_key),
    TEST_CASE(ed25519_beside_others_hides_none),
    TEST_CASE(key_may_not_do_what_it_was_not_made_for),
    TEST_CASE(allowed_mechanisms_are_kept_to),
    TEST_CASE(key_removed_meanwhile_is_not_found),
    TEST_CASE(another_key_in_its_place_is_never_used),
    TEST_CASE(eight_threads_sign_with_the_same_keys),
    TEST_CASE(child_signs_with_its_parents_key_and_both_go_on),
    TEST_CASE(free_takes_null),
};
TEST_MAIN("hsm.key", cases)
