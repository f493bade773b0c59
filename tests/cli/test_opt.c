/* cli/opt.c */
#include "opt.h"

#include <string.h>

#include "issue_args.h"
#include "test.h"

#define WORDS_MAX 16

/* Parses the words, which end with NULL. */
static ks_rc parse(const char *const *words, struct opt_line *line,
                   struct ks_err *err)
{
    char *argv[WORDS_MAX + 1] = {(char *)"caadm"};
    int argc = 1;

    *line = (struct opt_line){0};
    *err = (struct ks_err){0};
    while (*words != NULL && argc < WORDS_MAX)
        argv[argc++] = (char *)*words++;
    return opt_parse(argc, argv, line, err);
}
#define PARSE(line, err, ...)                                                  \
    parse((const char *const[]){__VA_ARGS__, NULL}, (line), (err))

static void options_fill_the_struct_of_the_command(void)
{
    struct opt_line line;
    struct ks_err err;
    const struct issue_args *args;

    REQUIRE(CHECK_OK(PARSE(&line, &err, "cert", "issue", "--ca", "root",
                           "--san=a.example", "--san", "b.example", "--days",
                           "90", "--clamp", "-o", "-"),
                     &err));
    REQUIRE(line.cmd == &cmd_cert_issue);
    args = line.args.opts;
    CHECK_STR(args->ca, "root");
    CHECK_INT(args->san.count, 2);
    CHECK_STR(args->san.items[0], "a.example");
    CHECK_STR(args->san.items[1], "b.example");
    CHECK(args->san.items[2] == NULL);
    CHECK(args->validity.days.set);
    CHECK_INT(args->validity.days.value, 90);
    CHECK(args->clamp && !args->dry_run);
    CHECK_STR(args->out, "-");
    CHECK(args->profile == NULL);
    opt_line_clear(&line);
}

static void global_options_stand_anywhere(void)
{
    struct opt_line line;
    struct ks_err err;

    REQUIRE(CHECK_OK(PARSE(&line, &err, "--json", "--home", "h", "cert", "-q",
                           "issue", "--ca", "root", "--config=c"),
                     &err));
    CHECK(line.globals.json && line.globals.quiet && !line.globals.help);
    CHECK_STR(line.globals.home, "h");
    CHECK_STR(line.globals.config, "c");
    CHECK_STR(((const struct issue_args *)line.args.opts)->ca, "root");
    opt_line_clear(&line);
}

static void a_noun_can_stand_alone(void)
{
    struct opt_line line;
    struct ks_err err;

    CHECK_OK(PARSE(&line, &err, "doctor", "--json"), &err);
    CHECK(line.cmd == &cmd_doctor);
    opt_line_clear(&line);
    CHECK_RC(PARSE(&line, &err, "doctor", "now"), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "now");
    opt_line_clear(&line);
    CHECK_OK(PARSE(&line, &err, "cert"), &err);
    CHECK(line.cmd == NULL);
    CHECK_STR(line.noun, "cert");
    opt_line_clear(&line);
}

static void an_empty_line_is_no_error(void)
{
    struct opt_line line;
    struct ks_err err;
    const char *const none[] = {NULL};

    CHECK_OK(parse(none, &line, &err), &err);
    CHECK(line.noun == NULL && line.cmd == NULL);
    opt_line_clear(&line);
    opt_line_clear(&line);
}

static void faults_are_named(void)
{
    static const struct {
        const char *words[8];
        const char *text;
    } rows[] = {
        {{"frobnicate"}, "frobnicate: no such command"},
        {{""}, "no such command"},
        {{"cert", "frobnicate"}, "frobnicate: no such verb"},
        {{"--frobnicate"}, "--frobnicate: unknown option"},
        {{"--days", "5", "cert", "issue"}, "--days: unknown option"},
        {{"cert", "issue", "--frobnicate=secret"}, "--frobnicate: unknown"},
        {{"cert", "issue", "--ca"}, "--ca: needs a value"},
        {{"cert", "issue", "--ca", "--san"}, "--ca: needs a value"},
        {{"cert", "issue", "--clamp=yes"}, "--clamp"},
        {{"cert", "issue", "--ca", "a", "--ca", "b"}, "--ca: given twice"},
        {{"cert", "issue", "--days", "x"}, "--days: x: not a whole number"},
        {{"cert", "issue", "--days", "-1"}, "--days: -1: not a whole number"},
        {{"cert", "issue", "--days", "1d"}, "--days: 1d: not a whole number"},
        {{"cert", "issue", "--days", "99999999999"}, "not a whole number"},
        {{"cert", "issue", "--days", ""}, "not a whole number"},
        {{"cert", "issue", "--format", "doc"}, "not one of pem|der|text"},
        {{"cert", "issue", "--format", "pe"}, "not one of pem|der|text"},
        {{"cert", "issue", "extra"}, "extra: unexpected argument"},
        {{"ca", "show"}, "missing argument: CA"},
        {{"ca", "show", "a", "b"}, "b: unexpected argument"},
        {{"ca", "show", "a", "--", "--b"}, "--b: unexpected argument"},
        {{"ca", "list", "-x"}, "-x: unknown option"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct opt_line line;
        struct ks_err err;

        CHECK_RC(parse(rows[i].words, &line, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, rows[i].text);
        opt_line_clear(&line);
    }
}

static void a_value_in_a_wrong_option_is_not_repeated(void)
{
    struct opt_line line;
    struct ks_err err;

    CHECK_RC(PARSE(&line, &err, "cert", "issue", "--passwd=hunter2"),
             KS_E_INVALID);
    CHECK(strstr(err.text, "hunter2") == NULL);
    opt_line_clear(&line);
}

static void help_needs_no_arguments(void)
{
    struct opt_line line;
    struct ks_err err;

    CHECK_OK(PARSE(&line, &err, "ca", "show", "--help"), &err);
    CHECK(line.globals.help && line.cmd == &cmd_ca_show);
    opt_line_clear(&line);
}

static void after_two_dashes_all_are_arguments(void)
{
    struct opt_line line;
    struct ks_err err;

    REQUIRE(CHECK_OK(PARSE(&line, &err, "cert", "show", "--", "--json"), &err));
    CHECK(!line.globals.json);
    REQUIRE(line.args.argc == 1);
    CHECK_STR(line.args.argv[0], "--json");
    opt_line_clear(&line);
}

static void the_table_of_commands_is_sound(void)
{
    for (size_t i = 0; cmds[i] != NULL; i++) {
        const struct cmd *cmd = cmds[i];

        CHECK(cmd->run != NULL && cmd->summary != NULL &&
              cmd->example != NULL && cmd->args != NULL);
        CHECK(cmd->min_args <= cmd->max_args);
        CHECK((cmd->max_args > 0) == (cmd->args[0] != '\0'));
        CHECK((cmd->opts != NULL) == (cmd->opts_size > 0));
        CHECK(cmd_find(cmd->noun, cmd->verb) == cmd);
        for (const struct opt *row = cmd->opts;
             row != NULL && row->name != NULL; row++) {
            CHECK(row->offset < cmd->opts_size);
            CHECK((row->kind == OPT_FLAG) == (row->arg == NULL));
            CHECK(row->help != NULL);
        }
    }
}

static void choices_match_as_a_whole(void)
{
    CHECK(opt_choice_has("pem|der|text", "pem"));
    CHECK(opt_choice_has("pem|der|text", "text"));
    CHECK(!opt_choice_has("pem|der|text", "tex"));
    CHECK(!opt_choice_has("pem|der|text", ""));
    CHECK(!opt_choice_has("pem|der|text", "pem|der"));
    CHECK(opt_choice_has("FILE", "anything"));
    CHECK(opt_choice_has(NULL, "anything"));
}

static const struct test_case cases[] = {
    TEST_CASE(options_fill_the_struct_of_the_command),
    TEST_CASE(global_options_stand_anywhere),
    TEST_CASE(a_noun_can_stand_alone),
    TEST_CASE(an_empty_line_is_no_error),
    TEST_CASE(faults_are_named),
    TEST_CASE(a_value_in_a_wrong_option_is_not_repeated),
    TEST_CASE(help_needs_no_arguments),
    TEST_CASE(after_two_dashes_all_are_arguments),
    TEST_CASE(the_table_of_commands_is_sound),
    TEST_CASE(choices_match_as_a_whole),
};

TEST_MAIN("cli.opt", cases)
