/* cli/ca/key_uri.c */
#include "key.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "fixture.h"
#include "ks_uri.h"

static void names_are_without_pins(void)
{
    static const char *const rows[][2] = {
        {"keystore:///a%20b?pin-value=SESAME", "keystore://default/a%20b"},
        {"keystore://hsm/x?pin-source=file:p&so-pin-source=env:S",
         "keystore://hsm/x"},
        {"keystore://hsm/x;id=0A", "keystore://hsm/x%3Bid=0A"},
        {"keystore://hsm/x?type=private", "keystore://hsm/x"},
        {"pkcs11:token=t;object=o", "pkcs11:token=t;object=o"},
        {"pkcs11:object=o?pin-value=SESAME", "pkcs11:object=o"},
        {"pkcs11:object=o?module-path=/m.so&pin-value=SESAME",
         "pkcs11:object=o?module-path=/m.so"},
        {"pkcs11:object=o?pin-source=env:P&module-path=/m.so&so-pin-source=",
         "pkcs11:object=o?module-path=/m.so"},
        {"pkcs11:type=private;object=o", "pkcs11:object=o"},
        {"pkcs11:object=o;type=private", "pkcs11:object=o"},
        {"pkcs11:token=t;type=cert;object=o?pin-source=env:P",
         "pkcs11:token=t;object=o"},
        {"pkcs11:type=public", "pkcs11:"},
        {"PKCS11:object=o?", "PKCS11:object=o"},
        {"file:key.pem", "file:key.pem"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_err err = {0};
        char *uri = NULL;

        CHECK_OK(ca_key_uri(rows[i][0], &uri, &err), &err);
        CHECK_STR(uri, rows[i][1]);
        OPENSSL_free(uri);
    }
}

static void what_is_kept_has_sources_and_no_secrets(void)
{
    static const char *const kept[][2] = {
        {"keystore://hsm/x?pin-source=env:P",
         "keystore://hsm/x?pin-source=env:P"},
        {"keystore://hsm/x?so-pin-source=file:/s&pin-source=",
         "keystore://hsm/x?pin-source=&so-pin-source=file:/s"},
        {"pkcs11:object=o?module-path=/m.so&pin-source=file:/p",
         "pkcs11:object=o?module-path=/m.so&pin-source=file:/p"},
        {"pkcs11:object=o?pin-source=prompt",
         "pkcs11:object=o?pin-source=prompt"},
        {"pkcs11:type=private;object=o?pin-source=cred:p",
         "pkcs11:object=o?pin-source=cred:p"},
        {"keystore://default/x", "keystore://default/x"},
    };
    static const char *const refused[] = {
        "keystore://hsm/x?pin-value=SESAME",
        "keystore://hsm/x?pin-source=pass:SESAME",
        "keystore://hsm/x?pin-source=stdin",
        "keystore://hsm/x?so-pin-source=fd:3",
        "pkcs11:object=o?pin-value=SESAME",
        "pkcs11:object=o?module-path=/m.so&pin-value=SESAME",
        "pkcs11:object=o?pin-source=pass:SESAME",
        "pkcs11:object=o?pin-source=pass%3ASESAME",
        "pkcs11:object=o?pin-value=SESAME&pin-source=env:P",
        "pkcs11:object=o?pin-source=%zz",
        "pkcs12:x?pin-value=SESAME",
    };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct ks_err err = {0};
        char *uri = NULL;

        CHECK_OK(ca_key_uri_kept(kept[i][0], &uri, &err), &err);
        CHECK_STR(uri, kept[i][1]);
        OPENSSL_free(uri);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct ks_err err = {0};
        char *uri = NULL;

        CHECK_RC(ca_key_uri_kept(refused[i], &uri, &err), KS_E_INVALID);
        CHECK(uri == NULL);
        CHECK(strstr(err.text, "SESAME") == NULL);
        CHECK(strstr(err.hint, "SESAME") == NULL);
    }
}

static void a_relative_source_is_kept_as_an_absolute_one(void)
{
    struct ks_err err = {0};
    char here[KS_URI_MAX / 2] = "";
    char want[KS_URI_MAX];
    char *uri = NULL;

    REQUIRE(getcwd(here, sizeof(here)) != NULL);
    CHECK_OK(
        ca_key_uri_kept("keystore://hsm/x?pin-source=file:a/b", &uri, &err),
        &err);
    (void)snprintf(want, sizeof(want),
                   "keystore://hsm/x?pin-source=file:%s/a/b", here);
    CHECK_STR(uri, want);
    OPENSSL_free(uri);
}

static void given_pins_replace_those_of_a_uri(void)
{
    static const struct {
        const char *uri;
        struct ca_pins pins;
        const char *want;
    } rows[] = {
        {"keystore://hsm/x", {0}, "keystore://hsm/x"},
        {"keystore://hsm/x?pin-value=v", {0}, "keystore://hsm/x?pin-value=v"},
        {"keystore://hsm/x", {.user = ""}, "keystore://hsm/x?pin-source="},
        {"keystore://hsm/x?pin-value=v&type=private",
         {.user = "file:a b&c"},
         "keystore://hsm/x?type=private&pin-source=file:a%20b%26c"},
        {"pkcs11:object=o?pin-source=env:A&so-pin-source=env:B",
         {.so = "env:C"},
         "pkcs11:object=o?pin-source=env:A&so-pin-source=env:C"},
        {"pkcs11:object=o?module-path=/m",
         {.user = "env:A", .so = ""},
         "pkcs11:object=o?module-path=/m&pin-source=env:A&so-pin-source="},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_err err = {0};
        char *uri = NULL;

        CHECK_OK(ca_key_uri_with(rows[i].uri, &rows[i].pins, &uri, &err), &err);
        CHECK_STR(uri, rows[i].want);
        OPENSSL_free(uri);
    }
}

static void a_uri_tells_whether_it_has_a_pin(void)
{
    CHECK(ca_key_uri_has_pin("keystore://hsm/x?pin-value=v"));
    CHECK(ca_key_uri_has_pin("keystore://hsm/x?so-pin-source=env:S"));
    CHECK(ca_key_uri_has_pin("pkcs11:object=o?pin-source="));
    CHECK(!ca_key_uri_has_pin("pkcs11:object=pin-source=x"));
    CHECK(!ca_key_uri_has_pin("pkcs11:object=o?module-path=/pin-value=v"));
    CHECK(!ca_key_uri_has_pin("file:x?pin-value=v"));
}

static void the_configuration_says_what_is_a_token(void)
{
    struct fixture f;

    fixture_open(&f);
    fixture_config(&f, "[backend default]\ntype = file\npath = k\n"
                       "[backend hsm]\ntype = pkcs11\nmodule = m.so\n"
                       "token = t\n");
    CHECK(ca_key_on_token(&f.env, "keystore://hsm/x"));
    CHECK(ca_key_on_token(&f.env, "keystore://HSM/x?pin-source=env:P"));
    CHECK(ca_key_on_token(&f.env, "pkcs11:object=o"));
    CHECK(!ca_key_on_token(&f.env, "keystore://default/x"));
    CHECK(!ca_key_on_token(&f.env, "keystore://nothing/x"));
    CHECK(!ca_key_on_token(&f.env, "file:x"));
    CHECK_STR(
        ks_section_get(ca_key_section(&f.env, "keystore://hsm/x"), "token"),
        "t");
    CHECK(ca_key_section(&f.env, "pkcs11:object=o") == NULL);
    fixture_close(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(names_are_without_pins),
    TEST_CASE(what_is_kept_has_sources_and_no_secrets),
    TEST_CASE(a_relative_source_is_kept_as_an_absolute_one),
    TEST_CASE(given_pins_replace_those_of_a_uri),
    TEST_CASE(a_uri_tells_whether_it_has_a_pin),
    TEST_CASE(the_configuration_says_what_is_a_token),
};
TEST_MAIN("ca.key_uri", cases)
