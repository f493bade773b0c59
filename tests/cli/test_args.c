/* cli/args.c */
#include "args.h"

#include <string.h>

#include <openssl/crypto.h>

#include "test.h"
#include "tmpdir.h"

static struct cli cli = {.globals.quiet = true};

static void a_new_key_is_where_it_was_said(void)
{
    static const struct {
        struct args_key args;
        const char *uri;
        bool is_new;
    } rows[] = {
        {{0}, "keystore://default/www", true},
        {{.backend = "hsm"}, "keystore://hsm/www", true},
        {{.new_key = "keystore:///a"}, "keystore://default/a", true},
        {{.key = "keystore://db/a"}, "keystore://db/a", false},
        {{.key = "pkcs11:object=a"}, "pkcs11:object=a", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct args_key_choice choice;
        struct ks_err err = {0};

        CHECK_OK(args_key(&cli, &rows[i].args, "default", "www", &choice, &err),
                 &err);
        CHECK_STR(choice.uri, rows[i].uri);
        CHECK_INT(choice.is_new, rows[i].is_new);
        args_key_clear(&choice);
        args_key_clear(&choice);
    }
}

static void a_key_is_never_a_file_name(void)
{
    static const struct args_key rows[] = {
        {.key = "ca.key"},
        {.key = "foo:bar"},
        {.key = ""},
        {.key = "pkcs12:x"},
        {.new_key = "ca.key"},
        {.new_key = "file:ca.key"},
        {.new_key = "pkcs11:token=a"},
        {.new_key = "keystore://default/"},
        {.new_key = "keystore://default/a?pin-source=file:x"},
        {.new_key = "keystore://default/a?type=public"},
        {.new_key = "keystore://default/a", .key = "keystore://default/b"},
        {.new_key = "keystore://default/a", .backend = "default"},
        {.key = "keystore://default/a", .make.key_type = "ec:P-256"},
        {.key = "keystore://default/a", .make.passout = "file:x"},
        {.make.passout = "hunter2"},
        {.make.key_type = "des"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct args_key_choice choice;
        struct ks_err err = {0};

        CHECK_RC(args_key(&cli, &rows[i], "default", "n", &choice, &err),
                 KS_E_INVALID);
        CHECK(err.text[0] != '\0');
        CHECK(strstr(err.text, "hunter2") == NULL);
        args_key_clear(&choice);
    }
}

static void a_pin_in_a_uri_is_never_shown(void)
{
    struct args_key args = {.new_key =
                                "keystore://default/a?pin-value=hunter2"};
    struct args_key_choice choice;
    struct ks_err err = {0};

    CHECK_RC(args_key(&cli, &args, NULL, NULL, &choice, &err), KS_E_INVALID);
    CHECK(strstr(err.text, "hunter2") == NULL);
    CHECK_CONTAINS(err.hint, "--passout");
    args_key_clear(&choice);
}

static void validity_counts_days_or_a_time(void)
{
    struct ca_validity validity = {0};
    struct ks_err err = {0};
    struct args_validity days = {.days = {true, 90}};
    struct args_validity until = {.until = "2030-01-31"};
    struct args_validity span = {.until = "12h"};

    CHECK_OK(args_validity(&days, &validity, &err), &err);
    CHECK_INT(validity.seconds, 7776000);
    validity = (struct ca_validity){0};
    CHECK_OK(args_validity(&until, &validity, &err), &err);
    CHECK_INT(validity.not_after, 1896048000);
    CHECK_INT(validity.seconds, 0);
    validity = (struct ca_validity){0};
    CHECK_OK(args_validity(&span, &validity, &err), &err);
    CHECK_INT(validity.seconds, 43200);
}

static void validity_that_cannot_be_meant_is_refused(void)
{
    static const struct args_validity rows[] = {
        {.days = {true, 0}},    {.days = {true, 1}, .until = "2030-01-31"},
        {.until = "soon"},      {.until = ""},
        {.from = "2030-13-01"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_validity validity = {0};
        struct ks_err err = {0};

        CHECK_RC(args_validity(&rows[i], &validity, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
    }
}

static void extensions_are_names_and_values(void)
{
    const char *good[] = {"tlsfeature=status_request", "a=b=c", NULL};
    const char *bad[] = {"a=b", "tlsfeature", NULL};
    struct opt_list list = {good, 2};
    struct ca_ext *exts = NULL;
    struct ks_err err = {0};

    REQUIRE(CHECK_OK(args_exts(&list, &exts, &err), &err));
    CHECK_STR(exts[0].name, "tlsfeature");
    CHECK_STR(exts[0].value, "status_request");
    CHECK_STR(exts[1].value, "b=c");
    args_exts_free(exts, 2);
    list.items = bad;
    CHECK_RC(args_exts(&list, &exts, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "tlsfeature");
}

/* A configuration with a folder, a token, and one that has an SO PIN. */
static void use_config(void)
{
    static const char text[] = "[backend default]\ntype = file\npath = k\n"
                               "[backend hsm]\ntype = pkcs11\nmodule = m.so\n"
                               "token = t\nuser_pin = env:P\n"
                               "[backend officer]\ntype = pkcs11\n"
                               "module = m.so\ntoken = t\nso_pin = env:S\n";

    cli_clear(&cli);
    cli = (struct cli){.globals.quiet = true};
    test_write("caadm.conf", text, sizeof(text) - 1, 0600);
    cli.globals.config = test_path("caadm.conf");
}

static void a_new_key_on_a_token_has_label_and_id(void)
{
    static const struct {
        struct args_key args;
        const char *uri; /* NULL: KS_E_INVALID */
    } rows[] = {
        {{.backend = "hsm", .make.label = "L l"}, "keystore://hsm/L%20l"},
        {{.backend = "hsm", .make.id = "0A0b"}, "keystore://hsm/www%3Bid=0a0b"},
        {{.new_key = "keystore://hsm/", .make.label = "L", .make.id = "00"},
         "keystore://hsm/L%3Bid=00"},
        {{.new_key = "keystore://hsm/x?pin-source=env:P"},
         "keystore://hsm/x?pin-source=env:P"},
        {{.new_key = "pkcs11:token=t;object=o"}, "pkcs11:token=t;object=o"},
        {{.make.label = "L"}, "keystore://default/L"},
        {{.new_key = "keystore://hsm/x", .make.label = "L"}, NULL},
        {{.new_key = "keystore://hsm/x;id=00", .make.id = "00"}, NULL},
        {{.new_key = "keystore://hsm/"}, NULL},
        {{.new_key = "keystore://hsm/x?pin-value=hunter2"}, NULL},
        {{.new_key = "pkcs11:token=t;object=o", .make.id = "00"}, NULL},
        {{.new_key = "pkcs11:object=o?pin-value=hunter2"}, NULL},
        {{.backend = "hsm", .make.id = "0"}, NULL},
        {{.backend = "hsm", .make.id = ""}, NULL},
        {{.backend = "hsm", .make.id = "0x"}, NULL},
        {{.backend = "hsm", .make.label = ""}, NULL},
        {{.backend = "hsm", .make.label = "a\nb"}, NULL},
        {{.backend = "default", .make.id = "00"}, NULL},
        {{.key = "keystore://hsm/x", .make.label = "L"}, NULL},
        {{.key = "keystore://hsm/x", .make.id = "00"}, NULL},
    };

    use_config();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct args_key_choice choice;
        struct ks_err err = {0};
        ks_rc rc =
            args_key(&cli, &rows[i].args, "default", "www", &choice, &err);

        CHECK_INT(rc, rows[i].uri != NULL ? KS_OK : KS_E_INVALID);
        if (rc == KS_OK)
            CHECK_STR(choice.uri, rows[i].uri);
        CHECK(strstr(err.text, "hunter2") == NULL);
        args_key_clear(&choice);
    }
    cli_clear(&cli);
}

static void one_pin_is_left_of_options_and_settings(void)
{
    static const struct {
        struct args_pins args;
        const char *uri;
        ks_rc rc;
    } rows[] = {
        {{.user = "file:p"}, "keystore://hsm/x", KS_OK},
        {{.user = ""}, "keystore://hsm/x", KS_OK},
        {{.so = "file:s", .user = ""}, "keystore://hsm/x", KS_OK},
        {{.so = "", .user = "file:p"}, "keystore://officer/x", KS_OK},
        {{.user = "prompt"}, "pkcs11:object=o", KS_OK},
        {{.so = "file:s"}, "keystore://hsm/x", KS_E_INVALID},
        {{.user = "file:p"}, "keystore://officer/x", KS_E_INVALID},
        {{.user = "file:p", .so = "file:s"}, "pkcs11:object=o", KS_E_INVALID},
        {{.user = "hunter2"}, "keystore://hsm/x", KS_E_INVALID},
        {{.so = "hunter2"}, "keystore://hsm/x", KS_E_INVALID},
        {{.user = "file:p"}, "keystore://default/x", KS_E_INVALID},
        {{.user = "file:p"}, "file:x", KS_E_INVALID},
        {{.user = "file:p"}, "keystore://hsm/x?pin-source=env:P", KS_E_INVALID},
        {{.user = "file:p"}, "pkcs11:object=o?pin-value=v", KS_E_INVALID},
    };

    use_config();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_pins pins;
        struct ks_err err = {0};

        CHECK_RC(args_pins(&cli, &rows[i].args, rows[i].uri, &pins, &err),
                 rows[i].rc);
        CHECK((err.text[0] == '\0') == (rows[i].rc == KS_OK));
        CHECK(strstr(err.text, "hunter2") == NULL);
    }
    cli_clear(&cli);
}

static void both_pins_are_named_in_the_error(void)
{
    struct args_pins args = {.so = "file:s"};
    struct ca_pins pins;
    struct ks_err err = {0};

    use_config();
    CHECK_RC(args_pins(&cli, &args, "keystore://hsm/x", &pins, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "user_pin");
    CHECK_CONTAINS(err.text, "--so-pin");
    CHECK_CONTAINS(err.hint, "--user-pin \"\"");
    cli_clear(&cli);
}

static void usages_are_words_of_a_token(void)
{
    static const char *const bad[] = {"",      "sing",    "sign,",
                                      ",sign", "sign,,x", "sign, derive",
                                      "SIGN",  "signs",   "sign;derive"};
    struct ks_err err = {0};

    use_config();
    CHECK_OK(args_usage(&cli, NULL, "keystore://default/x", &err), &err);
    CHECK_OK(args_usage(&cli, "sign", "keystore://hsm/x", &err), &err);
    CHECK_OK(args_usage(&cli, "derive,sign,decrypt", "pkcs11:object=o", &err),
             &err);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct ks_err){0};
        CHECK_RC(args_usage(&cli, bad[i], "keystore://hsm/x", &err),
                 KS_E_INVALID);
    }
    err = (struct ks_err){0};
    CHECK_RC(args_usage(&cli, "sign", "keystore://default/x", &err),
             KS_E_INVALID);
    cli_clear(&cli);
}

static void a_new_key_has_a_passphrase_or_a_pin(void)
{
    static const struct {
        struct args_new args;
        const char *named;
    } rows[] = {
        {{.passout = "file:p", .pins.user = "file:u"}, "--user-pin"},
        {{.passout = "file:p", .pins.so = "file:s"}, "--so-pin"},
        {{.passout = "", .pins.user = ""}, "--user-pin"},
        {{.passout = "hunter2"}, "--passout"},
        {{.key_type = "rsa:12"}, "RSA"},
        {{.label = "a\nb"}, "--key-label"},
        {{.id = "0"}, "--key-id"},
        {{.usage = "sing"}, "--usage"},
        {{.pins.so = "file:s"}, "--so-pin"}, /* with a user_pin in the file */
    };

    use_config();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *uri =
            rows[i].args.label != NULL ? "keystore://hsm/" : "keystore://hsm/x";
        struct ca_key_spec spec = {0};
        struct ks_err err = {0};
        char *full = NULL;

        CHECK_RC(args_new(&cli, &rows[i].args, uri, &spec, &full, &err),
                 KS_E_INVALID);
        CHECK_CONTAINS(err.text, rows[i].named);
        CHECK(strstr(err.text, "hunter2") == NULL);
        OPENSSL_free(full);
    }
    cli_clear(&cli);
}

static void a_new_key_is_what_its_options_say(void)
{
    struct args_new args = {.key_type = "rsa:2048",
                            .label = "www",
                            .id = "0A0b",
                            .usage = "sign,decrypt",
                            .pins.user = "file:u"};
    struct ca_key_spec spec = {0};
    struct ks_err err = {0};
    char *full = NULL;

    use_config();
    CHECK_OK(args_new(&cli, &args, "keystore://hsm/", &spec, &full, &err),
             &err);
    CHECK_STR(full, "keystore://hsm/www%3Bid=0a0b");
    CHECK(spec.uri == full);
    CHECK_STR(spec.type, "rsa:2048");
    CHECK_STR(spec.usage, "sign,decrypt");
    CHECK_STR(spec.pins.user, "file:u");
    CHECK(spec.passout == NULL && spec.pins.so == NULL);
    OPENSSL_free(full);
    cli_clear(&cli);
}

static void a_listing_names_no_key(void)
{
    CHECK(args_uri_is_listing("keystore://hsm/"));
    CHECK(args_uri_is_listing("pkcs11:"));
    CHECK(args_uri_is_listing("pkcs11:token=object=x"));
    CHECK(args_uri_is_listing("pkcs11:token=t?module-path=/;object=x"));
    CHECK(!args_uri_is_listing("keystore://hsm/x"));
    CHECK(!args_uri_is_listing("pkcs11:object=x"));
    CHECK(!args_uri_is_listing("pkcs11:token=t;id=%00?pin-source=env:P"));
}

static const struct test_case cases[] = {
    TEST_CASE(a_new_key_is_where_it_was_said),
    TEST_CASE(a_key_is_never_a_file_name),
    TEST_CASE(a_pin_in_a_uri_is_never_shown),
    TEST_CASE(validity_counts_days_or_a_time),
    TEST_CASE(validity_that_cannot_be_meant_is_refused),
    TEST_CASE(extensions_are_names_and_values),
    TEST_CASE(a_new_key_on_a_token_has_label_and_id),
    TEST_CASE(one_pin_is_left_of_options_and_settings),
    TEST_CASE(both_pins_are_named_in_the_error),
    TEST_CASE(usages_are_words_of_a_token),
    TEST_CASE(a_new_key_has_a_passphrase_or_a_pin),
    TEST_CASE(a_new_key_is_what_its_options_say),
    TEST_CASE(a_listing_names_no_key),
};

TEST_MAIN("cli.args", cases)
