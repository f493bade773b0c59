/*
 * The backends that are built into the module.
 */
#ifndef PROV_BACKENDS_H
#define PROV_BACKENDS_H

#include "ks_backend.h"

/* NULL if TYPE is not built in. */
const struct ks_backend *prov_backend_find(const char *type);

/* The built-in types for an error text: "file". */
extern const char prov_backend_types[];

#endif
