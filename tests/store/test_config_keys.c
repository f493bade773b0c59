/* store/config/config_keys.c */
#include "config/config_keys.h"

#include <string.h>
#include <strings.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "test.h"

static void rows_are_whole_and_there_once(void)
{
    const struct ks_setting_doc *doc, *other;

    for (doc = ks_setting_docs; doc->key != NULL; doc++) {
        CHECK(doc->section != NULL && doc->kind != NULL);
        CHECK(doc->help != NULL && doc->help[0] != '\0');
        for (other = ks_setting_docs; other < doc; other++)
            CHECK(strcmp(doc->section, other->section) != 0 ||
                  strcasecmp(doc->key, other->key) != 0);
    }
}

static void defaults_pass_their_own_check(void)
{
    const struct ks_setting_doc *doc;
    struct ks_err err = {0};

    for (doc = ks_setting_docs; doc->key != NULL; doc++)
        if (doc->fallback != NULL)
            CHECK_OK(ks_setting_check(doc, doc->fallback, &err), &err);
}

/* Profile keys that are extensions are so by OpenSSL's own name. */
static void extensions_are_openssls(void)
{
    const struct ks_setting_doc *doc;

    for (doc = ks_setting_docs; doc->key != NULL; doc++) {
        int nid;

        if (strcmp(doc->help, "extension") != 0)
            continue;
        nid = OBJ_sn2nid(doc->key);
        CHECK(nid != NID_undef && X509V3_EXT_get_nid(nid) != NULL);
    }
}

static void settings_are_found_in_any_case(void)
{
    REQUIRE(ks_setting_find("profile", "KEYUSAGE") != NULL);
    CHECK_STR(ks_setting_find("profile", "KEYUSAGE")->key, "keyUsage");
    CHECK(ks_setting_find("profile", "path") == NULL);
    CHECK(ks_setting_find("backend file", "") == NULL);
    CHECK(ks_setting_section_known("backend sqlite"));
    CHECK(!ks_setting_section_known("backend "));
}

static void values_are_held_to_their_kind(void)
{
    static const struct {
        const char *section, *key, *value;
        ks_rc rc;
    } rows[] = {
        {"backend", "extractable", "YES", KS_OK},
        {"backend", "extractable", "off", KS_OK},
        {"backend", "extractable", "2", KS_E_CONFIG},
        {"backend file", "sealing", "none", KS_OK},
        {"backend file", "sealing", "", KS_E_CONFIG},
        {"backend file", "sealing", "none|passphrase", KS_E_CONFIG},
        {"backend file", "sealing", "None", KS_E_CONFIG},
        {"backend file", "passphrase", "fd:3", KS_OK},
        {"backend file", "passphrase", "fd:x", KS_E_CONFIG},
        {"backend file", "passphrase", "random", KS_OK},
        {"backend file", "passphrase", "random:", KS_E_CONFIG},
        {"backend file", "passphrase", "Random", KS_E_CONFIG},
        {"backend sqlite", "passphrase", "random", KS_OK},
        {"backend pkcs11", "user_pin", "random", KS_E_CONFIG},
        {"backend pkcs11", "so_pin", "random", KS_E_CONFIG},
        {"backend file", "kdf", "scrypt:16:1:1", KS_OK},
        {"profile", "days", "0", KS_OK},
        {"profile", "days", "1234567890", KS_E_CONFIG},
        {"profile", "days", "9 ", KS_E_CONFIG},
        {"profile", "based_on", "server", KS_OK},
        {"profile", "based_on", "a\tb", KS_E_CONFIG},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ks_setting_doc *doc =
            ks_setting_find(rows[i].section, rows[i].key);

        REQUIRE(doc != NULL);
        CHECK_RC(ks_setting_check(doc, rows[i].value, NULL), rows[i].rc);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(rows_are_whole_and_there_once),
    TEST_CASE(defaults_pass_their_own_check),
    TEST_CASE(extensions_are_openssls),
    TEST_CASE(settings_are_found_in_any_case),
    TEST_CASE(values_are_held_to_their_kind),
};
TEST_MAIN("store.config_keys", cases)
