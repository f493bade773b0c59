/*
 * pkcs11: URIs (RFC 7512), parsed by p11-kit.
 */
#ifndef HSM_URI_H
#define HSM_URI_H

#include <stdbool.h>

#include <p11-kit/uri.h>

#include "ks_err.h"
#include "ks_uri.h"
#include "name.h"
#include "token.h"

struct hsm_uri {
    P11KitUri *p11;       /* never with a PIN */
    struct hsm_name name; /* object, id */
    bool has_object;      /* it names objects, not just a token */
    enum ks_uri_type type;
    char *module_path; /* NULL if absent */
    char *module_name;
};

/* KS_E_INVALID naming the fault, without any PIN: not RFC 7512, an attribute
 * that is not known, both pin-value and pin-source, a type that is no key's.
 * A module-path must be absolute. */
KS_MUST_CHECK ks_rc hsm_uri_parse(const char *text, struct hsm_uri *uri,
                                  struct ks_err *err);
void hsm_uri_clear(struct hsm_uri *uri);

/* For ks_backend.parse_uri: fills *out (key = canonical text with no pin and,
 * unless it is a listing, no type; module-path kept; type; pins). */
KS_MUST_CHECK ks_rc hsm_uri_for_provider(const char *text, struct ks_uri *out,
                                         bool *listing, struct ks_err *err);

/* False if the library-... attributes of URI are not INFO's. */
bool hsm_uri_matches_module(const struct hsm_uri *uri, const CK_INFO *info);

/* For hsm_slots and hsm_token_get; ARG is a struct hsm_uri. */
bool hsm_uri_matches_slot(const void *arg, const struct hsm_slot *slot);

/*
 * "pkcs11:token=..;serial=..;..;object=..;id=..;type=.." of one key.
 * MODULE_PATH may be NULL; TYPE is KS_URI_ANY, or what a listing asked for.
 * Caller frees with OPENSSL_free; NULL when out of memory.
 */
char *hsm_uri_format(const CK_TOKEN_INFO *token, const struct hsm_name *name,
                     enum ks_uri_type type, const char *module_path);

/* True if NAME, a URI's module-name, means the module at PATH: its file name
 * without "lib" and suffix, in any case. */
bool hsm_module_name_is(const char *path, const char *name);

/* The modules that p11-kit is configured with (pkcs11.conf(5)), by file; not
 * its trust modules. NAME (module-name of a URI) restricts; may be NULL.
 * A result other than KS_OK ends the walk. */
KS_MUST_CHECK ks_rc hsm_p11_kit_modules(const char *name,
                                        ks_rc (*each)(void *arg,
                                                      const char *path,
                                                      struct ks_err *err),
                                        void *arg, struct ks_err *err);

#endif
