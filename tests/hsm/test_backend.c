/*
 * The pkcs11 backend as its callers use it: names, listings, certificates,
 * removal, and tokens that other programs have filled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fault.h"
#include "hold.h"
#include "keys.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

static void keys_of_every_kind_are_made_and_sign(void)
{
    static const char *const kinds[] = {
        "RSA:2048",           "RSA-PSS:2048", "EC:P-256",          "EC:P-384",
        "EC:P-521",           "EC:secp256k1", "ED25519",           "ED448",
        "EC:brainpoolP256r1", "EC:secp256r1", "EC:brainpoolP384r1"};
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!hold_made(&hold, kinds[i], kinds[i]))
            continue;
        CHECK_RC(hold_info(&hold, kinds[i], NULL), KS_OK);
        CHECK_OK(hold_sign(&hold, kinds[i]), &hold.err);
    }
    CHECK_INT(hold.pins.given, 1);
    CHECK_INT(hold_objects("Private Key Object"), 11);
    CHECK_INT(hold_objects("Public Key Object"), 11);
    hold_close(&hold);
}

/* libp11 0.4.12 sees no key at all on such a token. */
static void an_edwards_key_hides_no_other(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    CHECK(hold_made(&hold, "ed", "ED25519"));
    CHECK(hold_made(&hold, "rsa", "RSA:2048"));
    CHECK(hold_made(&hold, "ec", "EC:P-256"));
    hold_close(&hold);
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "ec ed rsa");
    CHECK_INT(hold.pins.given, 0);
    CHECK_OK(hold_sign(&hold, "rsa"), &hold.err);
    CHECK_OK(hold_sign(&hold, "ed"), &hold.err);
    CHECK_OK(hold_sign(&hold, "ec"), &hold.err);
    hold_close(&hold);
}

/* Objects of other programs. TYPE is pkcs11-tool's. */
static void foreign(const char *label, const char *id, const char *type)
{
    test_pkcs11_tool("--token-label", "hold", "--login", "--pin", TEST_USER_PIN,
                     "--keypairgen", "--key-type", type, "--label", label,
                     "--id", id, NULL);
}

static void delete (const char *type, const char *id)
{
    test_pkcs11_tool("--token-label", "hold", "--login", "--pin", TEST_USER_PIN,
                     "--delete-object", "--type", type, "--id", id, NULL);
}

static void keys_of_other_programs_are_found(void)
{
    struct hold hold;

    test_softhsm_setup();
    test_softhsm_token("hold");
    foreign("other", "4142", "EC:secp256r1");
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "other");
    CHECK_OK(hold_sign(&hold, "other"), &hold.err);
    CHECK_OK(hold_sign(&hold, "other;id=4142"), &hold.err);
    CHECK_OK(hold_sign(&hold, ";id=4142"), &hold.err);
    CHECK_RC(hold_sign(&hold, "other;id=4143"), KS_E_NOT_FOUND);
    CHECK_RC(hold_sign(&hold, "Other"), KS_E_NOT_FOUND);
    CHECK_RC(hold_sign(&hold, "other;id="), KS_E_INVALID);
    hold_close(&hold);
}

static void two_keys_of_one_label_are_told_apart_by_id(void)
{
    struct ks_buf one = {0}, two = {0};
    struct hold hold;

    test_softhsm_setup();
    test_softhsm_token("hold");
    foreign("same", "01", "EC:secp256r1");
    foreign("same", "02", "EC:secp256r1");
    foreign("lone", "03", "EC:secp256r1");
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "lone same;id=01 same;id=02");
    CHECK_RC(hold_info(&hold, "same", NULL), KS_E_INVALID);
    CHECK_CONTAINS(hold.err.text, "keystore://hsm/same");
    CHECK_CONTAINS(hold.err.text, "2 keys");
    CHECK_CONTAINS(hold.err.text, "token \"hold\"");
    CHECK_CONTAINS(hold.err.hint, "same;id=01");
    CHECK_CONTAINS(hold.err.hint, "same;id=02");
    CHECK_RC(hold_sign(&hold, "same"), KS_E_INVALID);
    CHECK_CONTAINS(hold.err.hint, "same;id=01");
    CHECK_RC(hold_remove(&hold, "same"), KS_E_INVALID);
    CHECK_OK(hold_sign(&hold, "same;id=01"), &hold.err);
    CHECK_RC(hold_info(&hold, "same;id=01", &one), KS_OK);
    CHECK_RC(hold_info(&hold, "same;id=02", &two), KS_OK);
    CHECK(one.len != two.len || memcmp(one.data, two.data, one.len) != 0);
    CHECK_OK(hold_remove(&hold, "same;id=01"), &hold.err);
    CHECK_STR(hold_names(&hold), "lone same");
    CHECK_OK(hold_sign(&hold, "same"), &hold.err);
    ks_buf_clear(&one);
    ks_buf_clear(&two);
    hold_close(&hold);
}

static void twins_of_one_label_and_id_are_refused(void)
{
    struct hold hold;

    test_softhsm_setup();
    test_softhsm_token("hold");
    foreign("twin", "01", "EC:secp256r1");
    foreign("twin", "01", "EC:secp256r1");
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "twin");
    CHECK_RC(hold_info(&hold, "twin", NULL), KS_E_INVALID);
    CHECK_CONTAINS(hold.err.text, "2 keys");
    CHECK_RC(hold_sign(&hold, "twin;id=01"), KS_E_INVALID);
    CHECK_RC(hold_remove(&hold, "twin"), KS_E_INVALID);
    CHECK_INT(hold_objects("Private Key Object"), 2);
    hold_close(&hold);
}

static void a_key_without_a_public_object_is_hidden_until_a_login(void)
{
    struct hold hold;

    test_softhsm_setup();
    test_softhsm_token("hold");
    foreign("hidden", "07", "rsa:2048");
    delete ("pubkey", "07");
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "");
    CHECK_RC(hold_info(&hold, "hidden", NULL), KS_E_NOT_FOUND);
    CHECK_OK(hold_sign(&hold, "hidden"), &hold.err);
    /* Now the private half shows itself. */
    CHECK_STR(hold_names(&hold), "hidden");
    CHECK_RC(hold_info(&hold, "hidden", NULL), KS_OK);
    CHECK_RC(hold_make(&hold, "hidden", "ED25519", 0), KS_E_EXISTS);
    CHECK_OK(hold_remove(&hold, "hidden"), &hold.err);
    CHECK_STR(hold_names(&hold), "");
    hold_close(&hold);
}

static void a_public_key_alone_has_no_private_half(void)
{
    struct hold hold;

    test_softhsm_setup();
    test_softhsm_token("hold");
    foreign("half", "07", "EC:secp384r1");
    delete ("privkey", "07");
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "half");
    CHECK_RC(hold_info(&hold, "half", NULL), KS_OK);
    CHECK_RC(hold_sign(&hold, "half"), KS_E_NOT_FOUND);
    CHECK_CONTAINS(hold.err.text, "private");
    CHECK_OK(hold_remove(&hold, "half"), &hold.err);
    CHECK_STR(hold_names(&hold), "");
    hold_close(&hold);
}

/* --- certificates --------------------------------------------------------- */

/* Writes a certificate of a new P-256 key, valid from DAYS on, and the key. */
static void write_cert(EVP_PKEY *key, int days, const char *file)
{
    X509 *cert = X509_new();
    uint8_t *der = NULL;
    int len;

    CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), 100 + days) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), 86400L * days) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * (days + 9)) !=
          NULL);
    CHECK(X509_set_pubkey(cert, key) == 1);
    CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    len = i2d_X509(cert, &der);
    test_write(file, der, (size_t)len, 0600);
    OPENSSL_free(der);
    X509_free(cert);
}

static void put_cert(const char *file, const char *label, const char *id)
{
    test_pkcs11_tool("--token-label", "hold", "--login", "--pin", TEST_USER_PIN,
                     "--write-object", test_path(file), "--type", "cert",
                     "--label", label, "--id", id, NULL);
}

static ks_rc serial_of(struct hold *hold, const char *name, long *serial)
{
    struct ks_buf cert = {0};
    ks_rc rc;

    hold->err = (struct ks_err){{0}, {0}};
    *serial = 0;
    rc = ks_pkcs11_backend.certificate(hold->store, name, &cert, &hold->err);
    if (rc == KS_OK) {
        const uint8_t *at = cert.data;
        X509 *x509 = d2i_X509(NULL, &at, (long)cert.len);

        *serial = ASN1_INTEGER_get(X509_get0_serialNumber(x509));
        X509_free(x509);
    }
    ks_buf_clear(&cert);
    return rc;
}

/* A token with the key "k", id 0a; what was made for it, to be freed. */
static EVP_PKEY *open_with_key(struct hold *hold, struct test_key *key)
{
    const uint8_t *at;

    test_softhsm_setup();
    hold_open(hold, NULL);
    test_key_make("P-256", key);
    CHECK_RC(ks_pkcs11_backend.import(hold->store, "k;id=0a", &key->spki,
                                      &key->pkcs8, 0, &hold->ask, NULL),
             KS_OK);
    at = key->pkcs8.data;
    return d2i_AutoPrivateKey(NULL, &at, (long)key->pkcs8.len);
}

static void the_newest_certificate_of_the_key_is_given(void)
{
    EVP_PKEY *pkey, *other = EVP_EC_gen("P-256");
    struct test_key key;
    struct hold hold;
    long serial;

    pkey = open_with_key(&hold, &key);
    CHECK_RC(serial_of(&hold, "k", &serial), KS_E_NOT_FOUND);
    write_cert(pkey, 1, "c1");
    write_cert(pkey, 5, "c5");
    write_cert(pkey, 3, "c3");
    write_cert(other, 9, "c9");
    put_cert("c1", "elsewhere", "0b"); /* found by its key */
    CHECK_OK(serial_of(&hold, "k", &serial), &hold.err);
    CHECK_INT(serial, 101);
    put_cert("c5", "k", "0a");
    put_cert("c3", "renamed", "0a");
    put_cert("c9", "k", "0a"); /* of another key */
    CHECK_OK(serial_of(&hold, "k", &serial), &hold.err);
    CHECK_INT(serial, 105);
    CHECK_STR(hold_names(&hold), "elsewhere k");
    /* All that has its id goes with the key. */
    CHECK_OK(hold_remove(&hold, "k"), &hold.err);
    CHECK_STR(hold_names(&hold), "elsewhere");
    CHECK_INT(hold_objects("Certificate Object"), 1);
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(other);
    test_key_clear(&key);
    hold_close(&hold);
}

static void a_certificate_shows_the_key_whose_public_object_is_missing(void)
{
    struct ks_buf spki = {0};
    EVP_PKEY *pkey;
    struct test_key key;
    struct hold hold;
    long serial;

    pkey = open_with_key(&hold, &key);
    hold_close(&hold);
    delete ("pubkey", "0a");
    write_cert(pkey, 1, "c1");
    put_cert("c1", "k", "0a");
    hold_open_again(&hold, NULL);
    CHECK_STR(hold_names(&hold), "k");
    CHECK_RC(hold_info(&hold, "k", &spki), KS_OK);
    CHECK_BYTES(spki.data, spki.len, key.spki.data, key.spki.len);
    CHECK_OK(serial_of(&hold, "k", &serial), &hold.err);
    CHECK_INT(hold.pins.given, 0);
    CHECK_OK(hold_sign(&hold, "k"), &hold.err);
    ks_buf_clear(&spki);
    EVP_PKEY_free(pkey);
    test_key_clear(&key);
    hold_close(&hold);
}

/* --- what it costs -------------------------------------------------------- */

static void a_key_is_found_with_one_search(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    CHECK(hold_made(&hold, "k", "EC:P-256"));
    fault_forget();
    CHECK_RC(hold_info(&hold, "k", NULL), KS_OK);
    CHECK_INT(fault_calls("C_FindObjectsInit"), 1);
    CHECK(fault_calls("C_GetAttributeValue") <= 5);
    fault_forget();
    CHECK_OK(hold_sign(&hold, "k"), &hold.err);
    CHECK_INT(fault_calls("C_FindObjectsInit"), 1);
    fault_forget();
    CHECK_STR(hold_names(&hold), "k");
    CHECK_INT(fault_calls("C_FindObjectsInit"), 1);
    CHECK_INT(fault_calls("C_GetAttributeValue"), 2);
    hold_close(&hold);
}

static void damage_on_the_token_is_told(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    CHECK(hold_made(&hold, "k", "EC:P-256"));
    fault_rules("attribute 0x181 0401ff\nattribute 0x129 3000\n");
    CHECK_RC(hold_info(&hold, "k", NULL), KS_E_DAMAGED);
    CHECK_CONTAINS(hold.err.text, "keystore://hsm/k");
    CHECK_CONTAINS(hold.err.text, "token \"hold\"");
    fault_rules("attribute 0x180 06032a0304\nattribute 0x129 none\n");
    CHECK_RC(hold_info(&hold, "k", NULL), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(hold.err.text, "CKR_CURVE_NOT_SUPPORTED");
    fault_rules("attribute 0x3 00ff00\nattribute 0x102 2a\n");
    CHECK_STR(hold_names(&hold), ";id=2a"); /* a label that is no text */
    fault_rules("attribute 0x100 99\n");    /* of a wrong length */
    CHECK(hold_info(&hold, "k", NULL) != KS_OK);
    hold_close(&hold);
}

static void settings_that_cannot_be_are_refused(void)
{
    struct hold_env room;
    struct ks_backend_env env;
    struct ks_err err = {0};
    void *store = NULL;

    test_softhsm_setup();
    env = *hold_env(&room, NULL, NULL);
    room.settings[env.n_settings++] =
        (struct ks_setting){"user_pin", "pass:1234"};
    CHECK_RC(ks_pkcs11_backend.open(&env, &store, &err), KS_OK);
    ks_pkcs11_backend.close(store);
    store = NULL;
    room.settings[env.n_settings++] =
        (struct ks_setting){"so_pin", "pass:1234"};
    CHECK_RC(ks_pkcs11_backend.open(&env, &store, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "[backend hsm]");
    CHECK_CONTAINS(err.hint, "set either user_pin or so_pin");
    err = (struct ks_err){{0}, {0}};
    env.n_settings = 1;
    CHECK_RC(ks_pkcs11_backend.open(&env, &store, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "module");
    CHECK(store == NULL);
    ks_pkcs11_backend.close(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(keys_of_every_kind_are_made_and_sign),
    TEST_CASE(an_edwards_key_hides_no_other),
    TEST_CASE(keys_of_other_programs_are_found),
    TEST_CASE(two_keys_of_one_label_are_told_apart_by_id),
    TEST_CASE(twins_of_one_label_and_id_are_refused),
    TEST_CASE(a_key_without_a_public_object_is_hidden_until_a_login),
    TEST_CASE(a_public_key_alone_has_no_private_half),
    TEST_CASE(the_newest_certificate_of_the_key_is_given),
    TEST_CASE(a_certificate_shows_the_key_whose_public_object_is_missing),
    TEST_CASE(a_key_is_found_with_one_search),
    TEST_CASE(damage_on_the_token_is_told),
    TEST_CASE(settings_that_cannot_be_are_refused),
};
TEST_MAIN("hsm.backend", cases)
