/*
 * libcrypto, with the provider: a library context of our own, in which
 * default and keystore are loaded and no openssl.cnf can interfere. Keys of
 * backends are listed, imported and resealed through OSSL_STORE and EVP, as
 * any other program could do it.
 */
#ifndef CLI_EVP_H
#define CLI_EVP_H

#include <openssl/types.h>
#include <openssl/ui.h>

#include "ca/ca.h"
#include "cli.h"
#include "ks_buf.h"
#include "ks_err.h"

#define CLI_PROVIDER "keystore"
#define CLI_PROVIDER_PROPQ "provider=keystore"

/* Loads default and keystore on first use; needs the configuration. They go
 * into the default library context, for each further one costs every start
 * its own names, fetches and random generator (main.c keeps openssl.cnf out
 * of it). KS_E_CONFIG if the module cannot be loaded. */
KS_MUST_CHECK ks_rc cli_evp(struct cli *cli, struct ks_err *err);
void cli_evp_close(struct cli *cli);

/* The folders in which keystore.so is looked for, one at a time from 0.
 * Caller frees with OPENSSL_free. KS_E_NOT_FOUND: no more. */
KS_MUST_CHECK ks_rc cli_module_folder(size_t index, char **out);

/* Each URI of a listing, in order of their names. */
typedef ks_rc cli_uri_fn(void *arg, const char *uri, struct ks_err *err);
KS_MUST_CHECK ks_rc cli_key_each(struct cli *cli, const char *uri,
                                 cli_uri_fn *each, void *arg,
                                 struct ks_err *err);

#endif
