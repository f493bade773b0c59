/*
 * What programs do with keys that have nothing to do with the provider: it
 * must work whatever is active.
 */
#ifndef TEST_ORDINARY_H
#define TEST_ORDINARY_H

#include "fixture.h"

/* Everything that a program may do with keys of its own, of every kind. */
void ordinary_keys(const struct fixture *fixture);

/* TLS of both versions, with and without a group of choice, served by PKEY;
 * LABEL says whose it is in failures. */
void ordinary_tls(const struct fixture *fixture, EVP_PKEY *pkey,
                  const char *label);

#endif
