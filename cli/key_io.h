/*
 * What the key commands share.
 */
#ifndef CLI_KEY_IO_H
#define CLI_KEY_IO_H

#include <jansson.h>

#include "ca/ca.h"
#include "cli.h"
#include "ks_buf.h"

/* uri, type, bits, sha256 of the public half, and the CA that uses it. */
KS_MUST_CHECK ks_rc key_io_json(const struct ca_env *env, const char *uri,
                                EVP_PKEY *pkey, json_t **out,
                                struct ks_err *err);

#endif
