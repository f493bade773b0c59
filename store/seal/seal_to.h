/*
 * Lists of the keys that keys are sealed to: "URI, URI".
 */
#ifndef KS_SEAL_TO_H
#define KS_SEAL_TO_H

#include <stddef.h>

#include "ks_err.h"

struct ks_seal_to {
    char **uris; /* as written */
    size_t n;
};
void ks_seal_to_clear(struct ks_seal_to *list); /* takes { 0 } */

/* Reads TEXT. A comma ends a URI if a space or another URI follows; others
 * are part of it. KS_E_CONFIG: what is no URI of a key, or there twice, or too
 * much; BACKEND's own keys. BACKEND may be NULL. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_seal_to_parse(const char *text, const char *backend,
                                     struct ks_seal_to *list,
                                     struct ks_err *err);

/* The list for a sealed key to be found by: "URI, URI" without secrets or
 * where they are. Caller frees with OPENSSL_free. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_seal_to_hints(const struct ks_seal_to *list, char **out,
                                     struct ks_err *err);

/* As ks_seal_to_parse, of such hints, whoever wrote them: leaves out what
 * nobody may make us open, files, and URIs with attributes. */
KS_MUST_CHECK ks_rc ks_seal_to_from_hints(const char *text,
                                          struct ks_seal_to *list,
                                          struct ks_err *err);

#endif
