/* cli/args.c */
#include "args.h"

#include <string.h>

#include <openssl/crypto.h>

#include "test.h"

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
        {.key = "keystore://default/a", .key_type = "ec:P-256"},
        {.key = "keystore://default/a", .passout = "file:x"},
        {.passout = "hunter2"},
        {.key_type = "des"},
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

static const struct test_case cases[] = {
    TEST_CASE(a_new_key_is_where_it_was_said),
    TEST_CASE(a_key_is_never_a_file_name),
    TEST_CASE(a_pin_in_a_uri_is_never_shown),
    TEST_CASE(validity_counts_days_or_a_time),
    TEST_CASE(validity_that_cannot_be_meant_is_refused),
    TEST_CASE(extensions_are_names_and_values),
};

TEST_MAIN("cli.args", cases)
