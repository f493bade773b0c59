/*
 * A place to issue in: an inventory and keys in PEM files, all in the folder
 * of the test case. Every function stops the case's checks by CHECK on
 * failure, and returns what it can.
 */
#ifndef TEST_CA_FIXTURE_H
#define TEST_CA_FIXTURE_H

#include "ca.h"
#include "test.h"

struct fixture {
    struct ca_env env;
    struct ks_config *config; /* NULL unless fixture_config was called */
    struct ks_err err;        /* of the last call */
};

void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
/* Another handle on the same inventory, as another process has. */
void fixture_open_again(struct fixture *f);

/* Reads TEXT as the configuration. */
void fixture_config(struct fixture *f, const char *text);

/* A new key of TYPE ("ec:P-256") as NAME.pem. Borrowed: its "file:" URI. */
const char *fixture_key(struct fixture *f, const char *name, const char *type);

/* Creates the CA with a key of TYPE. PARENT may be NULL. */
ks_rc fixture_ca(struct fixture *f, const char *name, const char *parent,
                 const char *type, int path_length);
/* A root "root" and, below it, "issuing", both P-256. */
void fixture_cas(struct fixture *f);

/* A signed request for SUBJECT, with extensions as pairs NAME, VALUE, up to a
 * NULL; KEY NULL: a new P-256 key. Caller frees with X509_REQ_free. */
X509_REQ *fixture_req(EVP_PKEY *key, const char *subject,
                      const char *const *exts);
/* The same, parsed by ca_csr_parse. */
struct ca_csr *fixture_csr(struct fixture *f, const char *subject,
                           const char *const *exts);

/* Issues from the CA named CA. Caller clears *issued. */
ks_rc fixture_issue(struct fixture *f, const char *ca,
                    const struct ca_issue_spec *spec, struct ca_issued *issued);
/* The same for one SAN and a new request, with the server profile. */
ks_rc fixture_issue_san(struct fixture *f, const char *ca, const char *san,
                        struct ca_issued *issued);

/* What openssl verify would say of CERT under the CAs of the inventory. */
int fixture_verify(struct fixture *f, X509 *cert, int purpose);

/* The value of an extension as OpenSSL prints it; "" if there is none. In a
 * static buffer. */
const char *fixture_ext(X509 *cert, int nid);

#endif
