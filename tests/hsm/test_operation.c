/*
 * Operations in trouble: keys that want a login every time, mechanisms that
 * are missing, sessions and handles that go stale on the way.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "fault.h"
#include "key.h"
#include "login.h"
#include "rig.h"
#include "test.h"

#define SIG_MAX 2048

static const uint8_t digest[64] = {7, 7, 7};

static ks_rc sign_as(const struct rig_key *key,
                     const struct ks_mech_params *params, struct ks_err *err)
{
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);
    EVP_PKEY_CTX *ctx;
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = hsm_key_ops.sign(key->key, params, digest, 32, sig, &len, err);
    if (rc != KS_OK)
        return rc;
    ctx = EVP_PKEY_CTX_new(key->public, NULL);
    CHECK(EVP_PKEY_verify_init(ctx) > 0);
    if (params->mech == KS_MECH_RSA_PSS)
        CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
    CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
    CHECK(EVP_PKEY_verify(ctx, sig, len, digest, 32) == 1);
    EVP_PKEY_CTX_free(ctx);
    return rc;
}

static ks_rc sign(const struct rig_key *key, struct ks_err *err)
{
    const struct ks_mech_params params = {
        .mech = EVP_PKEY_is_a(key->public, "RSA") ? KS_MECH_RSA_PKCS1
                                                  : KS_MECH_ECDSA,
        .digest = "SHA2-256"};

    return sign_as(key, &params, err);
}

/* A token behind the fault module, with one key that signs. */
static bool open_signing(struct rig *rig, const char *kind, struct rig_key *key)
{
    rig_open_faulty(rig);
    return rig_key(rig, kind, "key", CKF_SIGN, key);
}

/* ---- CKA_ALWAYS_AUTHENTICATE ---- */

static bool make_careful(struct rig *rig, const char *kind, struct rig_key *key)
{
    CK_BBOOL yes = CK_TRUE;
    const CK_ATTRIBUTE always = {CKA_ALWAYS_AUTHENTICATE, &yes, sizeof(yes)};

    *key = (struct rig_key){.key = NULL};
    return CHECK(rig_make(rig, kind, "always", CKF_SIGN | CKF_DECRYPT, &always,
                          1)) &&
           rig_open_key(rig, "always", key);
}

static void login_is_repeated_for_every_operation(void)
{
    const struct ks_mech_params oaep = {
        .mech = KS_MECH_RSA_OAEP, .digest = "SHA1", .mgf1_digest = "SHA1"};
    struct rig rig;
    struct rig_key key;
    struct ks_secret out = {0};
    struct ks_err err;
    uint8_t in[256];
    size_t len = sizeof(in);
    EVP_PKEY_CTX *ctx;
    unsigned i;

    rig_open_faulty(&rig);
    if (make_careful(&rig, "RSA:2048", &key)) {
        fault_forget();
        for (i = 0; i < 5; i++)
            CHECK_OK(sign(&key, &err), &err);
        CHECK_INT(fault_calls("C_Login"), 5);
        ctx = EVP_PKEY_CTX_new(key.public, NULL);
        CHECK(EVP_PKEY_encrypt_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
              EVP_PKEY_encrypt(ctx, in, &len, digest, 16) > 0);
        EVP_PKEY_CTX_free(ctx);
        err = (struct ks_err){0};
        CHECK_OK(hsm_key_ops.decrypt(key.key, &oaep, in, len, &out, &err),
                 &err);
        CHECK_BYTES(out.data, out.len, digest, 16);
        CHECK_INT(fault_calls("C_Login"), 6);
        rig_key_clear(&key);
    }
    ks_secret_clear(&out);
    rig_close(&rig);
}

/* Nothing is left active in the session by the login that failed. */
static void login_that_fails_ends_the_operation(void)
{
    struct rig rig;
    struct rig_key careful, plain;
    struct ks_err err;

    rig_open_faulty(&rig);
    if (make_careful(&rig, "P-256", &careful) &&
        rig_key(&rig, "P-256", "plain", CKF_SIGN, &plain)) {
        fault_rules("fail C_Login CKR_PIN_LOCKED\n");
        CHECK_RC(sign(&careful, &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "CKR_PIN_LOCKED");
        CHECK_CONTAINS(err.text, "keystore://hsm/always");
        CHECK_OK(sign(&plain, &err), &err);
        fault_rules("");
        CHECK_OK(sign(&careful, &err), &err);
        rig_key_clear(&careful);
        rig_key_clear(&plain);
    }
    rig_close(&rig);
}

static void pin_that_is_refused_meanwhile_is_not_tried_again(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err;

    rig_open_faulty(&rig);
    if (make_careful(&rig, "P-256", &key)) {
        CHECK_OK(sign(&key, &err), &err);
        fault_rules("fail C_Login CKR_PIN_INCORRECT\n");
        fault_forget();
        CHECK_RC(sign(&key, &err), KS_E_SECRET_WRONG);
        CHECK_CONTAINS(err.text, "CKR_PIN_INCORRECT");
        CHECK_RC(sign(&key, &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "CKR_USER_NOT_LOGGED_IN");
        CHECK_INT(fault_calls("C_Login"), 1);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* ---- mechanisms that are missing ---- */

static void missing_mechanism_is_named(void)
{
    static const struct {
        const char *kind, *label, *rule, *name;
    } rows[] = {
        {"P-256", "ec", "mechanism 0x1041\n", "CKM_ECDSA"},
        {"RSA:2048", "rsa", "mechanism 0x1\n", "CKM_RSA_PKCS"},
    };
    struct rig rig;
    struct rig_key key;
    struct ks_err err;
    size_t i;

    rig_open_faulty(&rig);
    for (i = 0; i < 2; i++)
        if (rig_key(&rig, rows[i].kind, rows[i].label, CKF_SIGN, &key)) {
            fault_rules(rows[i].rule);
            CHECK_RC(sign(&key, &err), KS_E_UNSUPPORTED);
            CHECK_CONTAINS(err.text, rows[i].name);
            CHECK_CONTAINS(err.text, "token \"rig\"");
            CHECK_CONTAINS(err.text, "CKR_MECHANISM_INVALID");
            CHECK_CONTAINS(err.hint, "backend check");
            fault_rules("");
            CHECK_OK(sign(&key, &err), &err);
            rig_key_clear(&key);
        }
    rig_close(&rig);
}

static const struct ks_mech_params pss = {.mech = KS_MECH_RSA_PSS,
                                          .digest = "SHA2-256",
                                          .mgf1_digest = "SHA2-256",
                                          .salt_len = 32};

static void pss_without_the_mechanism_is_signed_raw(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err;
    int i;

    if (open_signing(&rig, "RSA:2048", &key)) {
        fault_rules("mechanism 0xd\n");
        fault_forget();
        for (i = 0; i < 3; i++)
            CHECK_OK(sign_as(&key, &pss, &err), &err);
        /* Asked for once; then it is known. */
        CHECK_INT(fault_calls("C_SignInit"), 4);
        fault_rules("mechanism 0xd\nmechanism 3\n");
        CHECK_RC(sign_as(&key, &pss, &err), KS_E_UNSUPPORTED);
        CHECK_CONTAINS(err.text, "CKM_RSA_PKCS_PSS");
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* A PSS failure that is not about the mechanism is no reason to go around. */
static void pss_that_fails_otherwise_is_an_error(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err;

    if (open_signing(&rig, "RSA:2048", &key)) {
        fault_rules("fail C_Sign CKR_DEVICE_ERROR\n");
        fault_forget();
        CHECK_RC(sign_as(&key, &pss, &err), KS_E_IO);
        CHECK_CONTAINS(err.text, "CKR_DEVICE_ERROR");
        CHECK_INT(fault_calls("C_SignInit"), 1);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* ---- what goes stale ---- */

static void session_that_is_closed_on_the_way_is_replaced(void)
{
    static const char *const rules[] = {
        "fail C_SignInit CKR_SESSION_HANDLE_INVALID 0 1\n",
        "fail C_SignInit CKR_SESSION_CLOSED 0 1\n",
        "fail C_Sign CKR_SESSION_HANDLE_INVALID 0 1\n",
        "fail C_Sign CKR_SESSION_CLOSED 0 1\n",
        "fail C_Sign CKR_DEVICE_REMOVED 0 1\n",
        "fail C_SignInit CKR_KEY_HANDLE_INVALID 0 1\n",
        "fail C_SignInit CKR_USER_NOT_LOGGED_IN 0 1\n",
    };
    struct rig rig;
    struct rig_key ec, rsa;
    struct ks_err err;
    size_t i;

    rig_open_faulty(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_SIGN, &ec) &&
        rig_key(&rig, "RSA:2048", "rsa", CKF_SIGN, &rsa))
        for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
            fault_rules(rules[i]);
            CHECK_OK(sign(&ec, &err), &err);
            CHECK_OK(sign(&rsa, &err), &err);
            fault_rules("");
            CHECK_OK(sign(&ec, &err), &err);
        }
    rig_key_clear(&ec);
    rig_key_clear(&rsa);
    rig_close(&rig);
}

static void what_stays_stale_is_an_error_and_ends(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err;

    if (open_signing(&rig, "P-256", &key)) {
        fault_rules("fail C_Sign CKR_SESSION_HANDLE_INVALID\n");
        CHECK(sign(&key, &err) != KS_OK);
        CHECK_CONTAINS(err.text, "CKR_SESSION_HANDLE_INVALID");
        fault_rules("fail C_SignInit CKR_KEY_HANDLE_INVALID\n");
        CHECK_RC(sign(&key, &err), KS_E_NOT_FOUND);
        fault_rules("");
        CHECK_OK(sign(&key, &err), &err);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

static void key_works_again_when_its_token_is_back(void)
{
    struct rig rig;
    struct rig_key key;
    struct ks_err err;

    if (open_signing(&rig, "P-256", &key)) {
        CHECK_OK(sign(&key, &err), &err);
        fault_rules("removed\n");
        CHECK_RC(sign(&key, &err), KS_E_NOT_FOUND);
        CHECK(err.text[0] != '\0');
        fault_rules("");
        CHECK_OK(sign(&key, &err), &err);
        rig_key_clear(&key);
    }
    rig_close(&rig);
}

/* A TLS premaster secret is made up for a bad message, not for a token that
 * is not there. */
static void tls_hides_padding_but_not_a_lost_token(void)
{
    const struct ks_mech_params tls = {.mech = KS_MECH_RSA_PKCS1_TLS,
                                       .tls_client_version = 0x0303};
    static const uint8_t block[256] = {0, 5};
    struct rig rig;
    struct rig_key key;
    struct ks_secret out = {0};
    struct ks_err err = {0};

    rig_open_faulty(&rig);
    if (rig_key(&rig, "RSA:2048", "rsa", CKF_DECRYPT, &key)) {
        fault_rules("fail C_Decrypt CKR_DATA_INVALID\n");
        CHECK_OK(hsm_key_ops.decrypt(key.key, &tls, block, 256, &out, &err),
                 &err);
        CHECK_INT(out.len, 48);
        ks_secret_clear(&out);
        fault_rules("fail C_Decrypt CKR_DEVICE_ERROR\n");
        CHECK_RC(hsm_key_ops.decrypt(key.key, &tls, block, 256, &out, &err),
                 KS_E_IO);
        err = (struct ks_err){0};
        /* The real C_Decrypt was never called: its operation is active. */
        fault_rules("");
        CHECK_OK(hsm_key_ops.decrypt(key.key, &tls, block, 256, &out, &err),
                 &err);
        ks_secret_clear(&out);
        fault_rules("fail C_Decrypt CKR_SESSION_HANDLE_INVALID 0 1\n");
        CHECK_OK(hsm_key_ops.decrypt(key.key, &tls, block, 256, &out, &err),
                 &err);
        CHECK_INT(out.len, 48);
        rig_key_clear(&key);
    }
    ks_secret_clear(&out);
    rig_close(&rig);
}

static void secret_object_does_not_outlive_its_derivation(void)
{
    const struct ks_mech_params ecdh = {.mech = KS_MECH_ECDH};
    struct rig rig;
    struct rig_key key;
    struct ks_secret out = {0};
    struct ks_err err = {0};
    unsigned char *point = NULL;
    size_t len;
    int i;

    rig_open_faulty(&rig);
    if (rig_key(&rig, "P-256", "ec", CKF_DERIVE, &key)) {
        len = EVP_PKEY_get1_encoded_public_key(key.public, &point);
        fault_forget();
        for (i = 0; i < 3; i++)
            CHECK_OK(hsm_key_ops.derive(key.key, &ecdh, point, len, &out, &err),
                     &err);
        CHECK_INT(fault_calls("C_DestroyObject"), 3);
        CHECK_INT(fault_calls("C_DeriveKey"), 3);
        /* A token that wants the point in an OCTET STRING. */
        fault_rules("fail C_DeriveKey CKR_MECHANISM_PARAM_INVALID 0 1\n");
        fault_forget();
        for (i = 0; i < 3; i++) {
            ks_secret_clear(&out);
            CHECK_OK(hsm_key_ops.derive(key.key, &ecdh, point, len, &out, &err),
                     &err);
        }
        CHECK_INT(fault_calls("C_DeriveKey"), 4);
        fault_rules("fail C_GetAttributeValue CKR_ATTRIBUTE_SENSITIVE\n");
        ks_secret_clear(&out);
        CHECK_RC(hsm_key_ops.derive(key.key, &ecdh, point, len, &out, &err),
                 KS_E_NOT_EXPORTABLE);
        rig_key_clear(&key);
    }
    ks_secret_clear(&out);
    OPENSSL_free(point);
    rig_close(&rig);
}

static const struct test_case cases[] = {
    TEST_CASE(login_is_repeated_for_every_operation),
    TEST_CASE(login_that_fails_ends_the_operation),
    TEST_CASE(pin_that_is_refused_meanwhile_is_not_tried_again),
    TEST_CASE(missing_mechanism_is_named),
    TEST_CASE(pss_without_the_mechanism_is_signed_raw),
    TEST_CASE(pss_that_fails_otherwise_is_an_error),
    TEST_CASE(session_that_is_closed_on_the_way_is_replaced),
    TEST_CASE(what_stays_stale_is_an_error_and_ends),
    TEST_CASE(key_works_again_when_its_token_is_back),
    TEST_CASE(tls_hides_padding_but_not_a_lost_token),
    TEST_CASE(secret_object_does_not_outlive_its_derivation),
};
TEST_MAIN("hsm.operation", cases)
