/*
 * The way from a sealed key to the keys that it is sealed to.
 *
 * Each is loaded as any key is, by its own URI and its own backend's settings;
 * so it may be sealed itself. What an application gave as the secret of the
 * sealed key is for the key that opens it, if that is under a passphrase. A PIN
 * is not passed on: one that is meant for one token is tried on no other.
 */
#include "keyring.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "keyring_file.h"
#include "ks_soft_key.h"
#include "locate.h"
#include "seal/sealing_keys.h"

#define SHOWN_MAX 160 /* bytes of a URI in an error text */
#define DEPTH_MAX 4   /* of keys sealed to keys sealed to keys ... */

/* Of keys that are being opened by this thread, one for the other. */
static _Thread_local unsigned depth;

/* ---- secrets ---- */

/* What the sealed key was asked for with, taken apart. */
struct outer {
    const char *source; /* by parameter; NULL: none */
    const struct ks_ask *application;
};

static struct outer outer_of(const struct ks_ask *ask)
{
    struct outer outer = {NULL, ask};

    if (ask != NULL && ask->get == prov_ask_get) {
        const struct prov_ask *own = ask->arg;

        outer.source = own->source;
        outer.application = own->application;
    }
    return outer;
}

/* ks_ask.get of a key in a file, which no settings speak of. */
static ks_rc file_ask(void *arg, const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    const struct outer *outer = arg;

    if (question->attempt > 0 ||
        (outer->source == NULL && outer->application == NULL))
        return ks_fail(err, KS_E_SECRET_MISSING, "no %s was given",
                       question->what);
    if (outer->source != NULL)
        return ks_secret_resolve(outer->source, NULL, question, secret, err);
    return outer->application->get(outer->application->arg, question, secret,
                                   err);
}

/* ---- public halves ---- */

static ks_rc public_of_place(const struct prov_place *place,
                             struct ks_buf *spki, struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct ks_key_info info = {0};
    ks_rc rc;

    if (place->listing)
        return ks_fail(err, KS_E_INVALID, "%s: names a place, not a key",
                       place->canonical);
    rc = store->backend->info(store->handle, place->name, &info, err);
    if (rc == KS_OK) {
        *spki = info.spki;
        info.spki = (struct ks_buf){0}; /* given to the caller */
    }
    ks_key_info_clear(&info);
    return rc == KS_OK
               ? rc
               : ks_fail(err, rc, "%s: %s", place->canonical,
                         rc == KS_E_NOT_FOUND ? "no such key" : ks_rc_text(rc));
}

static ks_rc ring_public_half(void *arg, const char *uri, struct ks_buf *spki,
                              struct ks_err *err)
{
    const struct prov_ctx *ctx = arg;
    struct prov_place place = {0};
    ks_rc rc;

    if (prov_keyring_is_file(uri))
        return prov_keyring_file_public(ctx, uri, spki, err);
    rc = prov_place_open(ctx, uri, &place, err);
    if (rc == KS_OK)
        rc = public_of_place(&place, spki, err);
    prov_place_close(&place);
    return rc;
}

/* ---- keys ---- */

/* Takes nothing. */
static ks_rc use_pkcs8(const struct prov_ctx *ctx,
                       const struct ks_secret *pkcs8, struct ks_kek *kek,
                       struct ks_err *err)
{
    ks_rc rc = ks_soft_key_new(pkcs8, ctx->child, ctx->propq, &kek->key, err);

    if (rc == KS_OK)
        kek->ops = &ks_soft_key_ops;
    return rc;
}

static ks_rc open_material(const struct prov_ctx *ctx,
                           const struct prov_place *place,
                           const struct ks_ask *ask, struct ks_kek *kek,
                           struct ks_err *err)
{
    struct ks_secret pkcs8 = {0};
    ks_rc rc =
        ks_material_load(&place->store->place, place->name, ask, &pkcs8, err);

    if (rc == KS_OK)
        rc = public_of_place(place, &kek->spki, err);
    if (rc == KS_OK)
        rc = use_pkcs8(ctx, &pkcs8, kek, err);
    ks_secret_clear(&pkcs8);
    return rc;
}

/* As prov_load_key: a place may have keys of both kinds. */
static ks_rc open_in_place(const struct prov_ctx *ctx,
                           const struct prov_place *place,
                           const struct ks_ask *ask, struct ks_kek *kek,
                           struct ks_err *err)
{
    const struct prov_store *store = place->store;
    const struct ks_backend *backend = store->backend;
    struct ks_err why = {0};
    ks_rc rc = KS_E_NOT_FOUND;

    if (place->listing)
        return ks_fail(err, KS_E_INVALID, "%s: names a place, not a key",
                       place->canonical);
    if (backend->get != NULL)
        rc = open_material(ctx, place, ask, kek, &why);
    if (backend->open_key != NULL && why.text[0] == '\0' &&
        (rc == KS_E_NOT_FOUND || rc == KS_E_UNSUPPORTED))
        rc = backend->open_key(store->handle, place->name, ask, &kek->ops,
                               &kek->key, &kek->spki, &why);
    if (rc == KS_OK)
        return rc;
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    if (why.text[0] != '\0')
        return ks_fail(err, rc, "%s", why.text);
    return ks_fail(err, rc, "%s: %s", place->canonical,
                   rc == KS_E_NOT_FOUND ? "no such key" : ks_rc_text(rc));
}

static ks_rc each_other(const char *uri, struct ks_err *err)
{
    char shown[SHOWN_MAX];

    ks_uri_redact(uri, shown, sizeof(shown));
    ks_hint(err, "look at seal_to in caadm.conf; one of the keys has to be on "
                 "a token, in a file, or under a passphrase");
    return ks_fail(err, KS_E_CONFIG, "%s: keys are sealed to each other",
                   shown);
}

/* The place stays open with the key: kek->held. */
static ks_rc open_placed(const struct prov_ctx *ctx, const char *uri,
                         const struct outer *outer, struct ks_kek *kek,
                         struct ks_err *err)
{
    struct prov_place *place = OPENSSL_zalloc(sizeof(*place));
    struct prov_ask chain = {.source = outer->source,
                             .application = outer->application};
    const struct ks_ask ask = {prov_ask_get, &chain};
    ks_rc rc;

    if (place == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    kek->held = place; /* given to kek */
    rc = prov_place_open(ctx, uri, place, err);
    if (rc != KS_OK)
        return rc;
    if (ks_sealing_is_under_way(place->canonical, NULL))
        return each_other(place->canonical, err);
    chain.uri = &place->uri;
    chain.store = place->store;
    chain.whose = place->canonical;
    return open_in_place(ctx, place, &ask, kek, err);
}

static ks_rc open_file(const struct prov_ctx *ctx, const char *uri,
                       struct outer *outer, struct ks_kek *kek,
                       struct ks_err *err)
{
    const struct ks_ask ask = {file_ask, outer};
    struct ks_secret pkcs8 = {0};
    ks_rc rc =
        prov_keyring_file_private(ctx, uri, &ask, &pkcs8, &kek->spki, err);

    if (rc == KS_OK)
        rc = use_pkcs8(ctx, &pkcs8, kek, err);
    ks_secret_clear(&pkcs8);
    return rc;
}

static void ring_close(void *arg, struct ks_kek *kek)
{
    (void)arg;
    if (kek->ops != NULL)
        kek->ops->free(kek->key);
    ks_buf_clear(&kek->spki);
    if (kek->held != NULL)
        prov_place_close(kek->held);
    OPENSSL_free(kek->held);
    memset(kek, 0, sizeof(*kek));
}

static ks_rc ring_open(void *arg, const char *uri, const struct ks_ask *ask,
                       struct ks_kek *kek, struct ks_err *err)
{
    const struct prov_ctx *ctx = arg;
    struct outer outer = outer_of(ask);
    ks_rc rc;

    if (depth == DEPTH_MAX)
        return each_other(uri, err);
    memset(kek, 0, sizeof(*kek));
    depth++;
    rc = prov_keyring_is_file(uri) ? open_file(ctx, uri, &outer, kek, err)
                                   : open_placed(ctx, uri, &outer, kek, err);
    depth--;
    if (rc == KS_OK && ks_sealing_is_under_way(NULL, &kek->spki))
        rc = each_other(uri, err);
    if (rc != KS_OK)
        ring_close(arg, kek);
    return rc;
}

struct ks_keyring prov_keyring(const struct prov_ctx *ctx)
{
    const struct ks_keyring ring = {
        .public_half = ring_public_half,
        .open = ring_open,
        .close = ring_close,
        .arg = (void *)ctx, /* of which nothing is changed through it */
    };

    return ring;
}
