/*
 * Names of keys: those that a URI lists, sorted, or those that a search may
 * find. One after the other in one piece of memory, because there may be
 * millions.
 */
#ifndef PROV_NAMES_H
#define PROV_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "ks_err.h"
#include "locate.h"

struct prov_names {
    char *text; /* of all, each with its NUL */
    size_t used, room;
    size_t *at; /* where each begins */
    size_t n, n_room;
    bool whole; /* there are no more */
};

/*
 * Reads the listing of PLACE, so that its end is known before it is reached; of
 * a place that is one key, that. Of a backend that can search by itself only
 * the beginning, unless ALL: it may have too many to look at for nobody, as
 * long as it is not known whether they will be listed or searched.
 */
KS_MUST_CHECK ks_rc prov_names_list(const struct prov_place *place, bool all,
                                    struct prov_names **out,
                                    struct ks_err *err);

/* Those that the backend finds for QUERY. KS_E_UNSUPPORTED without a text if
 * it cannot search so. */
KS_MUST_CHECK ks_rc prov_names_find(const struct prov_place *place,
                                    const struct ks_query *query,
                                    struct prov_names **out,
                                    struct ks_err *err);

/* NAME alone. */
KS_MUST_CHECK ks_rc prov_names_one(const char *name, struct prov_names **out,
                                   struct ks_err *err);

/* What the backend calls it. Borrowed from NAMES. */
const char *prov_names_at(const struct prov_names *names, size_t index);
/* Its URI. Caller frees *uri with OPENSSL_free. */
KS_MUST_CHECK ks_rc prov_names_uri(const struct prov_store *store,
                                   const char *name, char **uri,
                                   struct ks_err *err);

void prov_names_free(struct prov_names *names); /* takes NULL */

#endif
