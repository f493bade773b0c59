/*
 * A new seal for a stored key.
 */
#include "reseal.h"

#include <string.h>

#include <openssl/params.h>

#include "ask.h"
#include "keyring.h"
#include "locate.h"
#include "params.h"
#include "stores_own.h"

/* What PARAMS ask for. NULL: as the backend's section says. */
struct wish {
    const char *passin;      /* source of the old secret */
    const char *passout;     /* of the new one */
    const char *seal_to;     /* "URI, URI" */
    const char *kdf;         /* of a passphrase */
    const char *unseal_with; /* the URI of a key that opens the old seal */
};

static ks_rc read_text(const OSSL_PARAM params[], const char *name,
                       const char **out, struct ks_err *err)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);

    *out = NULL;
    if (p == NULL)
        return KS_OK;
    if (!OSSL_PARAM_get_utf8_string_ptr(p, out) || *out == NULL)
        return ks_fail(err, KS_E_INVALID, "%s: not a text", name);
    if ((*out)[0] == '\0')
        *out = NULL;
    return KS_OK;
}

static ks_rc read_wish(const OSSL_PARAM params[], struct wish *wish,
                       struct ks_err *err)
{
    const struct {
        const char *name;
        const char **out;
    } rows[] = {
        {PROV_PARAM_PASSIN, &wish->passin},
        {PROV_PARAM_RESEAL, &wish->passout},
        {PROV_PARAM_SEAL_TO, &wish->seal_to},
        {PROV_PARAM_KDF, &wish->kdf},
        {PROV_PARAM_UNSEAL_WITH, &wish->unseal_with},
    };
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < sizeof(rows) / sizeof(rows[0]); i++)
        rc = read_text(params, rows[i].name, rows[i].out, err);
    if (rc == KS_OK && wish->passout != NULL)
        rc = ks_secret_passphrase_check(wish->passout, err);
    if (rc == KS_OK && wish->seal_to != NULL &&
        (wish->passout != NULL || wish->kdf != NULL))
        rc = ks_fail(
            err, KS_E_INVALID, "%s: not together with %s", PROV_PARAM_SEAL_TO,
            wish->passout != NULL ? PROV_PARAM_RESEAL : PROV_PARAM_KDF);
    return rc;
}

/* Nothing of ours changes a PIN: it is the token's, and whoever uses it has to
 * learn the new one. */
static ks_rc no_passphrase(const struct prov_key *key,
                           const struct prov_store *store, struct ks_err *err)
{
    const char *module = prov_store_setting(store, NULL, "module");

    if (module != NULL)
        ks_hint(err,
                "the PIN of a token guards all its keys; change it with: "
                "pkcs11-tool --module %.80s --login --change-pin, then where "
                "user_pin points to",
                module);
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: keys of backend type %s have no passphrase of their "
                   "own",
                   key->uri, store->backend->type);
}

/* A sealed key leads to keys in backends and on tokens, never to files: those
 * only the section can name. */
static ks_rc can_be_found(const struct prov_store *store, const char *seal_to,
                          struct ks_err *err)
{
    const char *own = prov_store_setting(store, NULL, "seal_to");
    const char *at = seal_to, *uri;
    size_t len;

    if (own != NULL && strcmp(own, seal_to) == 0)
        return KS_OK;
    while ((uri = ks_uri_next(&at, &len)) != NULL)
        if (len < 5 || OPENSSL_strncasecmp(uri, "file:", 5) != 0)
            return KS_OK;
    ks_hint(err,
            "name a key in a backend or on a token beside it, or put it "
            "into seal_to of [backend %s]",
            store->name);
    return ks_fail(err, KS_E_INVALID,
                   "sealed to keys in files alone, the key would open with "
                   "--unseal-with only");
}

/* The section's settings of sealing, with WISH in their place: a passphrase
 * takes seal_to back, and the other way round. */
static ks_rc new_sealing(const struct prov_store *store,
                         const struct wish *wish, struct ks_sealing **out,
                         struct ks_err *err)
{
    static const char *const names[] = {"sealing", "passphrase", "seal_to",
                                        "kdf"};
    const struct ks_keyring keyring = prov_keyring(store->stores->ctx);
    const char *values[4];
    struct ks_setting settings[4];
    size_t n = 0;

    for (size_t i = 0; i < 4; i++)
        values[i] = prov_store_setting(store, NULL, names[i]);
    if (wish->seal_to != NULL) {
        values[0] = values[1] = values[3] = NULL;
        values[2] = wish->seal_to;
    } else if (wish->passout != NULL) {
        values[0] = values[2] = NULL;
        values[1] = wish->passout;
    }
    if (wish->kdf != NULL)
        values[3] = wish->kdf;
    if (wish->seal_to != NULL) {
        ks_rc rc = can_be_found(store, wish->seal_to, err);

        if (rc != KS_OK)
            return rc;
    }
    if (wish->kdf != NULL && values[2] != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "a KDF was given, but [backend %s] seals keys to other "
                       "keys, which takes none",
                       store->name);
    for (size_t i = 0; i < 4; i++)
        if (values[i] != NULL)
            settings[n++] = (struct ks_setting){names[i], values[i]};
    return ks_sealing_new(store->name != NULL ? store->name
                                              : store->backend->type,
                          settings, n, &store->crypto, &keyring, out, err);
}

static bool draws(const struct prov_store *store, const struct wish *wish)
{
    if (wish->seal_to != NULL)
        return false;
    return ks_secret_is_random(wish->passout != NULL ? wish->passout
                                                     : store->passphrase);
}

static ks_rc reseal(struct prov_key *key, const struct prov_place *place,
                    const struct wish *wish, struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct ks_ask terminal = {.get = prov_ask_terminal};
    struct prov_ask old = {.source = wish->passin,
                           .store = store,
                           .application = &terminal,
                           .whose = key->uri,
                           .random_too = draws(store, wish)};
    struct prov_ask new = {.source = wish->passout,
                           .store = store,
                           .application = &terminal,
                           .whose = key->uri,
                           .confirm = true};
    struct ks_ask old_ask = {prov_ask_get, &old};
    struct ks_ask new_ask = {prov_ask_get, &new};
    struct ks_sealing *sealing = NULL;
    bool changed = false;
    struct ks_reseal how = {.with = wish->unseal_with,
                            .ask = &old_ask,
                            .new_ask = &new_ask,
                            .changed = &changed};
    ks_rc rc = KS_OK;

    if (wish->seal_to != NULL || wish->passout != NULL || wish->kdf != NULL)
        rc = new_sealing(store, wish, &sealing, err);
    if (rc != KS_OK)
        return rc;
    how.sealing = sealing; /* NULL: the place's own */
    prov_ask_mark(&new);
    rc = ks_material_reseal(&store->place, place->name, &how, err);
    if (rc == KS_OK && !changed)
        prov_ask_undo(&new);
    else
        rc = prov_ask_done(&new, rc, err);
    ks_sealing_free(sealing);
    if (rc == KS_OK)
        key->resealed = changed ? "resealed" : "current";
    return rc;
}

ks_rc prov_reseal(struct prov_key *key, const OSSL_PARAM params[],
                  struct ks_err *err)
{
    struct prov_place place = {0};
    struct wish wish;
    ks_rc rc = read_wish(params, &wish, err);

    if (rc == KS_OK && key->uri == NULL)
        rc = ks_fail(err, KS_E_INVALID,
                     "%s: only a stored key can be sealed anew",
                     PROV_PARAM_RESEAL);
    if (rc == KS_OK)
        rc = prov_place_open(key->ctx, key->uri, &place, err);
    if (rc != KS_OK)
        return rc;
    rc = place.store->sealing == NULL ? no_passphrase(key, place.store, err)
                                      : reseal(key, &place, &wish, err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", key->uri);
    prov_place_close(&place);
    return rc;
}
