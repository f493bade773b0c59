/*
 * caadm: reads the command line, runs one command, tells how it went. The
 * table in cmds.c says what there is.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "cli.h"
#include "complete.h"
#include "exit.h"
#include "heap.h"
#include "help.h"
#include "opt.h"
#include "out.h"

#define SECURE_HEAP 262144 /* bytes: a few keys of RSA-16384 */

/* Neither a core dump nor a debugger of the same user sees a secret, and no
 * file of ours is born readable to others. */
static void harden(struct cli *cli)
{
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef CAADM_SANITIZED /* the leak checker is a debugger */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    cli->umask = umask(077);
    cli_heap_init();
    /* Without locked memory secrets are still wiped; nothing to tell. */
    (void)CRYPTO_secure_malloc_init(SECURE_HEAP, 32);
    /* No openssl.cnf decides what we can do: one that is broken is for
     * doctor to find, with cryptography that works. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* A descriptor 0, 1 or 2 that is closed would be taken by the first file
 * that is opened, and prompts or data written into it. What is put there
 * fails as a closed one does: data that nobody gets is an error. */
static bool standard_files_open(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_WRONLY};

    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            return false;
    return true;
}

static ks_rc run(struct cli *cli, const struct opt_line *line,
                 struct ks_err *err)
{
    if (line->globals.version)
        return cli_out_line(cli, err, "caadm %s (%s)", CAADM_VERSION,
                            OpenSSL_version(OPENSSL_VERSION));
    if (line->noun == NULL)
        return line->globals.help ? help_list(cli, NULL, err)
                                  : help_next(cli, err);
    if (strcmp(line->noun, "help") == 0)
        return help_words(cli, line->args.argv, line->args.argc, err);
    if (line->cmd == NULL && line->globals.help)
        return help_list(cli, line->noun, err);
    if (line->cmd == NULL) {
        ks_hint(err, "caadm help %s lists them", line->noun);
        return ks_fail(err, KS_E_INVALID, "%s: needs a verb", line->noun);
    }
    if (line->globals.help)
        return help_command(cli, line->cmd, err);
    cli_ask_only_on_terminal(cli);
    cli_signals_busy(cli);
    return line->cmd->run(cli, &line->args, err);
}

/* Errors of the command line itself are told as JSON too. */
static bool wants_json(int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* libcrypto says of ^C at a prompt only that there was no answer. */
static ks_rc interrupted_answer(ks_rc rc, struct ks_err *err)
{
    struct ks_err why = {0};

    if (rc != KS_E_SECRET_MISSING || cli_ask_failure(&why) != KS_E_INTERRUPTED)
        return rc;
    *err = why;
    return KS_E_INTERRUPTED;
}

static ks_rc run_line(struct cli *cli, int argc, char *argv[],
                      struct ks_err *err)
{
    struct opt_line line = {0};
    ks_rc rc;

    if (complete_wanted(argc, argv))
        return complete(cli, argc, argv, err);
    rc = opt_parse(argc, argv, &line, err);
    cli_init(cli, &line);
    cli->globals.json = cli->globals.json || wants_json(argc, argv);
    if (rc == KS_OK)
        rc = run(cli, &line, err);
    rc = interrupted_answer(rc, err);
    if (rc == KS_OK)
        rc = cli_out_close(cli, err);
    cli_progress_end();
    if (rc != KS_OK)
        cli_error(cli, rc, err);
    cli_clear(cli);
    cli_ask_free();
    opt_line_clear(&line);
    return rc;
}

int main(int argc, char *argv[])
{
    struct cli cli = {0};
    struct ks_err err = {0};
    ks_rc rc;

    if (!standard_files_open())
        return CLI_EXIT_STORAGE;
    (void)setlocale(LC_CTYPE, "");
    harden(&cli);
    cli_signals_init();
    rc = run_line(&cli, argc, argv, &err);
    if (fflush(stdout) != 0 && rc == KS_OK)
        return CLI_EXIT_STORAGE;
    return (int)cli_exit_of(rc);
}
