/*
 * What a person and a program get to see of a certificate that was issued,
 * or would be.
 */
#ifndef CLI_ISSUED_H
#define CLI_ISSUED_H

#include "ca/ca.h"
#include "file.h"
#include "out.h"

/* How one is handed out. Everything is borrowed. */
struct issued_output {
    const char *ca;     /* the issuer's name */
    int64_t ca_id;      /* its row; 0: self-signed */
    const char *path;   /* --out; NULL: standard output */
    const char *format; /* --format */
    bool dry_run;
    struct cli_file *file; /* opened before the work */
};

/* The certificate (after a preview its text), to the file or to standard
 * output; JSON; the summary on standard error. */
KS_MUST_CHECK ks_rc issued_hand_out(struct cli *cli, const struct ca_env *env,
                                    const struct ca_issued *issued,
                                    const struct issued_output *output,
                                    struct ks_err *err);

/* Writes the certificate and its chain to the file. */
KS_MUST_CHECK ks_rc issued_write(struct cli *cli, const struct ca_env *env,
                                 const struct ca_issued *issued,
                                 const struct issued_output *output,
                                 struct ks_err *err);
/* Names, profile, serial, end and how far off, files, what was dropped. */
void issued_summary(const struct cli *cli, const struct ca_issued *issued,
                    const struct issued_output *output);
/* PEM and TEXT may be NULL. */
json_t *issued_json(const struct ca_issued *issued,
                    const struct issued_output *output, const char *pem,
                    const char *text);

/* An array of JSON strings. */
json_t *issued_strings(const struct ca_strings *strings);

#endif
