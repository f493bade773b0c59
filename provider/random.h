/*
 * Random secrets of keys that load with nobody there: in the inventory, under
 * the key's URI. A new one is there, on disk, before the key is sealed with it,
 * and older ones go after; so, whatever is killed when, one of them opens what
 * is kept.
 *
 * The inventory is opened for each call and closed in it: nothing of SQLite's
 * is there for a fork to break.
 */
#ifndef PROV_RANDOM_H
#define PROV_RANDOM_H

#include <stdint.h>

#include "ks_buf.h"
#include "ks_err.h"
#include "stores.h"

/* Where one key is in all this. Starts as { 0 }. */
struct prov_random {
    int64_t given;           /* the last one that was given for loading */
    int64_t newest;          /* there was, when it was marked */
    int64_t drawn;           /* the new one; 0: none was drawn */
    struct ks_secret secret; /* which is this */
};
void prov_random_clear(struct prov_random *random);

/* The key URI's newest, then the one before it, and so on.
 * KS_E_SECRET_MISSING: there is no other; and what is wrong with the
 * inventory. */
KS_MUST_CHECK ks_rc prov_random_next(const struct prov_store *store,
                                     const char *uri,
                                     struct prov_random *random,
                                     struct ks_secret *secret,
                                     struct ks_err *err);

/* Draws one and keeps it; the same one if it is called again. KS_E_CONFIG: key
 * and secret would be in one file. */
KS_MUST_CHECK ks_rc prov_random_draw(const struct prov_store *store,
                                     const char *uri,
                                     struct prov_random *random,
                                     struct ks_secret *secret,
                                     struct ks_err *err);

/* Notes which there are, before the key is sealed anew or removed. */
void prov_random_mark(const struct prov_store *store, const char *uri,
                      struct prov_random *random);

/* After the key was sealed or removed, with the result RC, which is returned
 * if it is an error: the one that was drawn is now the key's only one, or else
 * those that were marked are of no use any more; after a failure it is the
 * drawn one that is not. */
KS_MUST_CHECK ks_rc prov_random_done(const struct prov_store *store,
                                     const char *uri,
                                     struct prov_random *random, ks_rc rc,
                                     struct ks_err *err);

/* After nothing was changed: removes the one that was drawn. */
void prov_random_undo(const struct prov_store *store, const char *uri,
                      struct prov_random *random);

#endif
