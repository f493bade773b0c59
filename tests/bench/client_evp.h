/*
 * Signing through EVP, which the provider's and the engine's programs share:
 * they differ in how they come by the key.
 */
#ifndef BENCH_CLIENT_EVP_H
#define BENCH_CLIENT_EVP_H

#include <openssl/evp.h>

#include "client.h"

/* The private key of JOB. */
EVP_PKEY *client_evp_load(const struct client_job *job);
void client_evp_unload(void);

/* Prints libcrypto's errors and WHAT, and ends the program. */
void client_evp_die(const char *what);

#endif
