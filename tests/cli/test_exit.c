/* cli/exit.c */
#include "exit.h"

#include <string.h>

#include "test.h"

static void every_result_has_its_exit_code(void)
{
    static const struct {
        ks_rc rc;
        int code;
    } rows[] = {
        {KS_OK, 0},
        {KS_E_POLICY, 1},
        {KS_E_EXISTS, 1},
        {KS_E_NOT_EXPORTABLE, 4},
        {KS_E_INVALID, 2},
        {KS_E_CONFIG, 2},
        {KS_E_UNSUPPORTED, 2},
        {KS_E_NOT_FOUND, 3},
        {KS_E_SECRET_MISSING, 4},
        {KS_E_SECRET_WRONG, 4},
        {KS_E_DAMAGED, 4},
        {KS_E_CRYPTO, 4},
        {KS_E_DENIED, 5},
        {KS_E_IO, 5},
        {KS_E_FULL, 5},
        {KS_E_BUSY, 5},
        {KS_E_VERIFY, 6},
        {KS_E_INTERRUPTED, 7},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_INT(cli_exit_of(rows[i].rc), rows[i].code);
}

static void no_failure_ends_with_zero(void)
{
#define NOT_ZERO(name, number, text) CHECK(cli_exit_of(name) != 0);
    KS_RC_LIST(NOT_ZERO)
#undef NOT_ZERO
    CHECK(cli_exit_of((ks_rc)-1) != 0);
    CHECK(cli_exit_of((ks_rc)1) != 0);
}

static void every_exit_code_has_a_word(void)
{
    for (int i = 0; i <= CLI_EXIT_INTERRUPTED; i++)
        CHECK(strlen(cli_exit_word((enum cli_exit)i)) > 0);
}

static const struct test_case cases[] = {
    TEST_CASE(every_result_has_its_exit_code),
    TEST_CASE(no_failure_ends_with_zero),
    TEST_CASE(every_exit_code_has_a_word),
};

TEST_MAIN("cli.exit", cases)
