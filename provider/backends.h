/*
 * The backends that are built into the module.
 */
#ifndef PROV_BACKENDS_H
#define PROV_BACKENDS_H

#include "ks_backend.h"

/* The only list of them, up to a NULL: backends.c. */
extern const struct ks_backend *const prov_backends[];
/* Their types for an error text: "file, pkcs11, ...". */
extern const char prov_backend_types[];

/* NULL if TYPE is not built in. */
const struct ks_backend *prov_backend_find(const char *type);

/* The backend whose scheme URI has, in any case; NULL if there is none. */
const struct ks_backend *prov_backend_of_uri(const char *uri);

#endif
