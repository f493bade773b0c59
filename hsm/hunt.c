/*
 * Looking for tokens, in one place after the other.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store.h"

/* Modules that keep tokens in files (SoftHSM 2.6) pass over one that another
 * process is writing to at the moment when they are initialised. We have let
 * go of the module by then, so it is initialised anew, if only we use it. */
#define HUNTS_MORE 2

static const struct hsm_place p11_kit_place; /* no settings hold there */

/* A look for tokens through one place after the other. */
struct hunt {
    const struct hsm_uri *uri;
    const struct hsm_place *peers; /* configured backends' */
    size_t n_peers;
    struct hsm_hit *hits;
    size_t n;
    struct ks_err first; /* what went wrong first, if nothing is found */
    ks_rc rc;
    char seen[160]; /* labels of the tokens that were none of these */
    char idle[160]; /* a module of p11-kit's that does not work */
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

/* A token of p11-kit's may be one that a backend names, which was not seen
 * there at that moment (it was being written): the settings hold all the same,
 * its PIN above all. */
static const struct hsm_place *place_of(const struct hunt *hunt,
                                        const struct hsm_token *token,
                                        const struct hsm_place *place)
{
    const char *path = hsm_module_path(hsm_token_module(token));

    for (size_t i = 0; place->backend == NULL && i < hunt->n_peers; i++) {
        const struct hsm_place *peer = &hunt->peers[i];

        if (strcmp(peer->module, path) == 0 &&
            (peer->token == NULL ||
             strcmp(peer->token, hsm_token_label(token)) == 0) &&
            (peer->serial == NULL ||
             strcmp(peer->serial, hsm_token_serial(token)) == 0))
            return peer;
    }
    return place;
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
    hunt->hits[hunt->n++] =
        (struct hsm_hit){token, place_of(hunt, token, place)};
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

static ks_rc look(struct hunt *hunt, const char *path,
                  const struct hsm_place *place, struct ks_err *err)
{
    struct hsm_module *module = NULL;
    ks_rc rc = hsm_module_get(path, &module, err);

    if (rc == KS_OK)
        rc = look_in(hunt, module, place, err);
    hsm_module_put(module);
    return rc;
}

static void look_and_note(struct hunt *hunt, const struct hsm_place *place)
{
    struct ks_err err = {0};
    ks_rc rc = look(hunt, place->module, place, &err);

    note(hunt, rc, &err);
}

/* Packages put modules there that nobody asked for, and that fail where their
 * daemon does not run (OpenSC without pcscd): said beside what the others say,
 * and by itself if there are none. */
static ks_rc look_p11_kit(void *arg, const char *path, struct ks_err *err)
{
    struct hunt *hunt = arg;
    struct ks_err why = {0};
    ks_rc rc = look(hunt, path, &p11_kit_place, &why);

    (void)err;
    if (rc == KS_OK || rc == KS_E_NOT_FOUND)
        note(hunt, rc, &why);
    else if (hunt->idle[0] == '\0')
        (void)snprintf(hunt->idle, sizeof(hunt->idle), "%.*s",
                       (int)sizeof(hunt->idle) - 1, why.text);
    return KS_OK;
}

static void look_everywhere(const struct hsm_store *store, struct hunt *hunt)
{
    struct ks_err err = {0};
    ks_rc rc = KS_OK;
    size_t i;

    for (i = 0; i < store->n_peers; i++)
        look_and_note(hunt, &store->places[i]);
    if (hunt->n > 0)
        return;
    for (; i < store->n_places; i++)
        look_and_note(hunt, &store->places[i]);
    if (hunt->n == 0 && store->any_module)
        rc = hsm_p11_kit_modules(hunt->uri->module_name, look_p11_kit, hunt,
                                 &err);
    note(hunt, rc, &err);
}

/* Nothing was found, and no module that looked says why. */
static ks_rc no_module(const struct hunt *hunt, struct ks_err *err)
{
    ks_hint(err, "name one by ?module-path=, by pkcs11-module-path in "
                 "openssl.cnf, or in a [backend] of caadm.conf");
    if (hunt->idle[0] != '\0')
        return ks_fail(err, KS_E_CRYPTO, "%s", hunt->idle);
    return ks_fail(err, KS_E_NOT_FOUND,
                   "no PKCS#11 module is configured that could have the token");
}

static ks_rc nothing_found(const struct hunt *hunt, struct ks_err *err)
{
    const bool idle = hunt->idle[0] != '\0';

    if (hunt->rc == KS_OK)
        return no_module(hunt, err);
    if (hunt->rc == KS_E_NOT_FOUND && hunt->seen[0] != '\0')
        ks_hint(err, SEEN "%s%s%s", hunt->seen, idle ? "; " : "", hunt->idle);
    else if (hunt->first.hint[0] != '\0')
        ks_hint(err, "%s", hunt->first.hint);
    else if (idle)
        ks_hint(err, "%s", hunt->idle);
    return ks_fail(err, hunt->rc, "%s", hunt->first.text);
}

ks_rc hsm_store_tokens(struct hsm_store *store, const struct hsm_uri *uri,
                       struct hsm_hit *hits, size_t *n, struct ks_err *err)
{
    struct hunt hunt = {.uri = uri,
                        .peers = store->places,
                        .n_peers = store->n_peers,
                        .hits = hits};

    for (unsigned try = 0; try <= HUNTS_MORE; try++) {
        const struct timespec pause = {0, 20000000L << try};

        hunt.rc = KS_OK;
        look_everywhere(store, &hunt);
        if (hunt.n > 0 || hunt.rc != KS_E_NOT_FOUND || try == HUNTS_MORE)
            break;
        (void)nanosleep(&pause, NULL);
    }
    *n = hunt.n;
    return hunt.n > 0 ? KS_OK : nothing_found(&hunt, err);
}
