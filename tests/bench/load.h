/* Loading for measuring programs. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <openssl/evp.h>

/* The private key of URI, a name or a file's path; SECRET (may be NULL) is what
 * a person would type. Ends the program if there is none. */
EVP_PKEY *bench_load(const char *uri, const char *secret);

#endif
