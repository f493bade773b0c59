/*
 * Which result ends with which exit code.
 */
#include "exit.h"

#include <stddef.h>

static const struct {
    ks_rc rc;
    enum cli_exit code;
} table[] = {
    {KS_OK, CLI_EXIT_DONE},
    {KS_E_POLICY, CLI_EXIT_REFUSED},
    {KS_E_EXISTS, CLI_EXIT_REFUSED},
    {KS_E_NOT_EXPORTABLE, CLI_EXIT_KEY},
    {KS_E_INVALID, CLI_EXIT_USAGE},
    {KS_E_CONFIG, CLI_EXIT_USAGE},
    {KS_E_UNSUPPORTED, CLI_EXIT_USAGE},
    {KS_E_NOT_FOUND, CLI_EXIT_NOT_FOUND},
    {KS_E_SECRET_MISSING, CLI_EXIT_KEY},
    {KS_E_SECRET_WRONG, CLI_EXIT_KEY},
    {KS_E_DAMAGED, CLI_EXIT_KEY},
    {KS_E_CRYPTO, CLI_EXIT_KEY},
    {KS_E_DENIED, CLI_EXIT_STORAGE},
    {KS_E_IO, CLI_EXIT_STORAGE},
    {KS_E_FULL, CLI_EXIT_STORAGE},
    {KS_E_BUSY, CLI_EXIT_STORAGE},
    {KS_E_NOMEM, CLI_EXIT_STORAGE},
    {KS_E_INTERNAL, CLI_EXIT_STORAGE},
    {KS_E_VERIFY, CLI_EXIT_NEGATIVE},
    {KS_E_INTERRUPTED, CLI_EXIT_INTERRUPTED},
};

enum cli_exit cli_exit_of(ks_rc rc)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].rc == rc)
            return table[i].code;
    return CLI_EXIT_STORAGE;
}

const char *cli_exit_word(enum cli_exit code)
{
    static const char *const words[] = {
        [CLI_EXIT_DONE] = "done",
        [CLI_EXIT_REFUSED] = "refused",
        [CLI_EXIT_USAGE] = "usage",
        [CLI_EXIT_NOT_FOUND] = "not-found",
        [CLI_EXIT_KEY] = "key",
        [CLI_EXIT_STORAGE] = "storage",
        [CLI_EXIT_NEGATIVE] = "negative",
        [CLI_EXIT_INTERRUPTED] = "interrupted",
    };

    return words[code];
}
