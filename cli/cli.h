/*
 * What a run of caadm holds, and the way to it. Everything here is made on
 * first use, so a command that needs no key never loads the provider.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <sys/types.h>

#include <openssl/types.h>

#include "ks_config.h"
#include "ks_err.h"
#include "opt.h"

struct ks_inventory;

struct cli {
    struct opt_globals globals;
    char what[64]; /* the command, for messages: "cert issue" */
    mode_t umask;  /* the user's; ours is 077 */
    bool stdin_tty;
    bool stdout_tty;
    bool stderr_tty;
    bool out_started; /* something went to standard output */

    char *config_path; /* where the configuration is or would be */
    struct ks_config *config;
    OSSL_PROVIDER *default_provider;
    OSSL_PROVIDER *keystore_provider;
    char *module_path; /* of keystore.so, once loaded */
    struct ks_inventory *inventory;
};

void cli_init(struct cli *cli, const struct opt_line *line);
void cli_clear(struct cli *cli);

/* Where the configuration is or would be: --config, --home, environment.
 * Borrowed from CLI. */
KS_MUST_CHECK ks_rc cli_config_path(struct cli *cli, const char **path,
                                    struct ks_err *err);
/* The configuration, read once. Borrowed from CLI. Its absence is an error
 * with a hint to `caadm init`. */
KS_MUST_CHECK ks_rc cli_config(struct cli *cli, struct ks_config **config,
                               struct ks_err *err);

/* ^C, SIGTERM and SIGHUP set a flag, which long work asks for. A second one
 * ends the program at once, with exit code 7. */
void cli_signals_init(void);
bool cli_interrupted(void);
/* KS_E_INTERRUPTED if it is set. */
KS_MUST_CHECK ks_rc cli_check_interrupt(struct ks_err *err);
/* Says on a terminal that there is work, once it has taken a second. The
 * second is true if that was said: there is a line to wipe. */
void cli_signals_busy(const struct cli *cli);
bool cli_signals_busy_end(void);
/* A file that a sudden end must remove; NULL: none any more. Borrowed. */
void cli_signals_temp(const char *path);

#endif
