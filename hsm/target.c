/*
 * From a name to a token, and errors that say both.
 */
#include "target.h"

#include <openssl/crypto.h>

#include "ckr.h"
#include "ks_uri.h"
#include "login.h"

ks_rc hsm_target_open(struct hsm_store *store, const char *name,
                      struct hsm_target *target, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = KS_OK;

    *target = (struct hsm_target){.store = store, .name = name};
    if (store->name != NULL)
        rc = ks_uri_format(store->name, name, &target->whose);
    else
        target->whose = OPENSSL_strdup(name);
    if (rc != KS_OK || target->whose == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = hsm_store_locate(store, name, &target->hit, &target->key, &why);
    if (rc == KS_OK || why.text[0] == '\0')
        return rc;
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s: %s", target->whose, why.text);
}

void hsm_target_clear(struct hsm_target *target)
{
    hsm_token_put(target->hit.token);
    hsm_name_clear(&target->key);
    OPENSSL_free(target->whose);
    *target = (struct hsm_target){0};
}

/* WHY names the token: adds the key, and what to do about a wrong PIN. */
static ks_rc login_failed(const struct hsm_target *target, ks_rc rc,
                          const struct ks_err *why, struct ks_err *err)
{
    if (rc == KS_E_SECRET_WRONG)
        ks_hint(err,
                "put the token's PIN right where it comes from (user_pin, "
                "--user-pin, pin-source) before another try%s%s",
                why->hint[0] != '\0' ? "; " : "", why->hint);
    else if (why->hint[0] != '\0')
        ks_hint(err, "%s", why->hint);
    return ks_fail(err, rc, "%s: %s", target->whose, why->text);
}

ks_rc hsm_target_login(const struct hsm_target *target,
                       const struct ks_ask *ask, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = hsm_login(target->hit.token, target->hit.place->backend,
                         target->whose, ask, &why);

    return rc == KS_OK ? rc : login_failed(target, rc, &why, err);
}

ks_rc hsm_target_prepare(const struct hsm_target *target,
                         const struct ks_ask *ask, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = hsm_login_prepare(target->hit.token, target->hit.place->backend,
                                 target->whose, ask, &why);

    return rc == KS_OK ? rc : login_failed(target, rc, &why, err);
}

ks_rc hsm_target_find(const struct hsm_target *target, unsigned want,
                      struct hsm_found *found, struct ks_err *err)
{
    CK_RV rv = hsm_find_key_on(target->hit.token, &target->key, want, found);

    if (rv != CKR_OK)
        return hsm_target_fail(target, rv, "search", err);
    return hsm_found_check(found, target->hit.token, target->whose, err);
}

ks_rc hsm_target_fail(const struct hsm_target *target, CK_RV rv,
                      const char *what, struct ks_err *err)
{
    if (hsm_is_so(target->hit.token))
        ks_hint(err, "an SO PIN only makes tokens and sets user PINs: give "
                     "the user PIN instead (user_pin, ?pin-source=)");
    return hsm_ckr_fail(err, rv, "%s: token \"%s\": %s", target->whose,
                        hsm_token_label(target->hit.token), what);
}
