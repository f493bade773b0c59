/*
 * A backend's listing: the URI of every key, sorted.
 */
#ifndef PROV_NAMES_H
#define PROV_NAMES_H

#include <stdbool.h>

#include "ks_err.h"
#include "stores.h"

struct prov_names;

/* Reads the whole listing, so that its end is known before it is reached. */
KS_MUST_CHECK ks_rc prov_names_new(const struct prov_store *store,
                                   struct prov_names **out, struct ks_err *err);
void prov_names_free(struct prov_names *names); /* takes NULL */

bool prov_names_more(const struct prov_names *names);
/* The next URI, borrowed; NULL after the last. */
const char *prov_names_next(struct prov_names *names);

#endif
