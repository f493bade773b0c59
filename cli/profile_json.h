/*
 * Profiles for output.
 */
#ifndef CLI_PROFILE_JSON_H
#define CLI_PROFILE_JSON_H

#include <jansson.h>

#include "ca/ca.h"
#include "cli.h"

/* An environment for profiles alone: without any configuration the built-in
 * ones are there. */
KS_MUST_CHECK ks_rc profile_env(struct cli *cli, struct ca_env *env,
                                struct ks_err *err);

/* NULL when out of memory. */
json_t *profile_json(const struct ca_profile *profile);

#endif
