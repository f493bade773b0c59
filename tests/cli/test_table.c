/* cli/table.c and cli/out.c */
#include "table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "tmpdir.h"

static const struct cli_column columns[] = {
    {"name", "NAME"},
    {"n", "N"},
    {"list", "LIST"},
    {NULL, NULL},
};

/* Standard output goes to a file in between. */
static int saved = -1;

static void capture_start(void)
{
    int fd = open(test_path("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    (void)fflush(stdout);
    saved = dup(STDOUT_FILENO);
    (void)dup2(fd, STDOUT_FILENO);
    (void)close(fd);
}

/* Caller frees. */
static char *capture_end(void)
{
    size_t len;

    (void)fflush(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    return test_read("out", &len);
}

static json_t *row(const char *name, int n)
{
    return json_pack("{s:o, s:i, s:[s,s]}", "name", cli_json_text(name), "n", n,
                     "list", "a", "b");
}

/* A table of two rows, as CLI prints it. */
static char *print(struct cli *cli, const char *first)
{
    struct cli_table table;
    struct ks_err err = {0};

    capture_start();
    cli_table_init(&table, cli, "rows", columns);
    CHECK_OK(cli_table_row(&table, row(first, 1), &err), &err);
    CHECK_OK(cli_table_row(&table, row("second", 22), &err), &err);
    CHECK_OK(cli_table_end(&table, &err), &err);
    cli_table_clear(&table);
    cli_table_clear(&table);
    return capture_end();
}

static void in_a_pipe_cells_are_parted_by_tabs(void)
{
    struct cli cli = {0};
    char *text = print(&cli, "first");

    CHECK_STR(text, "first\t1\ta, b\nsecond\t22\ta, b\n");
    free(text);
}

static void on_a_terminal_there_are_columns_and_a_heading(void)
{
    struct cli cli = {.stdout_tty = true};
    char *text = print(&cli, "z\xc3\xbcrich");

    CHECK_STR(text, "NAME    N   LIST\n"
                    "z\xc3\xbcrich  1   a, b\n"
                    "second  22  a, b\n");
    free(text);
}

static void json_is_an_array_with_a_version(void)
{
    struct cli cli = {.globals.json = true};
    char *text = print(&cli, "first");
    json_t *whole = json_loads(text, 0, NULL);

    CHECK_INT(json_integer_value(json_object_get(whole, "version")), 1);
    CHECK_INT(json_array_size(json_object_get(whole, "rows")), 2);
    json_decref(whole);
    free(text);
}

static void json_of_no_rows_is_an_empty_array(void)
{
    struct cli cli = {.globals.json = true};
    struct cli_table table;
    struct ks_err err = {0};
    json_t *whole;
    char *text;

    capture_start();
    cli_table_init(&table, &cli, "rows", columns);
    CHECK_OK(cli_table_end(&table, &err), &err);
    text = capture_end();
    whole = json_loads(text, 0, NULL);
    CHECK(json_is_array(json_object_get(whole, "rows")));
    json_decref(whole);
    free(text);
}

static void control_characters_reach_no_terminal(void)
{
    struct cli cli = {0};
    char *text = print(&cli, "a\033[2J\tb\nc\xc2\x9b");

    CHECK(strncmp(text, "a?[2J?b?c?\t1\t", 13) == 0);
    free(text);
}

static void text_that_is_no_utf8_becomes_json_all_the_same(void)
{
    json_t *text = cli_json_text("a\xff\xfe");
    json_t *none = cli_json_text(NULL);

    CHECK_STR(json_string_value(text), "a??");
    CHECK(json_is_null(none));
    json_decref(text);
    json_decref(none);
}

static void an_error_is_an_object_too(void)
{
    struct cli cli = {.globals.json = true, .what = "cert issue"};
    struct ks_err err = {.text = "host.csr: no", .hint = "try"};
    json_t *whole;
    const json_t *error;
    char *text;

    capture_start();
    cli_error(&cli, KS_E_POLICY, &err);
    text = capture_end();
    whole = json_loads(text, 0, NULL);
    error = json_object_get(whole, "error");
    CHECK_INT(json_integer_value(json_object_get(error, "exit")), 1);
    CHECK_STR(json_string_value(json_object_get(error, "kind")), "refused");
    CHECK_STR(json_string_value(json_object_get(error, "text")),
              "host.csr: no");
    CHECK_STR(json_string_value(json_object_get(error, "hint")), "try");
    CHECK_STR(json_string_value(json_object_get(error, "command")),
              "cert issue");
    json_decref(whole);
    free(text);
}

static void a_full_disk_is_a_storage_error(void)
{
    struct cli cli = {0};
    struct ks_err err = {0};
    int fd = open("/dev/full", O_WRONLY);
    int old = dup(STDOUT_FILENO);
    ks_rc rc;

    REQUIRE(fd >= 0 && old >= 0);
    (void)fflush(stdout);
    (void)dup2(fd, STDOUT_FILENO);
    rc = cli_out_bytes(&cli, "x", 1, &err);
    if (rc == KS_OK)
        rc = cli_out_close(&cli, &err);
    clearerr(stdout);
    (void)dup2(old, STDOUT_FILENO);
    (void)close(old);
    (void)close(fd);
    CHECK_RC(rc, KS_E_FULL);
    CHECK_CONTAINS(err.text, "standard output");
}

static void a_field_that_is_null_is_left_out(void)
{
    static const struct cli_column fields[] = {
        {"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}, {NULL, NULL}};
    struct cli cli = {0};
    struct ks_err err = {0};
    char *text;

    capture_start();
    CHECK_OK(cli_show(&cli, "x",
                      json_pack("{s:s, s:n, s:[s,s], s:{s:s}}", "a", "1", "b",
                                "c", "2", "3", "d", "k", "v"),
                      fields, &err),
             &err);
    text = capture_end();
    CHECK_STR(text, "A\t1\nC\t2\nC\t3\nD\tk = v\n");
    free(text);
}

static void a_long_list_is_filled_into_lines_on_a_terminal(void)
{
    static const struct cli_column fields[] = {{"list", "List"}, {NULL, NULL}};
    json_t *list = json_array();
    struct cli cli = {.stdout_tty = true};
    struct ks_err err = {0};
    char *text;

    for (int i = 0; i < 12; i++)
        (void)json_array_append_new(list, json_string("CKM_TEN_XX"));
    capture_start();
    CHECK_OK(
        cli_show(&cli, "x", json_pack("{s:O}", "list", list), fields, &err),
        &err);
    text = capture_end(); /* a file: 80 columns are taken for granted */
    CHECK_STR(text, "List  CKM_TEN_XX CKM_TEN_XX CKM_TEN_XX CKM_TEN_XX "
                    "CKM_TEN_XX CKM_TEN_XX\n"
                    "      CKM_TEN_XX CKM_TEN_XX CKM_TEN_XX CKM_TEN_XX "
                    "CKM_TEN_XX CKM_TEN_XX\n");
    free(text);
    cli.stdout_tty = false;
    capture_start();
    CHECK_OK(
        cli_show(&cli, "x", json_pack("{s:o}", "list", list), fields, &err),
        &err);
    text = capture_end();
    CHECK_CONTAINS(text, "List\tCKM_TEN_XX\nList\tCKM_TEN_XX\n");
    free(text);
}

static const struct test_case cases[] = {
    TEST_CASE(in_a_pipe_cells_are_parted_by_tabs),
    TEST_CASE(on_a_terminal_there_are_columns_and_a_heading),
    TEST_CASE(json_is_an_array_with_a_version),
    TEST_CASE(json_of_no_rows_is_an_empty_array),
    TEST_CASE(control_characters_reach_no_terminal),
    TEST_CASE(text_that_is_no_utf8_becomes_json_all_the_same),
    TEST_CASE(an_error_is_an_object_too),
    TEST_CASE(a_full_disk_is_a_storage_error),
    TEST_CASE(a_field_that_is_null_is_left_out),
    TEST_CASE(a_long_list_is_filled_into_lines_on_a_terminal),
};

TEST_MAIN("cli.table", cases)
