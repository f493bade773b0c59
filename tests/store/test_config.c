/* store/config/config.c: the whole way from a file to settings */
#include "ks_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tmpdir.h"

static ks_rc open_text(const char *text, struct ks_config **config,
                       struct ks_err *err)
{
    *err = (struct ks_err){0};
    test_write("caadm.conf", text, strlen(text), 0600);
    return ks_config_open(test_path("caadm.conf"), config, err);
}

static const char *value_of(const struct ks_config *config,
                            enum ks_section_kind kind, const char *name,
                            const char *key)
{
    return ks_section_get(ks_config_section(config, kind, name), key);
}

static void sections_come_in_the_order_of_the_file(void)
{
    struct ks_config *config = NULL;
    struct ks_err err;

    REQUIRE(CHECK_OK(open_text("[backend z]\ntype = file\npath = z\n"
                               "[caadm]\ndatabase = x.db\n"
                               "[profile server]\ndays = 90\n"
                               "[backend a]\ntype = file\npath = a\n",
                               &config, &err),
                     &err));
    REQUIRE(ks_config_count(config) == 4);
    CHECK_STR(ks_config_at(config, 0)->name, "z");
    CHECK_INT(ks_config_at(config, 1)->kind, KS_SECTION_CAADM);
    CHECK_STR(ks_config_at(config, 1)->name, "");
    CHECK_INT(ks_config_at(config, 2)->kind, KS_SECTION_PROFILE);
    CHECK_STR(ks_config_at(config, 3)->name, "a");
    CHECK(ks_config_at(config, 4) == NULL);
    CHECK_STR(value_of(config, KS_SECTION_BACKEND, "z", "path"), "z");
    CHECK(value_of(config, KS_SECTION_BACKEND, "q", "path") == NULL);
    ks_config_close(config);
}

static void keys_get_the_spelling_of_the_table(void)
{
    struct ks_config *config = NULL;
    struct ks_err err;

    REQUIRE(CHECK_OK(
        open_text("[Profile Server]\n"
                  "KEYUSAGE = critical, digitalSignature\n"
                  "extendedkeyusage = serverAuth\n"
                  "authorityInfoAccess = \"OCSP;URI:http://o/\" ; where\n"
                  "subject = CN=x\\,y,O=z\n",
                  &config, &err),
        &err));
    CHECK_STR(value_of(config, KS_SECTION_PROFILE, "server", "keyUsage"),
              "critical, digitalSignature");
    CHECK_STR(
        value_of(config, KS_SECTION_PROFILE, "server", "extendedKeyUsage"),
        "serverAuth");
    CHECK_STR(
        value_of(config, KS_SECTION_PROFILE, "SERVER", "authorityInfoAccess"),
        "OCSP;URI:http://o/");
    CHECK_STR(value_of(config, KS_SECTION_PROFILE, "server", "subject"),
              "CN=x\\,y,O=z");
    ks_config_close(config);
}

static void paths_are_relative_to_the_file(void)
{
    struct ks_config *config = NULL;
    struct ks_err err;
    char want[512];

    REQUIRE(CHECK_OK(open_text("", &config, &err), &err));
    CHECK_STR(ks_config_dir(config), test_dir());
    CHECK_STR(ks_config_path(config), test_path("caadm.conf"));
    CHECK_STR(ks_config_database(config), test_path("caadm.db"));
    ks_config_close(config);
    REQUIRE(CHECK_OK(open_text("[caadm]\ndatabase = /var/x.db", &config, &err),
                     &err));
    CHECK_STR(ks_config_database(config), "/var/x.db");
    ks_config_close(config);

    REQUIRE(chdir(test_dir()) == 0);
    REQUIRE(ks_config_open("caadm.conf", &config, &err) == KS_OK);
    (void)snprintf(want, sizeof(want), "%s/caadm.conf", test_dir());
    CHECK_STR(ks_config_path(config), want);
    ks_config_close(config);
    REQUIRE(chdir("/") == 0);
}

static void other_kinds_of_backend_do_not_disturb(void)
{
    struct ks_config *config = NULL;
    struct ks_err err;

    REQUIRE(CHECK_OK(
        open_text("[backend hsm]\ntype = pkcs11\nmodule = /no/such.so\n"
                  "token = my token\nuser_pin = file:pin\nextractable = no\n"
                  "[backend db]\ntype = sqlite\npath = k.db\n"
                  "seal_to = keystore://hsm/kek\n"
                  "[backend mine]\ntype = /opt/mine.so\nanything = goes\n"
                  "Odd.Key_1 = \"a ; b\"\nseal_to = keystore://hsm/kek\n",
                  &config, &err),
        &err));
    CHECK_STR(value_of(config, KS_SECTION_BACKEND, "hsm", "module"),
              "/no/such.so");
    CHECK_STR(value_of(config, KS_SECTION_BACKEND, "mine", "anything"), "goes");
    CHECK_STR(value_of(config, KS_SECTION_BACKEND, "mine", "odd.key_1"),
              "a ; b");
    CHECK_STR(value_of(config, KS_SECTION_BACKEND, "mine", "seal_to"),
              "keystore://hsm/kek");
    ks_config_close(config);
}

static void a_dash_in_a_key_gets_a_hint(void)
{
    struct ks_config *config = NULL;
    struct ks_err err;

    CHECK_RC(
        open_text("[backend a]\ntype = sqlite\nseal-to = x\n", &config, &err),
        KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "seal-to: unknown key");
    CHECK_STR(err.hint, "write seal_to");
    CHECK_RC(open_text("[backend a]\ntype = file\ncolour = x\n", &config, &err),
             KS_E_CONFIG);
    CHECK_STR(err.hint, "man caadm.conf lists what there is for each section");
}

static void faults_name_file_section_and_key(void)
{
    static const struct {
        const char *text, *where, *why;
    } rows[] = {
        {"[nonsense]\n", "[nonsense]", "unknown section"},
        {"[backend]\ntype = file\n", "[backend]", "unknown section"},
        {"[caadm x]\n", "[caadm x]", "unknown section"},
        {"[backend a b]\ntype = file\n", "[backend a b]", "bad name"},
        {"[caadm]\ndatabse = x\n", "[caadm] databse", "unknown key"},
        {"[backend a]\npath = x\n", "[backend a] type", "missing"},
        {"[backend a]\ntype = flie\n", "[backend a] type", "not file"},
        {"[backend a]\ntype = file\nmodule = x\n", "[backend a] module",
         "unknown key"},
        {"[backend a]\ntype = file\nsealing = maybe\n", "[backend a] sealing",
         "not one of none|passphrase"},
        {"[backend a]\ntype = file\nsealing = pass\n", "[backend a] sealing",
         "not one of"},
        {"[backend a]\ntype = file\nextractable = perhaps\n",
         "[backend a] extractable", "neither yes nor no"},
        {"[backend a]\ntype = file\nkdf = scrypt:3:8:5\n", "[backend a] kdf",
         "power of two"},
        {"[backend a]\ntype = file\npassphrase = sesame\n",
         "[backend a] passphrase", "not a source"},
        {"[backend a]\ntype = /x.so\nextractable = perhaps\n",
         "[backend a] extractable", "neither yes nor no"},
        {"[backend a]\ntype = /x.so\nkdf = scrypt:3:8:5\n", "[backend a] kdf",
         "power of two"},
        {"[backend a]\ntype = /x.so\nsealing = wax\n", "[backend a] sealing",
         "not one of none|passphrase"},
        {"[backend a]\ntype = /x.so\npassphrase = sesame\n",
         "[backend a] passphrase", "not a source"},
        {"[backend a]\ntype = x.so\n", "[backend a] type", "absolute path"},
        {"[backend a]\ntype = /PATH x\n", "[backend a] type", "one word"},
        {"[profile p]\ndays = ninety\n", "[profile p] days", "not a number"},
        {"[profile p]\ndays = -1\n", "[profile p] days", "not a number"},
        {"[profile p]\nkeyUse = x\n", "[profile p] keyuse", "unknown key"},
        {"[profile p]\nbased_on = a b\n", "[profile p] based_on", "one word"},
        {"[profile p]\ndescription = \"\"\n", "[profile p] description",
         "no value"},
        {"[profile p]\nx = 1\nx = 1\n", "[profile p] x", "twice"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_config *config = NULL;
        struct ks_err err;

        CHECK_RC(open_text(rows[i].text, &config, &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, "/caadm.conf:");
        CHECK_CONTAINS(err.text, rows[i].where);
        CHECK_CONTAINS(err.text, rows[i].why);
        CHECK(strstr(err.text, "sesame") == NULL);
        CHECK(config == NULL);
    }
}

static void no_file_is_not_found_with_a_hint(void)
{
    struct ks_config *config = NULL;
    struct ks_err err = {0};

    CHECK_RC(ks_config_open(test_path("none.conf"), &config, &err),
             KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "none.conf");
    CHECK_CONTAINS(err.hint, "caadm init");
}

static void many_sections_and_settings_are_read(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct ks_config *config = NULL;
    struct ks_err err;

    REQUIRE(out != NULL);
    for (int i = 0; i < 300; i++)
        (void)fprintf(out, "[backend b%d]\ntype = file\npath = p%d\n", i, i);
    (void)fclose(out);
    REQUIRE(CHECK_OK(open_text(text, &config, &err), &err));
    free(text);
    CHECK_INT(ks_config_count(config), 300);
    CHECK_STR(value_of(config, KS_SECTION_BACKEND, "b299", "path"), "p299");
    CHECK_STR(ks_config_at(config, 17)->name, "b17");
    ks_config_close(config);
}

static void close_of_null_is_harmless(void)
{
    ks_config_close(NULL);
    CHECK(ks_section_get(NULL, "x") == NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(sections_come_in_the_order_of_the_file),
    TEST_CASE(keys_get_the_spelling_of_the_table),
    TEST_CASE(paths_are_relative_to_the_file),
    TEST_CASE(other_kinds_of_backend_do_not_disturb),
    TEST_CASE(a_dash_in_a_key_gets_a_hint),
    TEST_CASE(faults_name_file_section_and_key),
    TEST_CASE(no_file_is_not_found_with_a_hint),
    TEST_CASE(many_sections_and_settings_are_read),
    TEST_CASE(close_of_null_is_harmless),
};
TEST_MAIN("store.config", cases)
