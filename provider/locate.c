/*
 * From the text of a URI to the place it names.
 */
#include "locate.h"

#include <string.h>

#include <openssl/crypto.h>

#include "backends.h"

bool prov_locate_is_ours(const char *text)
{
    return ks_uri_is_keystore(text) || prov_backend_of_uri(text) != NULL;
}

static ks_rc open_configured(const struct prov_ctx *ctx, const char *text,
                             struct prov_place *place, struct ks_err *err)
{
    struct ks_uri *uri = &place->uri;
    ks_rc rc = ks_uri_parse(text, uri, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_uri_format(uri->backend, uri->key, &place->canonical);
    if (rc != KS_OK)
        return ks_fail(err, rc, "out of memory");
    place->listing = uri->key[0] == '\0';
    return prov_stores_get(ctx->stores, uri->backend, &place->store, err);
}

static ks_rc open_scheme(const struct prov_ctx *ctx,
                         const struct ks_backend *backend, const char *text,
                         struct prov_place *place, struct ks_err *err)
{
    ks_rc rc = backend->parse_uri(text, &place->uri, &place->listing, err);

    if (rc != KS_OK)
        return rc;
    place->canonical = OPENSSL_strdup(place->uri.key);
    if (place->canonical == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    /* By its canonical form: that is what keys are named by afterwards, and it
     * has no secrets, which a store would keep. */
    return prov_stores_open_uri(ctx->stores, backend, place->canonical,
                                &place->store, err);
}

ks_rc prov_place_open(const struct prov_ctx *ctx, const char *text,
                      struct prov_place *place, struct ks_err *err)
{
    const struct ks_backend *backend = prov_backend_of_uri(text);
    ks_rc rc;

    memset(place, 0, sizeof(*place));
    rc = backend != NULL ? open_scheme(ctx, backend, text, place, err)
                         : open_configured(ctx, text, place, err);
    if (rc != KS_OK) {
        prov_place_close(place);
        return rc;
    }
    place->name = place->uri.key;
    return KS_OK;
}

ks_rc prov_place_open_key(const struct prov_ctx *ctx, const char *text,
                          struct prov_place *place, struct ks_err *err)
{
    ks_rc rc = prov_place_open(ctx, text, place, err);

    if (rc != KS_OK)
        return rc;
    if (place->listing)
        rc = ks_fail(err, KS_E_INVALID, "%s: names a place and no key",
                     place->canonical);
    else if (place->uri.type == KS_URI_PUBLIC || place->uri.type == KS_URI_CERT)
        rc = ks_fail(err, KS_E_INVALID,
                     "%s: names a part of a key; leave out type to mean all "
                     "of it",
                     place->canonical);
    if (rc != KS_OK)
        prov_place_close(place);
    return rc;
}

void prov_place_close(struct prov_place *place)
{
    prov_store_unref(place->store);
    ks_uri_clear(&place->uri);
    OPENSSL_free(place->canonical);
    memset(place, 0, sizeof(*place));
}
