/*
 * Keys from outside, both halves or none.
 */
#include <string.h>

#include "fault.h"
#include "hold.h"
#include "keys.h"
#include "softhsm.h"
#include "test.h"

static void keys_of_every_kind_are_taken_and_sign(void)
{
    static const char *const kinds[] = {"RSA",   "RSA-PSS", "P-256", "P-384",
                                        "P-521", "ED25519", "ED448"};
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        ks_rc rc = hold_save(&hold, kinds[i], kinds[i], 0);

        if (!CHECK_OK(rc, &hold.err))
            continue;
        CHECK_OK(hold_sign(&hold, kinds[i]), &hold.err);
        CHECK_STR(hold_described(&hold, kinds[i], "sensitive", &rc), "yes");
        CHECK_STR(hold_described(&hold, kinds[i], "extractable", &rc), "no");
        CHECK_STR(hold_described(&hold, kinds[i], "local", &rc), "no");
        CHECK_STR(hold_described(&hold, kinds[i], "never-extractable", &rc),
                  "no");
        CHECK_STR(hold_described(&hold, kinds[i], "usage", &rc), "sign");
    }
    CHECK_INT(hold_objects("Private Key Object"), 7);
    CHECK_INT(hold_objects("Public Key Object"), 7);
    hold_close(&hold);
}

static void the_public_half_is_what_was_given(void)
{
    struct ks_buf spki = {0};
    struct ks_err err = {0};
    struct test_key key;
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    test_key_make("P-384", &key);
    CHECK_OK(ks_pkcs11_backend.import(hold.store, "k;id=00ff", &key.spki,
                                      &key.pkcs8, 0, &hold.ask, &err),
             &err);
    CHECK_RC(hold_info(&hold, "k;id=00ff", &spki), KS_OK);
    CHECK_BYTES(spki.data, spki.len, key.spki.data, key.spki.len);
    ks_buf_clear(&spki);
    test_key_clear(&key);
    hold_close(&hold);
}

static void what_is_no_key_is_refused_before_a_pin(void)
{
    struct test_key one, two;
    struct ks_buf empty = {0};
    struct ks_secret nothing = {0};
    struct ks_err err = {0};
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    test_key_make("P-256", &one);
    test_key_make("P-256", &two);
    CHECK_RC(ks_pkcs11_backend.import(hold.store, "k", &one.spki, &two.pkcs8, 0,
                                      &hold.ask, &err),
             KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keystore://hsm/k");
    err = (struct ks_err){{0}, {0}};
    CHECK_RC(ks_pkcs11_backend.import(hold.store, "k", &empty, &one.pkcs8, 0,
                                      &hold.ask, &err),
             KS_E_UNSUPPORTED);
    err = (struct ks_err){{0}, {0}};
    CHECK_RC(ks_pkcs11_backend.import(hold.store, "k", &one.spki, &nothing, 0,
                                      &hold.ask, &err),
             KS_E_UNSUPPORTED);
    one.pkcs8.data[one.pkcs8.len / 2] ^= 1;
    CHECK(ks_pkcs11_backend.import(hold.store, "k", &one.spki, &one.pkcs8, 0,
                                   &hold.ask, NULL) != KS_OK);
    CHECK_INT(hold.pins.given, 0);
    CHECK_STR(hold_names(&hold), "");
    test_key_clear(&one);
    test_key_clear(&two);
    hold_close(&hold);
}

static void a_failure_leaves_neither_half(void)
{
    static const struct {
        const char *rules, *text;
        ks_rc rc;
    } rows[] = {
        {"fail C_CreateObject CKR_DEVICE_MEMORY\n", "CKR_DEVICE_MEMORY",
         KS_E_FULL},
        /* The private half is there by then. */
        {"fail C_CreateObject CKR_DEVICE_MEMORY 1\n", "CKR_DEVICE_MEMORY",
         KS_E_FULL},
        {"fail C_CreateObject CKR_TEMPLATE_INCONSISTENT 1\n",
         "CKR_TEMPLATE_INCONSISTENT", KS_E_UNSUPPORTED},
        {"fail C_GetAttributeValue CKR_DEVICE_ERROR\n", "CKR_DEVICE_ERROR",
         KS_E_IO},
        /* CKA_MODULUS: the token says that it has another key. */
        {"attribute 0x120 c1c1c1\n", "changed the key", KS_E_UNSUPPORTED},
    };
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fault_rules(rows[i].rules);
        CHECK_RC(hold_save(&hold, "k", "RSA", 0), rows[i].rc);
        CHECK_CONTAINS(hold.err.text, rows[i].text);
        CHECK_CONTAINS(hold.err.text, "token \"hold\"");
        fault_rules("");
        CHECK_INT(hold_objects("Private Key Object"), 0);
        CHECK_INT(hold_objects("Public Key Object"), 0);
    }
    CHECK_OK(hold_save(&hold, "k", "RSA", 0), &hold.err);
    hold_close(&hold);
}

static void what_a_key_may_do_is_what_was_asked_for(void)
{
    static const struct {
        const char *kind;
        unsigned usage;
        const char *want; /* NULL: refused */
    } rows[] = {
        {"RSA", KS_USAGE_SIGN | KS_USAGE_DECRYPT, "sign,decrypt"},
        {"RSA", KS_USAGE_DECRYPT, "decrypt"},
        {"P-256", KS_USAGE_DERIVE, "derive"},
        {"P-256", KS_USAGE_DECRYPT, NULL},
        {"ED25519", KS_USAGE_SIGN | KS_USAGE_DERIVE, NULL},
        {"RSA", 64, NULL},
    };
    struct hold hold;
    ks_rc rc;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[] = "k0";

        name[1] = (char)('0' + i);
        if (rows[i].want == NULL) {
            CHECK_RC(hold_save(&hold, name, rows[i].kind, rows[i].usage),
                     KS_E_INVALID);
            CHECK_CONTAINS(hold.err.text, name);
            continue;
        }
        CHECK_OK(hold_save(&hold, name, rows[i].kind, rows[i].usage),
                 &hold.err);
        CHECK_STR(hold_described(&hold, name, "usage", &rc), rows[i].want);
    }
    CHECK_STR(hold_names(&hold), "k0 k1 k2");
    hold_close(&hold);
}

static void a_token_that_wants_other_templates_gets_them(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    fault_rules("fail C_CreateObject CKR_ATTRIBUTE_TYPE_INVALID 0 1\n");
    CHECK_OK(hold_save(&hold, "a", "RSA", 0), &hold.err);
    /* The public half of an Edwards key, tried with a bare point. */
    fault_rules("fail C_CreateObject CKR_ATTRIBUTE_VALUE_INVALID 1 1\n");
    CHECK_OK(hold_save(&hold, "b", "ED25519", 0), &hold.err);
    fault_rules("");
    CHECK_OK(hold_sign(&hold, "a"), &hold.err);
    CHECK_OK(hold_sign(&hold, "b"), &hold.err);
    hold_close(&hold);
}

static const struct test_case cases[] = {
    TEST_CASE(keys_of_every_kind_are_taken_and_sign),
    TEST_CASE(the_public_half_is_what_was_given),
    TEST_CASE(what_is_no_key_is_refused_before_a_pin),
    TEST_CASE(a_failure_leaves_neither_half),
    TEST_CASE(what_a_key_may_do_is_what_was_asked_for),
    TEST_CASE(a_token_that_wants_other_templates_gets_them),
};
TEST_MAIN("hsm.import", cases)
