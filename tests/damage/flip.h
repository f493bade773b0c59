/*
 * Keys that are kept with one bit changed: a place whose keys are sealed in
 * one of the three forms, one key in it, and what a caller then gets.
 */
#ifndef TEST_FLIP_H
#define TEST_FLIP_H

#include "keys.h"
#include "ks_backend.h"
#include "seal/sealing.h"
#include "test.h"
#include "tmpdir.h"

#define FLIP_NAME "k"
#define FLIP_OTHER "other"
#define FLIP_SECRET "a passphrase"

enum flip_seal {
    FLIP_PASSPHRASE,
    FLIP_PLAIN,
    FLIP_TO_EC,
    FLIP_TO_RSA
};

struct flip {
    const struct ks_backend *backend;
    const char *path; /* setting of that name */
    enum flip_seal seal;
    struct test_key key, kek;
    struct ks_keyring keyring;
    struct ks_sealing *sealing;
    void *store;
    unsigned same, refused, other; /* what flip_look has seen */
};

/* Makes the place in the folder of this case, keys of KIND (keys.h) in it: the
 * one that is looked at, and another one. The store is left open. Stops the
 * program if that fails. */
void flip_make(struct flip *flip, const struct ks_backend *backend,
               const char *path, enum flip_seal seal, const char *kind);
void flip_clear(struct flip *flip);

void flip_open(struct flip *flip);
void flip_close(struct flip *flip);

/* Asks the store in every way for the key, and counts: SAME, or REFUSED if
 * nothing came of it, or OTHER if anything came that is not the key's. */
void flip_look(struct flip *flip);

/* The key is as it was, most changes were refused, none gave another key. */
void flip_check(struct flip *flip, const char *what);

#endif
