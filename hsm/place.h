/*
 * A place to look for tokens in: a module, and which of its tokens.
 */
#ifndef HSM_PLACE_H
#define HSM_PLACE_H

#include "ks_backend.h"
#include "token.h"
#include "uri.h"

struct hsm_place {
    char *backend; /* configured name, whose PIN settings hold; or NULL */
    char *module;  /* path, or a name that dlopen finds */
    char *token;   /* label; NULL: any */
    char *serial;  /* NULL: any */
};

/* From a backend's section of caadm.conf. KS_E_CONFIG: no module, or both
 * PINs. Caller clears *place. */
KS_MUST_CHECK ks_rc hsm_place_read(const char *backend, const char *dir,
                                   const struct ks_setting *settings,
                                   size_t n_settings, struct hsm_place *place,
                                   struct ks_err *err);
/* MODULE and nothing else. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc hsm_place_set(const char *module, struct hsm_place *place);
void hsm_place_clear(struct hsm_place *place);

/* A place and what a URI wants there; for hsm_slots and hsm_token_get. */
struct hsm_wanted {
    const struct hsm_place *place;
    const struct hsm_uri *uri; /* NULL: anything */
};
bool hsm_wanted_slot(const void *arg, const struct hsm_slot *slot);

/* 'backend hsm: token "x"', for texts; at most SIZE - 1 bytes. */
void hsm_place_show(const struct hsm_place *place, char *text, size_t size);

#endif
