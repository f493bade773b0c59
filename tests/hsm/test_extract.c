/*
 * Private keys out of a token: those that may leave, whole, and no others.
 */
#include "extract.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fault.h"
#include "rig.h"
#include "softhsm.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* The private half may be read. */
static bool make_open(struct rig *rig, const char *kind, const char *label)
{
    const CK_ATTRIBUTE extra[] = {{CKA_EXTRACTABLE, &yes, sizeof(yes)},
                                  {CKA_SENSITIVE, &no, sizeof(no)}};
    const bool agrees = kind[0] == 'X';

    return rig_make(rig, kind, label, agrees ? CKF_DERIVE : CKF_SIGN, extra, 2);
}

static ks_rc extract(struct rig *rig, const char *label,
                     struct ks_secret *pkcs8, struct ks_err *err)
{
    struct hsm_store store = {.propq = (char *)(uintptr_t) "provider=default"};
    struct hsm_target target = {.store = &store,
                                .name = label,
                                .whose =
                                    (char *)(uintptr_t) "keystore://hsm/key",
                                .hit = {.token = rig->token},
                                .key = {.label = (char *)(uintptr_t)label}};

    *err = (struct ks_err){0};
    return hsm_extract(&target, pkcs8, err);
}

static EVP_PKEY *decode(const struct ks_secret *pkcs8)
{
    const unsigned char *at = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len);
    EVP_PKEY *key = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

    CHECK(at == pkcs8->data + pkcs8->len);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static void keys_that_may_leave_come_out_whole(void)
{
    static const char *const kinds[] = {"RSA:2048", "RSA:3072", "P-256",
                                        "P-384",    "P-521",    "ED25519",
                                        "ED448",    "X25519",   "X448"};
    struct rig rig;

    rig_open(&rig);
    for (size_t i = 0; i < N_OF(kinds); i++) {
        struct ks_secret pkcs8 = {0};
        struct ks_err err;
        struct rig_key on_token;
        EVP_PKEY *key;

        if (!make_open(&rig, kinds[i], "key")) {
            CHECK(kinds[i][0] == 'X'); /* not of every SoftHSM */
            continue;
        }
        CHECK_OK(extract(&rig, "key", &pkcs8, &err), &err);
        key = decode(&pkcs8);
        if (CHECK(key != NULL) && rig_open_key(&rig, "key", &on_token)) {
            EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

            CHECK(EVP_PKEY_eq(key, on_token.public) == 1);
            CHECK(EVP_PKEY_is_a(key, "ED448") || kinds[i][0] == 'X' ||
                  EVP_PKEY_pairwise_check(ctx) == 1);
            EVP_PKEY_CTX_free(ctx);
            rig_key_clear(&on_token);
        }
        EVP_PKEY_free(key);
        ks_secret_clear(&pkcs8);
        rig_remove(&rig, "key");
    }
    rig_close(&rig);
}

static void keys_that_may_not_leave_are_refused_with_the_reason(void)
{
    const CK_ATTRIBUTE extra[] = {{CKA_EXTRACTABLE, &no, sizeof(no)},
                                  {CKA_SENSITIVE, &no, sizeof(no)},
                                  {CKA_EXTRACTABLE, &yes, sizeof(yes)}};
    struct ks_secret pkcs8 = {0};
    struct ks_err err;
    struct rig rig;

    rig_open(&rig);
    REQUIRE(rig_make(&rig, "P-256", "none", CKF_SIGN, NULL, 0));
    REQUIRE(rig_make(&rig, "P-256", "fixed", CKF_SIGN, extra, 2));
    REQUIRE(rig_make(&rig, "P-256", "wrapped", CKF_SIGN, extra + 2, 1));
    CHECK_RC(extract(&rig, "none", &pkcs8, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "token \"rig\"");
    CHECK_RC(extract(&rig, "fixed", &pkcs8, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "CKA_EXTRACTABLE");
    CHECK_RC(extract(&rig, "wrapped", &pkcs8, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "CKA_SENSITIVE");
    CHECK(err.hint[0] != '\0');
    CHECK_RC(extract(&rig, "nothing", &pkcs8, &err), KS_E_NOT_FOUND);
    CHECK(pkcs8.data == NULL);
    rig_close(&rig);
}

static void a_public_half_alone_is_no_private_key(void)
{
    struct ks_secret pkcs8 = {0};
    struct ks_err err;
    struct rig rig;

    rig_open(&rig);
    REQUIRE(make_open(&rig, "P-256", "key"));
    rig_remove_class(&rig, "key", CKO_PRIVATE_KEY);
    CHECK_RC(extract(&rig, "key", &pkcs8, &err), KS_E_NOT_FOUND);
    CHECK(pkcs8.data == NULL);
    rig_close(&rig);
}

/* What the token tells is held against itself. */
static void a_token_that_lies_gives_no_key(void)
{
    static const char *const lies[] = {
        /* a private number of 1 */
        "attribute 0x11 0001 3",
        "attribute 0x11 00 3",
        "attribute 0x11 none 3",
        "size 0x11 4000",
        /* silence about what may be */
        "attribute 0x103 none 3",
        "attribute 0x162 none 3",
        "attribute 0x103 0000 3",
        "fail C_GetAttributeValue CKR_DEVICE_ERROR",
        "fail C_FindObjectsInit CKR_GENERAL_ERROR",
    };
    struct ks_secret pkcs8 = {0};
    struct ks_err err;
    struct rig rig;

    rig_open_faulty(&rig);
    REQUIRE(make_open(&rig, "P-256", "key"));
    for (size_t i = 0; i < N_OF(lies); i++) {
        fault_rules(lies[i]);
        if (!CHECK(extract(&rig, "key", &pkcs8, &err) != KS_OK))
            printf("%s\n", lies[i]);
        CHECK(err.text[0] != '\0');
        CHECK(pkcs8.data == NULL);
    }
    fault_rules("");
    CHECK_OK(extract(&rig, "key", &pkcs8, &err), &err);
    ks_secret_clear(&pkcs8);
    rig_close(&rig);
}

static const struct test_case cases[] = {
    TEST_CASE(a_public_half_alone_is_no_private_key),
    TEST_CASE(a_token_that_lies_gives_no_key),
    TEST_CASE(keys_that_may_leave_come_out_whole),
    TEST_CASE(keys_that_may_not_leave_are_refused_with_the_reason),
};
TEST_MAIN("hsm.extract", cases)
