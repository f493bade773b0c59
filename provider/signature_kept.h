/*
 * The start of a signature over a message, kept with an operation key: a
 * server begins one for every connection, always the same, and a copy costs a
 * fraction of beginning anew.
 */
#ifndef PROV_SIGNATURE_KEPT_H
#define PROV_SIGNATURE_KEPT_H

#include <stdbool.h>

#include "signature.h"

struct prov_kept;

/* Fills SIG's stream with a copy of what was begun with DIGEST (NULL: the
 * key's default) before; false if there is no such. */
bool prov_kept_copy(struct prov_signature *sig, const char *digest);

/* Keeps SIG's stream, which was begun with DIGEST and no parameters, and
 * gives SIG a copy; does nothing where one is kept. 0: out of memory. */
int prov_kept_save(struct prov_signature *sig, const char *digest);

/* Takes NULL. */
void prov_kept_free(struct prov_kept *kept);

#endif
