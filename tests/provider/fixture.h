/*
 * A library context with the provider and a configuration of its own. Its
 * backends, all in the folder of the test case:
 *   default   passphrase from a file
 *   ask       the same keys, passphrase from whoever loads
 *   stay      the same keys, extractable = no
 *   plain     keys without sealing
 *   db        keys in SQLite, passphrase from the file
 *   absent    of a shared object that is not there
 *   inside    of a type that a test module has (inside_backend.h)
 */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/types.h>

#include <stdbool.h>

#include "test.h"

#define FIXTURE_PASSPHRASE "correct horse"

#define FIXTURE_OURS "provider=keystore"

struct fixture {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *providers[4]; /* in the order of loading */
};

/* Every kind of key that fixture_make takes, up to a NULL: "RSA", "RSA-PSS",
 * "P-256", "P-384", "P-521", "ED25519", "ED448", "X25519", "X448". */
extern const char *const fixture_kinds[];

/* The path of keystore.so. */
extern const char fixture_module[];

/* Where modules are looked for; keystore.so's folder unless a test changes
 * it. */
extern const char *fixture_modules_dir;

/* Sections that the next configuration has beside the fixture's own. */
extern const char *fixture_more_config;

/* Whether the next fixture is opened in the process' default library context,
 * as a program is that knows of no other. */
extern bool fixture_in_default_context;

/* Writes the configuration and loads default, then keystore. */
void fixture_open(struct fixture *fixture);
/* The same with other providers, up to a NULL. */
void fixture_open_with(struct fixture *fixture, const char *const names[]);
/* Unloads and frees; FIXTURE may be opened again in the same case. */
void fixture_close(struct fixture *fixture);

/* A new key, in the backend if URI is not NULL; PASSOUT may be NULL. NULL on
 * failure. */
EVP_PKEY *fixture_make(const struct fixture *fixture, const char *kind,
                       const char *uri, const char *passout);

/* What URI yields that is of the store type EXPECT (0: the first of all);
 * PROPQ and PASSPHRASE may be NULL. */
OSSL_STORE_INFO *fixture_load_info(const struct fixture *fixture,
                                   const char *uri, const char *propq,
                                   int expect, const char *passphrase);
/* The private key of URI. */
EVP_PKEY *fixture_load(const struct fixture *fixture, const char *uri,
                       const char *propq, const char *passphrase);

/* A function of the store dispatch table by its number (ks_provider.h); NULL if
 * it is not there. */
void (*fixture_function(const struct fixture *fixture, int id))(void);

/* As an application without OSSL_STORE_delete deletes. */
int fixture_delete(const struct fixture *fixture, const char *uri);

/* Signs and verifies; for X keys agrees with itself. */
int fixture_use(const struct fixture *fixture, EVP_PKEY *private,
                EVP_PKEY *public);

/* "keystore", "default": who made the key's keymgmt. */
const char *fixture_provider_of(const EVP_PKEY *pkey);

/* The result code that keystore raised last, as a ks_rc; KS_OK if it raised
 * none. TEXT gets the error's data. Empties the error queue. */
ks_rc fixture_raised(char *text, size_t size);

#endif
