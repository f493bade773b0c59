/*
 * What its place tells of a key, as JSON: a token of its attributes, a backend
 * that seals keys of the seal.
 */
#ifndef CLI_KEY_FACTS_H
#define CLI_KEY_FACTS_H

#include <jansson.h>

#include "ca/ca.h"
#include "cli.h"

/* Adds a fact to the JSON object ARG: "never-extractable" "yes" becomes
 * "never_extractable": true, and what has several words an array. */
ca_fact_fn key_facts_add;

/* The facts about the key URI. *rc is why there are no more, KS_OK if there
 * are: a token that wants a PIN is no failure of ours. *out is NULL when out of
 * memory. */
void key_facts_get(const struct ca_env *env, const char *uri, json_t **out,
                   ks_rc *rc, struct ks_err *err);

#endif
