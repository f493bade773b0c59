/*
 * What `cert issue` was asked for: shared by its one-certificate and its
 * batch form.
 */
#ifndef CLI_ISSUE_ARGS_H
#define CLI_ISSUE_ARGS_H

#include "args.h"
#include "ca/ca.h"
#include "cli.h"

struct issue_args {
    const char *ca;
    const char *profile;
    struct opt_list csr;
    struct args_key key;
    const char *passin;
    struct opt_list san;
    const char *subject;
    struct args_validity validity;
    bool clamp;
    struct opt_list copy;
    struct opt_list ext;
    bool dry_run;
    const char *out;
    const char *out_dir;
    const char *format;
    bool force;
};

/* Many requests: a file for each in --out-dir, or none at all where one of
 * them could not be written. */
KS_MUST_CHECK ks_rc issue_batch(struct cli *cli, const struct ca_env *env,
                                struct ca_authority *authority,
                                const struct issue_args *args,
                                const struct ca_issue_spec *common,
                                struct ks_err *err);

#endif
