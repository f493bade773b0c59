/*
 * Help, printed from the tables.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ks_inventory.h"
#include "out.h"

#define WIDTH 78

/* Prints TEXT from column AT on, in lines that begin at column INDENT. */
static void put_wrapped(const char *text, size_t at, size_t indent)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (at > indent && at + 1 + len > WIDTH) {
            (void)printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            (void)putchar(' ');
            at++;
        }
        (void)printf("%.*s", (int)len, text);
        at += len;
        text += len + (text[len] == ' ');
    }
    (void)putchar('\n');
}

static void put_option(const struct opt *row)
{
    char left[64];
    int len =
        snprintf(left, sizeof(left), "  %c%c%s --%s%s%s",
                 row->letter != '\0' ? '-' : ' ',
                 row->letter != '\0' ? row->letter : ' ',
                 row->letter != '\0' ? "," : " ", row->name,
                 row->arg != NULL ? " " : "", row->arg != NULL ? row->arg : "");

    if (len < 30)
        (void)printf("%-30s", left);
    else
        (void)printf("%s\n%30s", left, "");
    put_wrapped(row->help, 30, 30);
}

static void put_options(const char *title, const struct opt *rows)
{
    (void)printf("\n%s:\n", title);
    for (; rows->name != NULL; rows++)
        put_option(rows);
}

ks_rc help_command(struct cli *cli, const struct cmd *cmd, struct ks_err *err)
{
    cli->out_started = true;
    (void)printf("Usage: caadm %s%s%s%s%s%s\n", cmd->noun,
                 cmd->verb[0] != '\0' ? " " : "", cmd->verb,
                 cmd->opts != NULL ? " [OPTION...]" : "",
                 cmd->args[0] != '\0' ? " " : "", cmd->args);
    (void)printf("%s\n", cmd->summary);
    if (cmd->about != NULL) {
        (void)putchar('\n');
        put_wrapped(cmd->about, 0, 0);
    }
    if (cmd->opts != NULL)
        put_options("Options", cmd->opts);
    put_options("Options of every command", opt_global_rows);
    (void)printf("\nExample:\n  %s\n", cmd->example);
    return ferror(stdout) == 0 ? KS_OK : cli_out_failed(err);
}

ks_rc help_list(struct cli *cli, const char *noun, struct ks_err *err)
{
    cli->out_started = true;
    (void)printf("Usage: caadm %s VERB [OPTION...] [ARGUMENT...]\n\n",
                 noun != NULL ? noun : "NOUN");
    for (size_t i = 0; cmds[i] != NULL; i++) {
        char name[64];

        if (noun != NULL && strcmp(noun, cmds[i]->noun) != 0)
            continue;
        snprintf(name, sizeof(name), "%s %s", cmds[i]->noun, cmds[i]->verb);
        (void)printf("  %-16s", name);
        put_wrapped(cmds[i]->summary, 18, 18);
    }
    if (noun == NULL)
        put_options("Options of every command", opt_global_rows);
    (void)printf("\nExample:\n  caadm %s --help\n",
                 noun != NULL ? noun : "cert issue");
    return ferror(stdout) == 0 ? KS_OK : cli_out_failed(err);
}

ks_rc help_words(struct cli *cli, const char *const *words, size_t count,
                 struct ks_err *err)
{
    const struct cmd *cmd;

    if (count == 0)
        return help_list(cli, NULL, err);
    if (!cmd_noun_exists(words[0])) {
        ks_hint(err, "caadm help lists the commands");
        return ks_fail(err, KS_E_INVALID, "%s: no such command", words[0]);
    }
    cmd = cmd_find(words[0], count > 1 ? words[1] : NULL);
    if (cmd != NULL)
        return help_command(cli, cmd, err);
    if (count > 1) {
        ks_hint(err, "caadm help %s lists its verbs", words[0]);
        return ks_fail(err, KS_E_INVALID, "%s: %s: no such verb", words[0],
                       words[1]);
    }
    return help_list(cli, words[0], err);
}

static void put_names(const struct opt *rows)
{
    for (; rows != NULL && rows->name != NULL; rows++)
        (void)printf(" --%s%s%s", rows->name, rows->arg != NULL ? "=" : "",
                     rows->arg != NULL ? rows->arg : "");
}

ks_rc help_tables(struct cli *cli, struct ks_err *err)
{
    cli->out_started = true;
    for (size_t i = 0; cmds[i] != NULL; i++) {
        (void)printf("%s%s%s", cmds[i]->noun,
                     cmds[i]->verb[0] != '\0' ? " " : "", cmds[i]->verb);
        put_names(cmds[i]->opts);
        (void)putchar('\n');
    }
    (void)printf("caadm");
    put_names(opt_global_rows);
    (void)putchar('\n');
    return ferror(stdout) == 0 ? KS_OK : cli_out_failed(err);
}
