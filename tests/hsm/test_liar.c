/*
 * Modules that tell nonsense: sizes and numbers that cannot be, names that are
 * no text. Nothing is read past its end, and nothing goes on for ever.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fault.h"
#include "hold.h"
#include "softhsm.h"
#include "test.h"

/* CK_UNAVAILABLE_INFORMATION; one that is 8 times as many bytes in 64 bits as
 * one; more than there are. */
#define NONE " 0xffffffffffffffff"
#define WRAPS " 0x2000000000000001"

static ks_rc ignore_name(void *arg, const char *name, struct ks_err *err)
{
    (void)err;
    CHECK(name[0] != '\0');
    ++*(unsigned *)arg;
    return KS_OK;
}

static ks_rc ignore_fact(void *arg, const char *name, const char *value,
                         struct ks_err *err)
{
    (void)arg;
    (void)err;
    CHECK(name[0] != '\0' && value != NULL);
    return KS_OK;
}

static ks_rc list(struct hold *hold, unsigned *n)
{
    *n = 0;
    hold->err = (struct ks_err){{0}, {0}};
    return ks_pkcs11_backend.list(hold->store, ignore_name, n, &hold->err);
}

/* All that reads; whatever comes of it is told. */
static void use(struct hold *hold, const char *name)
{
    struct ks_buf spki = {0};
    struct ks_err err = {{0}, {0}};
    unsigned n;
    ks_rc rc = list(hold, &n);

    CHECK(rc == KS_OK || hold->err.text[0] != '\0');
    rc = hold_info(hold, name, &spki);
    CHECK(rc == KS_OK || rc == KS_E_NOT_FOUND || hold->err.text[0] != '\0');
    ks_buf_clear(&spki);
    rc = hold_sign(hold, name);
    CHECK(rc == KS_OK || rc == KS_E_NOT_FOUND || hold->err.text[0] != '\0');
    rc = ks_pkcs11_backend.describe(hold->store, name, &hold->ask, ignore_fact,
                                    NULL, &err);
    CHECK(rc == KS_OK || rc == KS_E_NOT_FOUND || err.text[0] != '\0');
}

static void attributes_of_any_size_are_outlived(void)
{
    static const char *const rules[] = {
        ("size 0 " NONE),            /* CKA_CLASS */
        "size 3 0xffffffff",         /* CKA_LABEL */
        "size 0x102 0x100000",       /* CKA_ID */
        ("size 0x102 " NONE),        /* CKA_ID */
        "size 0x100 1",              /* CKA_KEY_TYPE */
        "size 0x120 0x100000000",    /* CKA_MODULUS */
        "size 0x180 0x100000000",    /* CKA_EC_PARAMS */
        ("size 0x181 " NONE),        /* CKA_EC_POINT */
        "size 0x129 0x7fffffff",     /* CKA_PUBLIC_KEY_INFO */
        "size 0x40000600 0xfffffff", /* CKA_ALLOWED_MECHANISMS */
        "attribute 3 ff1b5b324a",    /* CKA_LABEL: no UTF-8, and control */
        "attribute 0x181 04",
        "attribute 0x180 300a",
        "attribute 0x181 none",
        "attribute 0x102 none",
    };
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    REQUIRE(hold_made(&hold, "ec", "EC:P-256"));
    REQUIRE(hold_made(&hold, "rsa", "RSA:2048"));
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        fault_rules(rules[i]);
        use(&hold, "ec");
        use(&hold, "rsa");
    }
    fault_rules("");
    CHECK_OK(hold_sign(&hold, "ec"), &hold.err);
    CHECK_OK(hold_sign(&hold, "rsa"), &hold.err);
    hold_close(&hold);
}

static void signatures_of_any_size_are_errors(void)
{
    static const char *const rules[] = {
        ("count C_Sign " NONE), "count C_Sign 0x10000", "count C_Sign 2049",
        "count C_Sign 0", "count C_Sign 63"};
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    REQUIRE(hold_made(&hold, "ec", "EC:P-256"));
    REQUIRE(hold_made(&hold, "ed", "ED25519"));
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        fault_rules(rules[i]);
        CHECK(hold_sign(&hold, "ec") != KS_OK);
        CHECK(hold_sign(&hold, "ed") != KS_OK);
    }
    hold_close(&hold);
}

static void messages_of_any_size_are_errors(void)
{
    static const char *const rules[] = {("count C_Decrypt " NONE),
                                        "count C_Decrypt 2048",
                                        "count C_Decrypt 257"};
    const struct ks_mech_params pkcs1 = {.mech = KS_MECH_RSA_PKCS1_DECRYPT};
    const struct ks_mech_params raw = {.mech = KS_MECH_RSA_RAW};
    const struct ks_key_ops *ops = NULL;
    uint8_t in[256] = {0}, sealed[256];
    size_t len = sizeof(sealed);
    struct ks_buf spki = {0};
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *public;
    const uint8_t *at;
    struct hold hold;
    void *key = NULL;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    REQUIRE(hold_make(&hold, "rsa", "RSA:2048", KS_USAGE_DECRYPT) == KS_OK);
    REQUIRE(ks_pkcs11_backend.open_key(hold.store, "rsa", &hold.ask, &ops, &key,
                                       &spki, &hold.err) == KS_OK);
    at = spki.data;
    public = d2i_PUBKEY(NULL, &at, (long)spki.len);
    ctx = EVP_PKEY_CTX_new(public, NULL);
    CHECK(EVP_PKEY_encrypt_init(ctx) > 0 &&
          EVP_PKEY_encrypt(ctx, sealed, &len, in, 16) > 0);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct ks_secret out = {0};

        fault_rules(rules[i]);
        CHECK(ops->decrypt(key, &pkcs1, sealed, len, &out, NULL) != KS_OK);
        CHECK(ops->decrypt(key, &raw, sealed, len, &out, NULL) != KS_OK);
        CHECK(out.data == NULL);
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(public);
    ks_buf_clear(&spki);
    ops->free(key);
    hold_close(&hold);
}

static void a_search_ends(void)
{
    struct hold hold;
    unsigned n;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    CHECK_OK(list(&hold, &n), &hold.err);
    fault_rules("count C_FindObjects 65");
    CHECK(list(&hold, &n) != KS_OK);
    fault_rules(("count C_FindObjects " NONE));
    CHECK(list(&hold, &n) != KS_OK);
    CHECK_CONTAINS(hold.err.text, "token \"hold\"");
    hold_close(&hold);
}

static ks_rc ignore_slot(void *arg, const struct hsm_slot *slot,
                         struct ks_err *err)
{
    (void)arg;
    (void)slot;
    (void)err;
    return KS_OK;
}

static void lists_of_any_length_are_errors(void)
{
    static const char *const numbers[] = {NONE, WRAPS, "5000"};
    CK_MECHANISM_TYPE *mechanisms = NULL;
    struct hsm_token *token;
    size_t n = 0;

    test_softhsm_setup();
    test_softhsm_token("lists");
    token = open_token(fault_module(), "lists");
    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct ks_err err = {{0}, {0}};
        char rules[160];

        (void)snprintf(rules, sizeof(rules),
                       "count C_GetSlotList %s\ncount C_GetMechanismList %s",
                       numbers[i], numbers[i]);
        fault_rules(rules);
        CHECK(hsm_slots(hsm_token_module(token), ignore_slot, NULL, &err) !=
              KS_OK);
        CHECK(hsm_token_mechanisms(token, &mechanisms, &n) != CKR_OK);
        CHECK(mechanisms == NULL);
    }
    hsm_token_put(token);
}

static void names_are_shown_as_text(void)
{
    static const struct {
        const char *field, *text;
    } rows[] = {{"caf\xc3\xa9 ", "caf\xc3\xa9"},
                {"a\xff"
                 "b",
                 "a?b"},
                {"\x1b[2J", "?[2J"},
                {"half \xc3", "half ?"},
                {"\xed\xa0\x80", "???"},
                {"\xc2\x9b", "??"},
                {"   ", ""}};
    char out[33];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hsm_field_text(out, (const CK_UTF8CHAR *)rows[i].field,
                       strlen(rows[i].field));
        CHECK_STR(out, rows[i].text);
    }
    hsm_field_text(out, (const CK_UTF8CHAR *)"a\0b\0", 4);
    CHECK_STR(out, "a?b");
}

static const struct test_case cases[] = {
    TEST_CASE(attributes_of_any_size_are_outlived),
    TEST_CASE(signatures_of_any_size_are_errors),
    TEST_CASE(messages_of_any_size_are_errors),
    TEST_CASE(a_search_ends),
    TEST_CASE(lists_of_any_length_are_errors),
    TEST_CASE(names_are_shown_as_text),
};
TEST_MAIN("hsm.liar", cases)
