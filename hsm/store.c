/*
 * Opening a store, and finding the token of a name. A module is loaded when
 * the first key is asked for; opening only looks at settings.
 */
#include "store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "find.h"
#include "session.h"

/* Modules that keep tokens in files (SoftHSM 2.6) pass over one that another
 * process is writing to at the moment when they are initialised. We have let
 * go of the module by then, so it is initialised anew, if only we use it. */
#define HUNTS_MORE 2

static const struct hsm_place p11_kit_place; /* no settings hold there */

/* --- opening -------------------------------------------------------------- */

static const char *setting(const struct ks_backend_env *env, const char *key)
{
    for (size_t i = 0; i < env->n_settings; i++)
        if (strcmp(env->settings[i].key, key) == 0)
            return env->settings[i].value;
    return NULL;
}

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
    const char *module = setting(env, "module");
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

/* --- tokens of a place ---------------------------------------------------- */

/* A look for tokens through one place after the other. */
struct hunt {
    const struct hsm_uri *uri;
    struct hsm_hit *hits;
    size_t n;
    struct ks_err first; /* what went wrong first, if nothing is found */
    ks_rc rc;
    char seen[160]; /* labels of the tokens that were none of these */
};

/* Whether both are one token, perhaps reached through two modules (p11-kit's
 * proxy beside the module itself). */
static bool same_token(struct hsm_token *a, struct hsm_token *b)
{
    CK_TOKEN_INFO info_a, info_b;

    if (a == b)
        return true;
    if (hsm_token_serial(a)[0] == '\0' ||
        strcmp(hsm_token_serial(a), hsm_token_serial(b)) != 0 ||
        hsm_token_info(a, &info_a) != CKR_OK ||
        hsm_token_info(b, &info_b) != CKR_OK)
        return false;
    return memcmp(info_a.label, info_b.label, sizeof(info_a.label)) == 0 &&
           memcmp(info_a.manufacturerID, info_b.manufacturerID,
                  sizeof(info_a.manufacturerID)) == 0 &&
           memcmp(info_a.model, info_b.model, sizeof(info_a.model)) == 0;
}

/* A token that two places name is one; the first place holds. Takes TOKEN. */
static void add_hit(struct hunt *hunt, struct hsm_token *token,
                    const struct hsm_place *place)
{
    for (size_t i = 0; i < hunt->n; i++)
        if (same_token(hunt->hits[i].token, token)) {
            hsm_token_put(token);
            return;
        }
    if (hunt->n == HSM_HITS_MAX) {
        hsm_token_put(token);
        return;
    }
    hunt->hits[hunt->n++] = (struct hsm_hit){token, place};
}

/* Slots of several tokens that match, to be had one by one. */
struct slots {
    struct hsm_wanted wanted;
    CK_SLOT_ID ids[HSM_HITS_MAX];
    size_t n;
};

static ks_rc note_slot(void *arg, const struct hsm_slot *slot,
                       struct ks_err *err)
{
    struct slots *slots = arg;

    (void)err;
    if (slot->has_token && slots->n < HSM_HITS_MAX &&
        (slot->token.flags & CKF_TOKEN_INITIALIZED) != 0 &&
        hsm_wanted_slot(&slots->wanted, slot))
        slots->ids[slots->n++] = slot->id;
    return KS_OK;
}

static bool is_slot(const void *arg, const struct hsm_slot *slot)
{
    return slot->id == *(const CK_SLOT_ID *)arg;
}

static ks_rc add_several(struct hunt *hunt, struct hsm_module *module,
                         const struct hsm_place *place, struct ks_err *err)
{
    struct slots slots = {.wanted = {place, hunt->uri}};
    ks_rc rc = hsm_slots(module, note_slot, &slots, err);

    for (size_t i = 0; rc == KS_OK && i < slots.n; i++) {
        struct hsm_token *token = NULL;

        rc =
            hsm_token_get(module, is_slot, &slots.ids[i], "token", &token, err);
        if (rc == KS_OK)
            add_hit(hunt, token, place);
        else if (rc == KS_E_NOT_FOUND)
            rc = KS_OK; /* taken out at this moment */
    }
    return rc;
}

static bool library_matches(struct hsm_module *module,
                            const struct hsm_uri *uri)
{
    CK_FUNCTION_LIST *f;
    CK_INFO info = {0};
    CK_RV rv;

    if (uri == NULL)
        return true;
    rv = hsm_module_enter(module, &f);
    if (rv != CKR_OK)
        return false;
    rv = f->C_GetInfo(&info);
    hsm_module_leave(module);
    return rv == CKR_OK && hsm_uri_matches_module(uri, &info);
}

/* Adds the tokens of MODULE that PLACE and the URI want. */
static ks_rc look_in(struct hunt *hunt, struct hsm_module *module,
                     const struct hsm_place *place, struct ks_err *err)
{
    const struct hsm_wanted wanted = {place, hunt->uri};
    struct hsm_token *token = NULL;
    struct ks_err why = {0};
    char text[192];
    ks_rc rc;

    if (!library_matches(module, hunt->uri))
        return ks_fail(err, KS_E_NOT_FOUND,
                       "module %s: is not the library that the URI names",
                       hsm_module_path(module));
    hsm_place_show(place, text, sizeof(text));
    rc = hsm_token_get(module, hsm_wanted_slot, &wanted,
                       hunt->uri == NULL ? text : "token of the URI", &token,
                       &why);
    if (rc == KS_OK)
        add_hit(hunt, token, place);
    else if (rc == KS_E_INVALID && hunt->uri != NULL)
        rc = add_several(hunt, module, place, err);
    if (rc != KS_OK && why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return rc == KS_OK ? rc : ks_fail(err, rc, "%s", why.text);
}

/* What hsm_token_get says when it has seen others. */
#define SEEN "tokens seen: "

/* Those of all modules are told together. */
static void note_seen(struct hunt *hunt, const struct ks_err *err)
{
    const char *labels = err->hint + strlen(SEEN);
    size_t used = strlen(hunt->seen);

    if (strncmp(err->hint, SEEN, strlen(SEEN)) == 0 &&
        strstr(hunt->seen, labels) == NULL)
        (void)snprintf(hunt->seen + used, sizeof(hunt->seen) - used, "%s%s",
                       used > 0 ? ", " : "", labels);
}

/* A fault tells more than that a token is not there. */
static void note(struct hunt *hunt, ks_rc rc, const struct ks_err *err)
{
    if (rc == KS_E_NOT_FOUND)
        note_seen(hunt, err);
    if (rc == KS_OK || (hunt->rc != KS_OK && hunt->rc != KS_E_NOT_FOUND) ||
        (hunt->rc == KS_E_NOT_FOUND && rc == KS_E_NOT_FOUND))
        return;
    hunt->rc = rc;
    hunt->first = *err;
}

static void look(struct hunt *hunt, const char *path,
                 const struct hsm_place *place)
{
    struct hsm_module *module = NULL;
    struct ks_err err = {0};
    ks_rc rc = hsm_module_get(path, &module, &err);

    if (rc == KS_OK)
        rc = look_in(hunt, module, place, &err);
    hsm_module_put(module);
    note(hunt, rc, &err);
}

static ks_rc look_p11_kit(void *arg, const char *path, struct ks_err *err)
{
    (void)err;
    look(arg, path, &p11_kit_place);
    return KS_OK;
}

static void look_everywhere(const struct hsm_store *store, struct hunt *hunt)
{
    struct ks_err err = {0};
    ks_rc rc = KS_OK;
    size_t i;

    for (i = 0; i < store->n_peers; i++)
        look(hunt, store->places[i].module, &store->places[i]);
    if (hunt->n > 0)
        return;
    for (; i < store->n_places; i++)
        look(hunt, store->places[i].module, &store->places[i]);
    if (hunt->n == 0 && store->any_module)
        rc = hsm_p11_kit_modules(hunt->uri->module_name, look_p11_kit, hunt,
                                 &err);
    note(hunt, rc, &err);
}

ks_rc hsm_store_tokens(struct hsm_store *store, const struct hsm_uri *uri,
                       struct hsm_hit *hits, size_t *n, struct ks_err *err)
{
    struct hunt hunt = {.uri = uri, .hits = hits};

    for (unsigned try = 0; try <= HUNTS_MORE; try++) {
        const struct timespec pause = {0, 20000000L << try};

        hunt.rc = KS_OK;
        look_everywhere(store, &hunt);
        if (hunt.n > 0 || hunt.rc != KS_E_NOT_FOUND || try == HUNTS_MORE)
            break;
        (void)nanosleep(&pause, NULL);
    }
    *n = hunt.n;
    if (hunt.n > 0)
        return KS_OK;
    if (hunt.rc == KS_OK) {
        ks_hint(err, "name one by ?module-path=, by pkcs11-module-path in "
                     "openssl.cnf, or in a [backend] of caadm.conf");
        return ks_fail(err, KS_E_NOT_FOUND,
                       "no PKCS#11 module is configured that could have the "
                       "token");
    }
    if (hunt.rc == KS_E_NOT_FOUND && hunt.seen[0] != '\0')
        ks_hint(err, SEEN "%s", hunt.seen);
    else if (hunt.first.hint[0] != '\0')
        ks_hint(err, "%s", hunt.first.hint);
    return ks_fail(err, hunt.rc, "%s", hunt.first.text);
}

/* --- the token of a name -------------------------------------------------- */

/* Whether a token has something that is called so, without a login. */
struct sight {
    const struct hsm_name *key;
    struct hsm_found found;
};

static CK_RV see(const struct hsm_session *session, void *arg)
{
    struct sight *sight = arg;

    return hsm_find_key(session, sight->key, 0, &sight->found);
}

static bool is_seen(struct hsm_token *token, const struct hsm_name *key)
{
    struct sight sight = {.key = key};

    return hsm_run(token, HSM_READ, see, &sight) == CKR_OK &&
           sight.found.n_keys > 0;
}

/* Of several tokens the one that shows the object. Leaves just that one. */
static ks_rc choose(struct hsm_hit *hits, size_t n, const struct hsm_name *key,
                    const char *name, struct ks_err *err)
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
    return ks_fail(err, KS_E_INVALID, "%s: %zu tokens match, and %s", name, n,
                   n_seen == 0 ? "none of them shows the object without a PIN"
                               : "more than one of them has the object");
}

static ks_rc locate(struct hsm_store *store, const struct hsm_uri *uri,
                    const char *name, const struct hsm_name *key,
                    struct hsm_hit *hit, struct ks_err *err)
{
    struct hsm_hit hits[HSM_HITS_MAX];
    struct ks_err why = {0};
    size_t n = 0;
    ks_rc rc = hsm_store_tokens(store, uri, hits, &n, &why);

    if (rc != KS_OK) {
        if (why.hint[0] != '\0')
            ks_hint(err, "%s", why.hint);
        return ks_fail(err, rc, "%s%s%s", uri != NULL ? name : "",
                       uri != NULL ? ": " : "", why.text);
    }
    if (n > 1)
        rc = choose(hits, n, key, name, err);
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
                     "%s: names a token; object= or id= names a key", name);
    if (rc != KS_OK) {
        hsm_uri_clear(&uri);
        return rc;
    }
    if (!own || !recall(store, hit)) {
        rc = locate(store, &uri, name, &uri.name, hit, err);
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
    rc = locate(store, NULL, name, key, hit, err);
    if (rc == KS_OK)
        remember(store, hit);
    else
        hsm_name_clear(key);
    return rc;
}
