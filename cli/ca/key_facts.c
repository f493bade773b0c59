/*
 * What a backend tells of a key and of its place, and making the place: the
 * functions of ks_provider.h.
 */
#include "audit.h"
#include "key.h"
#include "store_fn.h"
#include "texts.h"

#include <openssl/err.h>
#include <openssl/params.h>

#include "ks_uri.h"

/* Facts on their way to the caller. */
struct telling {
    ca_fact_fn *each;
    void *arg;
    ks_rc rc; /* of EACH, once it has failed */
    struct ks_err *err;
};

static int tell(const OSSL_PARAM params[], void *arg)
{
    struct telling *telling = arg;
    const OSSL_PARAM *name =
        OSSL_PARAM_locate_const(params, KS_PARAM_FACT_NAME);
    const OSSL_PARAM *value =
        OSSL_PARAM_locate_const(params, KS_PARAM_FACT_VALUE);
    const char *name_text = NULL, *value_text = NULL;

    if (name == NULL || value == NULL ||
        OSSL_PARAM_get_utf8_string_ptr(name, &name_text) != 1 ||
        OSSL_PARAM_get_utf8_string_ptr(value, &value_text) != 1)
        return 1; /* of a later provider: passed over */
    telling->rc =
        telling->each(telling->arg, name_text, value_text, telling->err);
    return telling->rc == KS_OK;
}

ks_rc ca_no_function(struct ks_err *err)
{
    ks_hint(err, "\"caadm doctor\" says which keystore.so is used");
    return ks_fail(err, KS_E_CONFIG,
                   "the provider keystore is not loaded, or an older one");
}

ks_rc ca_key_describe(const struct ca_env *env, const char *uri,
                      ca_fact_fn *each, void *arg, struct ks_err *err)
{
    struct telling telling = {each, arg, KS_OK, err};
    struct ca_pins pins = env->pins;
    char shown[200];
    char *full = NULL;
    void *provctx = NULL;
    ks_store_describe_fn *fn = (ks_store_describe_fn *)ca_store_function(
        env, KS_FUNC_STORE_DESCRIBE, &provctx);
    int ok;
    ks_rc rc;

    if (fn == NULL)
        return ca_no_function(err);
    if (pins.user == NULL && pins.so == NULL)
        pins.user = env->passin;
    rc = ca_key_uri_with(uri, &pins, &full, err);
    if (rc != KS_OK)
        return rc;
    ks_uri_redact(uri, shown, sizeof(shown));
    ERR_clear_error();
    ok = fn(provctx, full, tell, &telling,
            env->ui != NULL ? ca_pass_by_ui : NULL, (void *)(uintptr_t)env);
    OPENSSL_clear_free(full, strlen(full));
    if (telling.rc != KS_OK) {
        ERR_clear_error();
        return telling.rc;
    }
    return ok == 1 ? KS_OK
                   : ca_key_refused(env, uri,
                                    ca_crypto_fail(KS_E_CRYPTO, shown, err));
}

ks_rc ca_backend_check(const struct ca_env *env, const char *backend,
                       ca_fact_fn *each, void *arg, struct ks_err *err)
{
    struct telling telling = {each, arg, KS_OK, err};
    void *provctx = NULL;
    ks_store_check_fn *fn = (ks_store_check_fn *)ca_store_function(
        env, KS_FUNC_STORE_CHECK, &provctx);
    int ok;

    if (fn == NULL)
        return ca_no_function(err);
    ERR_clear_error();
    ok = fn(provctx, backend, tell, &telling);
    if (telling.rc != KS_OK) {
        ERR_clear_error();
        return telling.rc;
    }
    return ok == 1 ? KS_OK : ca_crypto_fail(KS_E_CRYPTO, backend, err);
}

ks_rc ca_backend_init(const struct ca_env *env, const char *backend,
                      const struct ca_pins *pins, struct ks_err *err)
{
    void *provctx = NULL;
    ks_store_initialise_fn *fn = (ks_store_initialise_fn *)ca_store_function(
        env, KS_FUNC_STORE_INITIALISE, &provctx);

    if (fn == NULL)
        return ca_no_function(err);
    ERR_clear_error();
    if (fn(provctx, backend, pins->so, pins->user) != 1)
        return ca_crypto_fail(KS_E_CRYPTO, backend, err);
    return env->inv != NULL ? ca_audit(env, "backend.init", backend, NULL, err)
                            : KS_OK;
}
