/*
 * The keys that a URI lists: the URI of each, sorted, and what is known of
 * it without a secret where somebody has looked.
 */
#ifndef PROV_NAMES_H
#define PROV_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "ks_err.h"
#include "locate.h"

struct prov_name {
    char *name; /* what the backend calls it */
    char *uri;
    struct ks_key_info info; /* filled by a search (search.h) */
};

struct prov_names {
    struct prov_name *all;
    size_t n, room;
};

/* Reads the whole listing of PLACE, so that its end is known before it is
 * reached; of a place that is one key, that. */
KS_MUST_CHECK ks_rc prov_names_new(const struct prov_place *place,
                                   struct prov_names **out, struct ks_err *err);
void prov_names_free(struct prov_names *names); /* takes NULL */

/* Takes the entry at INDEX out. */
void prov_names_drop(struct prov_names *names, size_t index);

#endif
