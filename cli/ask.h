/*
 * How libcrypto and the provider ask the person at the terminal, or the
 * source given with --passin, for a key's secret.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <openssl/ui.h>

#include "cli.h"
#include "ks_buf.h"
#include "ks_err.h"

/* Made once; NULL when out of memory. */
const UI_METHOD *cli_ask_method(void);
/* Its user data: SOURCE (borrowed), or the terminal where that is NULL. One
 * for the whole program. */
void *cli_ask_data(const struct cli *cli, const char *source);
/* Why the last question had no answer, which libcrypto does not say: KS_OK if
 * it had one, or if nothing was asked. */
ks_rc cli_ask_failure(struct ks_err *err);
void cli_ask_free(void);

/* Replaces *source (may be NULL) of OPTION if it can be read only once, stdin
 * or fd:N, by what it said, in memory that cli_ask_free wipes: a command may
 * load several keys with it, and nothing reads twice. WHAT is "passphrase" or
 * "PIN". */
KS_MUST_CHECK ks_rc cli_ask_read_once(const char *option, const char *what,
                                      const char **source, struct ks_err *err);

/* Asks on the terminal, and replaces *source by the answer, likewise. WHOSE is
 * shown; CONFIRM: a new secret. KS_E_SECRET_MISSING without a terminal. */
KS_MUST_CHECK ks_rc cli_ask_once(const struct cli *cli, const char *whose,
                                 bool confirm, const char **source,
                                 struct ks_err *err);

/* KS_E_INVALID unless SOURCE (may be NULL) has a known form; warns about
 * pass:, which every user of the machine can read. OPTION is for messages.
 */
KS_MUST_CHECK ks_rc cli_source_check(const struct cli *cli, const char *option,
                                     const char *source, struct ks_err *err);

/* The same for the passphrase of keys in a backend, which may be random. */
KS_MUST_CHECK ks_rc cli_passphrase_check(const struct cli *cli,
                                         const char *option, const char *source,
                                         struct ks_err *err);

/* Reads a new or old secret from SOURCE, or from the terminal if it is NULL.
 * WHOSE is shown. KS_E_SECRET_MISSING if there is no terminal. */
KS_MUST_CHECK ks_rc cli_secret(const struct cli *cli, const char *source,
                               const char *whose, bool confirm,
                               struct ks_secret *secret, struct ks_err *err);

/* Without a terminal on standard input nothing may ask: drops the
 * controlling terminal of this process. */
void cli_ask_only_on_terminal(const struct cli *cli);

/* KS_OK if the person types WORD. Without a terminal: KS_E_POLICY, with a
 * hint to --yes. */
KS_MUST_CHECK ks_rc cli_confirm(const struct cli *cli, const char *question,
                                const char *word, struct ks_err *err);

#endif
