/*
 * Making the token of a configured backend, in the first slot that has none.
 */
#include "initialise.h"

#include <stdio.h>
#include <string.h>

#include "place.h"

#define LABEL_MAX 32 /* bytes of CK_TOKEN_INFO.label */

static ks_rc check_place(const struct ks_backend_env *env,
                         const struct hsm_place *place, struct ks_err *err)
{
    if (place->token == NULL) {
        ks_hint(err, "token = LABEL says how it is to be called");
        return ks_fail(err, KS_E_CONFIG, "[backend %s] token: is missing",
                       env->name);
    }
    if (strlen(place->token) > LABEL_MAX)
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] token: label \"%s\" has more than %d "
                       "bytes",
                       env->name, place->token, LABEL_MAX);
    return KS_OK;
}

/* Nobody is asked for PINs of a token that is there already. */
static ks_rc refuse_same(void *arg, const struct hsm_slot *slot,
                         struct ks_err *err)
{
    const struct hsm_wanted *wanted = arg;

    if (!slot->has_token || (slot->token.flags & CKF_TOKEN_INITIALIZED) == 0 ||
        !hsm_wanted_slot(wanted, slot))
        return KS_OK;
    return ks_fail(err, KS_E_EXISTS,
                   "token \"%s\": is there already; it is left as it is",
                   wanted->place->token);
}

static bool is_free(const void *arg, const struct hsm_slot *slot)
{
    (void)arg;
    return (slot->token.flags & CKF_TOKEN_INITIALIZED) == 0;
}

static ks_rc ask_pin(const struct ks_ask *ask, const char *what,
                     const char *setting, const char *whose,
                     struct ks_secret *pin, struct ks_err *err)
{
    const struct ks_question question = {
        .what = what, .whose = whose, .confirm = true, .setting = setting};
    ks_rc rc = ask == NULL ? KS_E_SECRET_MISSING
                           : ask->get(ask->arg, &question, pin, err);

    if (rc == KS_E_SECRET_MISSING)
        (void)ks_fail(err, rc, "%s: no %s was given", whose, what);
    return rc;
}

static ks_rc make(const struct ks_backend_env *env,
                  const struct hsm_place *place, const struct ks_ask *ask,
                  struct ks_err *err)
{
    const struct hsm_place same = {.token = place->token};
    struct hsm_wanted wanted = {&same, NULL};
    struct hsm_module *module = NULL;
    struct ks_secret so_pin = {0}, user_pin = {0};
    char whose[KS_BACKEND_NAME_MAX + 64];
    ks_rc rc = hsm_module_get(place->module, &module, err);

    (void)snprintf(whose, sizeof(whose), "backend %s, new token \"%s\"",
                   env->name, place->token);
    if (rc == KS_OK)
        rc = hsm_slots(module, refuse_same, &wanted, err);
    if (rc == KS_OK)
        rc = ask_pin(ask, "SO PIN", "so_pin", whose, &so_pin, err);
    if (rc == KS_OK)
        rc = ask_pin(ask, "user PIN", "user_pin", whose, &user_pin, err);
    if (rc == KS_OK)
        rc = hsm_token_init(module, is_free, NULL, place->token, &so_pin,
                            &user_pin, err);
    ks_secret_clear(&so_pin);
    ks_secret_clear(&user_pin);
    hsm_module_put(module);
    return rc;
}

ks_rc hsm_initialise(const struct ks_backend_env *env, const struct ks_ask *ask,
                     struct ks_err *err)
{
    struct hsm_place place = {0};
    ks_rc rc = hsm_place_read(env->name, env->dir, env->settings,
                              env->n_settings, &place, err);

    if (rc == KS_OK)
        rc = check_place(env, &place, err);
    if (rc == KS_OK)
        rc = make(env, &place, ask, err);
    hsm_place_clear(&place);
    return rc;
}
