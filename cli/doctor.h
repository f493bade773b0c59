/*
 * What `caadm doctor` looks at. Each part says what it found in plain words;
 * a result other than KS_OK ends the whole examination.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <limits.h>

#include "cli.h"
#include "evp.h"
#include "table.h"

struct doctor {
    struct cli *cli;
    struct cli_table table;
    struct ks_config *config; /* NULL: there is none that can be read */
    size_t problems;
    bool open_told; /* that something is open to others: it is told once */
    char hint[PATH_MAX + 256];
};

/* A hint that names things: a command, or a sentence. Valid until the next. */
const char *doctor_hint(struct doctor *doctor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The command that takes bits from PATH's mode: "chmod go-w PATH". */
const char *doctor_chmod(struct doctor *doctor, const char *bits,
                         const char *path);

/* One finding, "ok" or "problem"; HINT may be NULL. */
KS_MUST_CHECK ks_rc doctor_say(struct doctor *doctor, bool ok,
                               const char *check, const char *hint,
                               struct ks_err *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* PATH should be closed to others: problem if MODE has a bit of FORBIDDEN. */
KS_MUST_CHECK ks_rc doctor_mode(struct doctor *doctor, const char *check,
                                const char *path, unsigned forbidden,
                                struct ks_err *err);

/* A SETTING that is the source of a SECRET ("PIN"): problem if that is in
 * caadm.conf itself, or in a file that others may read. */
KS_MUST_CHECK ks_rc doctor_secret(struct doctor *doctor,
                                  const struct ks_section *section,
                                  const char *setting, const char *secret,
                                  struct ks_err *err);

/* caadm.conf, and what it says of secrets and sealing. */
KS_MUST_CHECK ks_rc doctor_config(struct doctor *doctor, struct ks_err *err);
/* Who may read or write the files. */
KS_MUST_CHECK ks_rc doctor_files(struct doctor *doctor, struct ks_err *err);
/* What caadm.conf says of tokens: modules and PINs. */
KS_MUST_CHECK ks_rc doctor_hsm(struct doctor *doctor, struct ks_err *err);
/* Backends in shared objects: who may write them. */
KS_MUST_CHECK ks_rc doctor_plugins(struct doctor *doctor, struct ks_err *err);
/* The provider's module, and openssl.cnf. */
KS_MUST_CHECK ks_rc doctor_openssl(struct doctor *doctor, struct ks_err *err);
/* Every backend opens, and its keys can be read. After doctor_openssl. */
KS_MUST_CHECK ks_rc doctor_backends(struct doctor *doctor, struct ks_err *err);
/* Every key of BACKEND, with no secret. */
KS_MUST_CHECK ks_rc doctor_each_key(struct doctor *doctor, const char *backend,
                                    cli_uri_fn *each, void *arg,
                                    struct ks_err *err);
/* Keys that others are sealed to are there. After doctor_backends. */
KS_MUST_CHECK ks_rc doctor_seal(struct doctor *doctor, struct ks_err *err);
/* Keys that load with nobody there have their secrets. After doctor_backends.
 */
KS_MUST_CHECK ks_rc doctor_secrets(struct doctor *doctor, struct ks_err *err);
/* The inventory: sound, its clock, its CAs, what is unfinished. */
KS_MUST_CHECK ks_rc doctor_inventory(struct doctor *doctor, struct ks_err *err);

#endif
