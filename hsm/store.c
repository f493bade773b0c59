/*
 * Opening a store, and finding the token of a name. A module is loaded when
 * the first key is asked for; opening only looks at settings.
 */
#include "store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "find.h"
#include "session.h"

/* --- opening -------------------------------------------------------------- */

/* Whether two paths, or names for dlopen, are of one file. */
static bool same_module(const char *a, const char *b)
{
    char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
    bool same =
        strcmp(real_a != NULL ? real_a : a, real_b != NULL ? real_b : b) == 0;

    free(real_a);
    free(real_b);
    return same;
}

/* Configured backends that the URI may mean. One that is broken is passed
 * over: it has errors of its own. */
static ks_rc add_peers(const struct ks_backend_env *env,
                       struct hsm_store *store)
{
    for (size_t i = 0; i < env->n_peers; i++) {
        const struct ks_section *peer = env->peers[i];
        struct hsm_place *place = &store->places[store->n_places];
        struct ks_err ignored = {0};
        ks_rc rc = hsm_place_read(peer->name, env->dir, peer->settings,
                                  peer->n_settings, place, &ignored);

        if (rc == KS_E_NOMEM)
            return rc;
        if (rc != KS_OK ||
            (store->uri.module_name != NULL &&
             !hsm_module_name_is(place->module, store->uri.module_name)) ||
            (store->uri.module_path != NULL &&
             !same_module(place->module, store->uri.module_path)))
            hsm_place_clear(place);
        else
            store->n_places++;
    }
    store->n_peers = store->n_places;
    return KS_OK;
}

static ks_rc fill_for_uri(const struct ks_backend_env *env,
                          struct hsm_store *store, struct ks_err *err)
{
    const char *module =
        ks_setting_get(env->settings, env->n_settings, "module");
    ks_rc rc = hsm_uri_parse(env->uri, &store->uri, err);

    if (rc != KS_OK)
        return rc;
    store->text = OPENSSL_strdup(env->uri);
    store->places = OPENSSL_zalloc((env->n_peers + 1) * sizeof(*store->places));
    if (store->text == NULL || store->places == NULL)
        return KS_E_NOMEM;
    rc = add_peers(env, store);
    if (rc != KS_OK)
        return rc;
    store->any_module = store->uri.module_path == NULL;
    if (store->uri.module_path != NULL)
        module = store->uri.module_path;
    if (module == NULL)
        return KS_OK;
    rc = hsm_place_set(module, &store->places[store->n_places++]);
    return rc;
}

static ks_rc fill_configured(const struct ks_backend_env *env,
                             struct hsm_store *store, struct ks_err *err)
{
    store->name = OPENSSL_strdup(env->name);
    store->places = OPENSSL_zalloc(sizeof(*store->places));
    if (store->name == NULL || store->places == NULL)
        return KS_E_NOMEM;
    store->n_places = 1;
    return hsm_place_read(env->name, env->dir, env->settings, env->n_settings,
                          store->places, err);
}

ks_rc hsm_store_open(const struct ks_backend_env *env, struct hsm_store **out,
                     struct ks_err *err)
{
    struct hsm_store *store = OPENSSL_zalloc(sizeof(*store));
    ks_rc rc = KS_OK;

    if (store == NULL)
        return KS_E_NOMEM;
    store->libctx = env->libctx;
    if (env->propq != NULL) {
        store->propq = OPENSSL_strdup(env->propq);
        rc = store->propq == NULL ? KS_E_NOMEM : KS_OK;
    }
    if (rc == KS_OK)
        rc = env->uri != NULL ? fill_for_uri(env, store, err)
                              : fill_configured(env, store, err);
    if (rc == KS_E_NOMEM)
        (void)ks_fail(err, rc, "out of memory");
    if (rc != KS_OK)
        hsm_store_close(store);
    else
        *out = store;
    return rc;
}

void hsm_store_close(struct hsm_store *store)
{
    if (store == NULL)
        return;
    hsm_token_put(atomic_load(&store->token));
    for (size_t i = 0; i < store->n_places; i++)
        hsm_place_clear(&store->places[i]);
    OPENSSL_free(store->places);
    hsm_uri_clear(&store->uri);
    OPENSSL_free(store->text);
    OPENSSL_free(store->name);
    OPENSSL_free(store->propq);
    OPENSSL_free(store);
}

/* --- the token of a name -------------------------------------------------- */

/* Whether a token has something that is called so, without a login. */
static bool is_seen(struct hsm_token *token, const struct hsm_name *key)
{
    struct hsm_found found;

    return hsm_find_key_on(token, key, 0, &found) == CKR_OK && found.n_keys > 0;
}

/* Of several tokens the one that shows the object. Leaves just that one. */
static ks_rc choose(struct hsm_hit *hits, size_t n, const struct hsm_name *key,
                    struct ks_err *err)
{
    size_t n_seen = 0, seen = 0;

    for (size_t i = 0; i < n; i++)
        if (is_seen(hits[i].token, key)) {
            seen = i;
            n_seen++;
        }
    if (n_seen == 1) {
        for (size_t i = 0; i < n; i++)
            if (i != seen)
                hsm_token_put(hits[i].token);
        hits[0] = hits[seen];
        return KS_OK;
    }
    ks_hint(err,
            "say which one by token= and serial=: \"%s\" (serial=%s), "
            "\"%s\" (serial=%s)%s",
            hsm_token_label(hits[0].token), hsm_token_serial(hits[0].token),
            hsm_token_label(hits[1].token), hsm_token_serial(hits[1].token),
            n > 2 ? ", ..." : "");
    for (size_t i = 0; i < n; i++)
        hsm_token_put(hits[i].token);
    return ks_fail(err, KS_E_INVALID, "%zu tokens match, and %s", n,
                   n_seen == 0 ? "none of them shows the object without a PIN"
                               : "more than one of them has the object");
}

static ks_rc locate(struct hsm_store *store, const struct hsm_uri *uri,
                    const struct hsm_name *key, struct hsm_hit *hit,
                    struct ks_err *err)
{
    struct hsm_hit hits[HSM_HITS_MAX];
    size_t n = 0;
    ks_rc rc = hsm_store_tokens(store, uri, hits, &n, err);

    if (rc != KS_OK)
        return rc;
    if (n > 1)
        rc = choose(hits, n, key, err);
    if (rc == KS_OK)
        *hit = hits[0];
    return rc;
}

/* The token that was found before; NULL if none was. */
static bool recall(struct hsm_store *store, struct hsm_hit *hit)
{
    hit->token = atomic_load(&store->token);
    if (hit->token == NULL)
        return false;
    hit->place = atomic_load(&store->token_place);
    hsm_token_ref(hit->token);
    return true;
}

static void remember(struct hsm_store *store, const struct hsm_hit *hit)
{
    struct hsm_token *none = NULL;

    hsm_token_ref(hit->token);
    atomic_store(&store->token_place, hit->place);
    if (!atomic_compare_exchange_strong(&store->token, &none, hit->token))
        hsm_token_put(hit->token); /* another thread was first */
}

static ks_rc locate_uri(struct hsm_store *store, const char *name,
                        struct hsm_hit *hit, struct hsm_name *key,
                        struct ks_err *err)
{
    bool own = strcmp(name, store->text) == 0;
    struct hsm_uri uri = {0};
    ks_rc rc = hsm_uri_parse(name, &uri, err);

    if (rc == KS_OK && !uri.has_object)
        rc = ks_fail(err, KS_E_INVALID,
                     "names a token; object= or id= names a key");
    if (rc != KS_OK) {
        hsm_uri_clear(&uri);
        return rc;
    }
    if (!own || !recall(store, hit)) {
        rc = locate(store, &uri, &uri.name, hit, err);
        if (rc == KS_OK && own)
            remember(store, hit);
    }
    if (rc == KS_OK) {
        *key = uri.name;
        uri.name = (struct hsm_name){0}; /* given to the caller */
    }
    hsm_uri_clear(&uri);
    return rc;
}

ks_rc hsm_store_locate(struct hsm_store *store, const char *name,
                       struct hsm_hit *hit, struct hsm_name *key,
                       struct ks_err *err)
{
    ks_rc rc;

    if (store->name == NULL)
        return locate_uri(store, name, hit, key, err);
    rc = hsm_name_parse(name, key, err);
    if (rc != KS_OK || recall(store, hit))
        return rc;
    rc = locate(store, NULL, key, hit, err);
    if (rc == KS_OK)
        remember(store, hit);
    else
        hsm_name_clear(key);
    return rc;
}
