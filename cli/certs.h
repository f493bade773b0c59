/*
 * Certificates that come with a key: from files, and as JSON.
 */
#ifndef CLI_CERTS_H
#define CLI_CERTS_H

#include <jansson.h>

#include "ca/ca.h"
#include "cli.h"

/* All of the file PATH ("-": standard input): PEM, what is around it passed
 * over, or DER of one. KS_E_INVALID: there is none, or something else. Caller
 * frees with sk_X509_pop_free. */
KS_MUST_CHECK ks_rc certs_read(const char *option, const char *path,
                               STACK_OF(X509) * *out, struct ks_err *err);

/* An array of what each says: subject, serial, not_after, sha256. CERTS may be
 * NULL. */
KS_MUST_CHECK ks_rc certs_json(const STACK_OF(X509) * certs, json_t **out,
                               struct ks_err *err);

#endif
