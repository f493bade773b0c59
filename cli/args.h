/*
 * Options that several commands share, turned into what the CA library
 * takes.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "ca/ca.h"
#include "cli.h"
#include "cmd.h"

/* --days, --until and --from. */
struct args_validity {
    struct opt_uint days;
    const char *until;
    const char *from;
};
KS_MUST_CHECK ks_rc args_validity(const struct args_validity *args,
                                  struct ca_validity *out, struct ks_err *err);

/* Which key: --key, --new-key or --backend. */
struct args_key {
    const char *key;
    const char *new_key;
    const char *backend;
    const char *key_type;
    const char *passout;
};
struct args_key_choice {
    char *uri;               /* OPENSSL_malloc */
    bool is_new;             /* then SPEC is filled */
    struct ca_key_spec spec; /* borrows from this and from ARGS */
};
/* NAME is the key's name with --backend, and without any of the three, when
 * the backend is FALLBACK; with FALLBACK NULL no key is chosen then, and
 * choice->uri is NULL. Caller clears *choice. */
KS_MUST_CHECK ks_rc args_key(const struct cli *cli, const struct args_key *args,
                             const char *fallback, const char *name,
                             struct args_key_choice *choice,
                             struct ks_err *err);
void args_key_clear(struct args_key_choice *choice);

/* KS_E_INVALID unless URI has a scheme that keys are known by: keystore:,
 * pkcs11:, file:. It is never a file's name. Warns of a pin-value, which
 * everybody on this machine can read. */
KS_MUST_CHECK ks_rc args_uri_check(const struct cli *cli, const char *option,
                                   const char *uri, struct ks_err *err);

/* The canonical form of a keystore: URI that names a key, without a query.
 * Caller frees *out with OPENSSL_free. */
KS_MUST_CHECK ks_rc args_uri_canonical(const struct cli *cli,
                                       const char *option, const char *uri,
                                       char **out, struct ks_err *err);
/* The same for a key to be made, which takes no query at all: --passout says
 * where its secret comes from. */
KS_MUST_CHECK ks_rc args_uri_new(const char *option, const char *uri,
                                 char **out, struct ks_err *err);

/* "NAME=VALUE" each. Caller frees *out with args_exts_free. */
KS_MUST_CHECK ks_rc args_exts(const struct opt_list *list, struct ca_ext **out,
                              struct ks_err *err);
void args_exts_free(struct ca_ext *exts, size_t count);

/* The request in the file PATH ("-": standard input), checked. */
KS_MUST_CHECK ks_rc args_csr(const struct ca_env *env, const char *path,
                             struct ca_csr **out, struct ks_err *err);

/* --out: NULL for standard output, whichever way it was said. */
const char *args_out(const char *out);
/* --format: pem by default. */
enum ca_format args_format(const char *format);

#endif
