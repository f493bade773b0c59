/*
 * Writing a certificate that exists: `ca show` and `cert show`.
 */
#ifndef CLI_SHOW_CERT_H
#define CLI_SHOW_CERT_H

#include "ca/ca.h"
#include "cli.h"
#include "opt.h"

struct show_cert_args {
    const char *format;
    bool chain;
    const char *out;
    bool force;
};

/* The rows that fill it: one list, so that both verbs take the same words. */
extern const struct opt show_cert_opts[];

/* True if the certificate itself is asked for, not what is known of it. */
bool show_cert_wanted(const struct show_cert_args *args);

/* ISSUER is the row of the CA that issued it; 0: itself. */
KS_MUST_CHECK ks_rc show_cert(struct cli *cli, const struct ca_env *env,
                              const struct ks_buf *der, int64_t issuer,
                              const struct show_cert_args *args,
                              struct ks_err *err);

#endif
