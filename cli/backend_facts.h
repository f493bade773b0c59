/*
 * What a backend tells of its place.
 */
#ifndef CLI_BACKEND_FACTS_H
#define CLI_BACKEND_FACTS_H

#include <jansson.h>

#include "ca/ca.h"
#include "cli.h"

/* *facts: what could be told, {} for places of which there is nothing to
 * tell; NULL when out of memory. The result is that of the first thing that
 * is wrong with the place. */
KS_MUST_CHECK ks_rc backend_facts_get(const struct ca_env *env,
                                      const struct ks_section *section,
                                      json_t **facts, struct ks_err *err);

#endif
