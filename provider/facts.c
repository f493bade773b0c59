/*
 * Facts about keys and backends, and the making of a token: STORE functions
 * that libcrypto does not know.
 */
#include "facts.h"

#include <string.h>

#include <openssl/params.h>

#include "ask.h"
#include "certs.h"
#include "err.h"
#include "locate.h"
#include "stores.h"

/* Who is told. */
struct listener {
    OSSL_CALLBACK *cb;
    void *arg;
};

static ks_rc tell(void *arg, const char *name, const char *value,
                  struct ks_err *err)
{
    const struct listener *listener = arg;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(KS_PARAM_FACT_NAME, (char *)name, 0),
        OSSL_PARAM_construct_utf8_string(KS_PARAM_FACT_VALUE, (char *)value, 0),
        OSSL_PARAM_construct_end()};

    if (listener->cb(params, listener->arg))
        return KS_OK;
    return ks_fail(err, KS_E_INTERRUPTED, "no more facts were wanted");
}

/* ---- a key ---- */

static ks_rc describe(const struct prov_place *place, struct prov_pw *pw,
                      struct listener *listener, struct ks_err *err)
{
    const struct prov_store *store = place->store;
    const struct ks_ask application = {prov_pw_get, pw};
    struct prov_ask chain = {.uri = &place->uri,
                             .store = store,
                             .application = &application,
                             .whose = place->canonical};
    const struct ks_ask ask = {prov_ask_get, &chain};
    ks_rc rc = KS_OK;

    if (store->sealing != NULL)
        rc = ks_material_describe(&store->place, place->name, tell, listener,
                                  err);
    if (rc == KS_OK && store->backend->describe != NULL)
        rc = store->backend->describe(store->handle, place->name, &ask, tell,
                                      listener, err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", place->canonical);
    return rc;
}

int prov_facts_describe(void *provctx, const char *uri, OSSL_CALLBACK *cb,
                        void *arg, OSSL_PASSPHRASE_CALLBACK *pw_cb,
                        void *pw_arg)
{
    struct prov_ctx *ctx = provctx;
    struct listener listener = {cb, arg};
    struct prov_pw pw = {pw_cb, pw_arg};
    struct prov_place place = {0};
    struct ks_err err = {0};
    ks_rc rc = prov_place_open_key(ctx, uri, &place, &err);

    if (rc == KS_OK)
        rc = describe(&place, &pw, &listener, &err);
    prov_place_close(&place);
    return rc == KS_OK ? 1 : prov_fail(ctx, rc, &err);
}

static ks_rc certify(const struct prov_place *place, const unsigned char *certs,
                     size_t n, struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct ks_buf cert = {0}, chain = {0};
    struct ks_err why = {0};
    ks_rc rc;

    if (store->sealing == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s keeps no certificates that it is "
                       "given",
                       place->canonical, store->backend->type);
    rc = ks_certs_split(certs, n, &cert, &chain, &why);
    if (rc != KS_OK)
        (void)ks_fail(err, rc, "%s: %s", place->canonical, why.text);
    else
        rc =
            ks_material_certify(&store->place, place->name, &cert, &chain, err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", place->canonical);
    ks_buf_clear(&cert);
    ks_buf_clear(&chain);
    return rc;
}

int prov_facts_certify(void *provctx, const char *uri,
                       const unsigned char *certs, size_t n)
{
    struct prov_ctx *ctx = provctx;
    struct prov_place place = {0};
    struct ks_err err = {0};
    ks_rc rc = prov_place_open_key(ctx, uri, &place, &err);

    if (rc == KS_OK)
        rc = certify(&place, certs, n, &err);
    prov_place_close(&place);
    return rc == KS_OK ? 1 : prov_fail(ctx, rc, &err);
}

/* ---- a backend ---- */

/* One that has no facts to tell can be opened, or cannot. */
static ks_rc try_open(struct prov_ctx *ctx, const char *name,
                      struct ks_err *err)
{
    const struct prov_store *store = NULL;
    ks_rc rc = prov_stores_get(ctx->stores, name, &store, err);

    if (rc == KS_OK)
        prov_store_unref(store);
    return rc;
}

int prov_facts_check(void *provctx, const char *backend, OSSL_CALLBACK *cb,
                     void *arg)
{
    struct prov_ctx *ctx = provctx;
    struct listener listener = {cb, arg};
    const struct ks_backend *type = NULL;
    struct ks_backend_env env = {0};
    struct ks_err err = {0};
    ks_rc rc = prov_stores_env(ctx->stores, backend, &type, &env, &err);

    if (rc == KS_OK)
        rc = type->check != NULL ? type->check(&env, tell, &listener, &err)
                                 : try_open(ctx, backend, &err);
    return rc == KS_OK ? 1 : prov_fail(ctx, rc, &err);
}

/* ---- a new token ---- */

/* The PINs of a token that is yet to be: by source, by the configuration, or
 * by a person who types them twice. */
struct new_pins {
    const char *so_pin;   /* sources; NULL: none is given, */
    const char *user_pin; /* "": nor is the configured one wanted */
    const struct ks_backend_env *env;
};

static ks_rc new_pin_get(void *arg, const struct ks_question *question,
                         struct ks_secret *secret, struct ks_err *err)
{
    const struct new_pins *pins = arg;
    const bool is_so =
        question->setting != NULL && strcmp(question->setting, "so_pin") == 0;
    const char *given = is_so ? pins->so_pin : pins->user_pin;
    const char *configured =
        ks_setting_get(pins->env->settings, pins->env->n_settings,
                       is_so ? "so_pin" : "user_pin");
    struct ks_question ours = *question;

    ours.confirm = true;
    if (question->attempt > 0)
        return ks_fail(err, KS_E_SECRET_MISSING, "no other %s was given",
                       question->what);
    if (given != NULL && given[0] != '\0')
        return ks_secret_resolve(given, NULL, &ours, secret, err);
    if (given == NULL && configured != NULL)
        return ks_secret_resolve(configured, pins->env->dir, &ours, secret,
                                 err);
    if (question->quiet)
        return ks_fail(err, KS_E_SECRET_MISSING, "no %s was given",
                       question->what);
    return ks_secret_prompt(&ours, secret, err);
}

static ks_rc check_source(const char *source, struct ks_err *err)
{
    return source == NULL || source[0] == '\0'
               ? KS_OK
               : ks_secret_source_check(source, err);
}

int prov_facts_initialise(void *provctx, const char *backend,
                          const char *so_pin, const char *user_pin)
{
    struct prov_ctx *ctx = provctx;
    const struct ks_backend *type = NULL;
    struct ks_backend_env env = {0};
    struct new_pins pins = {so_pin, user_pin, &env};
    const struct ks_ask ask = {new_pin_get, &pins};
    struct ks_err err = {0};
    ks_rc rc = prov_stores_env(ctx->stores, backend, &type, &env, &err);

    if (rc == KS_OK && type->initialise == NULL)
        rc = ks_fail(&err, KS_E_UNSUPPORTED,
                     "backend \"%s\": type %s has nothing to initialise",
                     backend, type->type);
    if (rc == KS_OK)
        rc = check_source(so_pin, &err);
    if (rc == KS_OK)
        rc = check_source(user_pin, &err);
    if (rc == KS_OK)
        rc = type->initialise(&env, &ask, &err);
    return rc == KS_OK ? 1 : prov_fail(ctx, rc, &err);
}
