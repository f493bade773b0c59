/* store/config/config_scan.c */
#include "config/config_scan.h"

#include <string.h>

#include "test.h"

static ks_rc scan(const char *text, struct ks_err *err)
{
    *err = (struct ks_err){0};
    return ks_config_scan("f", text, strlen(text), err);
}

static void ordinary_files_pass(void)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "; only\n# comments",
        "[caadm]\ndatabase = x.db\n",
        "[caadm]\r\ndatabase = x.db\r\n",
        "[ caadm ]\n\tkey\t=\tvalue\t; comment\n",
        "[a]\nk = v ; x\n[b]\nk = v # y\n",
        "[a]\nk = \"v;w#x\" ; comment\n",
        "[a]\nk = 'v;\"w'\n",
        "[a]\nk = CN=a\\,b,O=c=d\n",
        "[a]\nk = \"\"\n",
        "[a]\nk = Zürich",
    };
    struct ks_err err;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_OK(scan(texts[i], &err), &err);
}

static void faults_are_named_with_line_section_and_key(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"k = v\n", "f:1: k stands before any section"},
        {"[a]\nk\n", "f:2: [a]: neither a section nor key = value"},
        {"[a]\n= v\n", "f:2: [a]: bad key"},
        {"[a]\nk k = v\n", "f:2: [a]: bad key"},
        {"[a]\nk: = v\n", "f:2: [a]: bad key"},
        {"[a]\nk =\n", "f:2: [a] k: has no value"},
        {"[a]\nk = ; c\n", "f:2: [a] k: has no value"},
        {"[a]\nk = v;w\n", "f:2: [a] k: value has ';' in it"},
        {"[a]\nk = pass:v#w\n", "f:2: [a] k: value has '#' in it"},
        {"[a]\nk = \"v\n", "f:2: [a] k: quote is not closed"},
        {"[a]\nk = \"v\" w\n", "f:2: [a] k: something stands after"},
        {"[a]\nk = \"a\\\"b\"\n", "f:2: [a] k: backslash inside quotes"},
        {"[a]\nk = v\nk = w\n", "f:3: [a] k: key is there twice"},
        {"[a]\nkey = v\nKEY = w\n", "f:3: [a] KEY: key is there twice"},
        {"[a]\nk = v\n[A]\n", "f:3: [A]: section is there twice"},
        {"[a]\nk = v \\\n", "f:2: [a]: line ends in a backslash"},
        {"; comment \\\n[a]\n", "f:1: line ends in a backslash"},
        {"[a\n", "f:1: section line does not end"},
        {"[a] ; c\n", "f:1: section line does not end"},
        {"[]\n", "f:1: bad section name"},
        {"[a:b]\n", "f:1: bad section name"},
        {"[a]b]\n", "f:1: bad section name"},
        {"[a  b]\n", "f:1: bad section name"},
        {"[a]\nk = \x01\n", "f:2: [a]: control character"},
        {"[a]\nk = \xff\n", "f:2: [a]: control character"},
        {"[a]\nk = \xc2\x9bx\n", "f:2: [a]: control character"},
    };
    struct ks_err err;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_RC(scan(rows[i].text, &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, rows[i].why);
    }
}

static void values_are_never_quoted(void)
{
    static const char *const texts[] = {
        "[a]\nk = pass:sesame;x\n", "[a]\nk = \"pass:sesame\n",
        "[a]\npass:sesame\n",       "[a]\nk = x\nk = pass:sesame\n",
        "k = pass:sesame\n",        "[a]\nk pass:sesame = x\n",
    };
    struct ks_err err;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_RC(scan(texts[i], &err), KS_E_CONFIG);
        CHECK(strstr(err.text, "sesame") == NULL);
    }
}

static void nul_bytes_and_long_lines_are_refused(void)
{
    char line[1200];
    struct ks_err err = {0};

    CHECK_RC(ks_config_scan("f", "[a]\nk = a\0b\n", 12, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "control character");
    memset(line, 'k', sizeof(line));
    err = (struct ks_err){0};
    CHECK_RC(ks_config_scan("f", line, sizeof(line), &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "longer than 1000");
}

static const struct test_case cases[] = {
    TEST_CASE(ordinary_files_pass),
    TEST_CASE(faults_are_named_with_line_section_and_key),
    TEST_CASE(values_are_never_quoted),
    TEST_CASE(nul_bytes_and_long_lines_are_refused),
};
TEST_MAIN("store.config_scan", cases)
