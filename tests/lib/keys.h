/*
 * Keys and secrets for tests.
 */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#include <stdbool.h>

#include "ks_buf.h"
#include "ks_secret.h"

/* Both halves of a key as backends take them. */
struct test_key {
    struct ks_buf spki;
    struct ks_secret pkcs8;
};

/* A new key: "RSA" (2048), "RSA-PSS" (2048), "P-256", "P-384", "P-521",
 * "ED25519", "ED448", "X25519", "X448". Stops the program if it cannot be
 * made. */
void test_key_make(const char *kind, struct test_key *key);
void test_key_clear(struct test_key *key);

/* A certificate of KEY, by KEY itself, DER. Stops the program if it cannot be
 * made. Caller clears *cert. */
void test_key_certify(const struct test_key *key, struct ks_buf *cert);

/* What a person would type: SECRETS one after the other, up to a NULL, then
 * nothing. COUNT is how often it was asked. */
struct test_answers {
    const char *secrets[4];
    unsigned asked;
    bool confirmed;   /* asked as for a new secret */
    char whose[1024]; /* the last question's */
};

/* An ask that gives ANSWERS' secrets. Borrows ANSWERS. */
struct ks_ask test_ask(struct test_answers *answers);

#endif
