/*
 * What comes next of an open URI.
 */
#include "loader.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/store.h>

#include "certs.h"
#include "loadkey.h"

/* INFO is LOADER's then; a certificate that was read before it stays. */
static void take_info(struct loader *loader, struct ks_key_info *info)
{
    if (info->cert.len == 0) {
        info->cert = loader->info.cert;
        memset(&loader->info.cert, 0, sizeof(loader->info.cert));
    }
    ks_key_info_clear(&loader->info);
    loader->info = *info;
}

/* Looks at the key of PLACE, once. Nothing seen, and no more to be said, is the
 * end only where the key could not be hidden, or nothing private is asked
 * for. */
static ks_rc look(struct loader *loader, struct ks_err *err)
{
    const struct prov_place *place = &loader->place;
    const struct ks_backend *backend = place->store->backend;
    struct ks_key_info info = {0};
    struct ks_err why = {0};
    ks_rc rc;

    if (loader->looked)
        return KS_OK;
    rc = backend->info(place->store->handle, place->name, &info, &why);
    loader->looked = rc == KS_OK;
    loader->hidden = false;
    if (rc == KS_OK) {
        take_info(loader, &info);
        return rc;
    }
    if (rc != KS_E_NOT_FOUND || why.text[0] != '\0') {
        ks_hint(err, "%s", why.hint);
        return ks_fail(err, rc, "%s", why.text);
    }
    ks_hint(err, "%s", why.hint); /* should that it is hidden be an error */
    if (backend->open_key == NULL || place->uri.type == KS_URI_PUBLIC ||
        place->uri.type == KS_URI_CERT)
        return ks_fail(err, rc, "%s: no such key", place->canonical);
    loader->hidden = true;
    return KS_OK;
}

/* A place that opens its keys itself tells all that is needed of a private key
 * when it does so; looking first would cost a token a search. */
static bool may_look_later(const struct prov_place *place)
{
    const struct ks_backend *backend = place->store->backend;

    return backend->open_key != NULL && backend->certificate != NULL &&
           (place->uri.type == KS_URI_ANY || place->uri.type == KS_URI_PRIVATE);
}

ks_rc prov_loader_open(struct loader *loader, const char *uri,
                       struct ks_err *err)
{
    struct prov_place *place = &loader->place;
    ks_rc rc = prov_place_open(loader->ctx, uri, place, err);

    if (rc != KS_OK)
        return rc;
    if (place->listing)
        return prov_names_list(place, false, &loader->names, err);
    loader->name = place->name;
    loader->uri = place->canonical;
    return may_look_later(place) ? KS_OK : look(loader, err);
}

void prov_loader_free(struct loader *loader)
{
    if (loader == NULL)
        return;
    prov_key_unref(loader->key);
    prov_names_free(loader->names);
    prov_hits_clear(&loader->hits);
    OPENSSL_free(loader->listed);
    ks_key_info_clear(&loader->info);
    prov_place_close(&loader->place);
    OPENSSL_free(loader);
}

ks_rc prov_loader_search(struct loader *loader, const OSSL_PARAM params[],
                         struct ks_err *err)
{
    struct prov_hits hits = {0};
    ks_rc rc = prov_search(loader->ctx, &loader->place, params, &hits, err);

    if (rc != KS_OK)
        return rc;
    prov_names_free(loader->names);
    loader->names = NULL;
    prov_hits_clear(&loader->hits);
    loader->hits = hits;
    loader->next_name = 0;
    loader->searched = true;
    loader->next = ITEM_END;
    return KS_OK;
}

/* ---- what is wanted of a key ---- */

static bool private_wanted(struct loader *loader)
{
    const enum ks_uri_type type = loader->place.uri.type;

    if (type != KS_URI_ANY && type != KS_URI_PRIVATE)
        return false;
    if (loader->expect != 0)
        return loader->expect == OSSL_STORE_INFO_PKEY;
    /* Who searches sees what there is, and is not asked for its secrets. */
    return !loader->searched || type == KS_URI_PRIVATE;
}

/* Looking for a certificate costs some places another search, so it is done
 * for those who want one. True if there is one, or if something went wrong,
 * which prov_loader_make then says. */
static bool has_cert(struct loader *loader)
{
    if (!loader->cert_known &&
        prov_store_cert(loader->place.store, loader->name, &loader->info.cert,
                        NULL) != KS_OK)
        return true;
    loader->cert_known = true;
    return loader->info.cert.len > 0;
}

static bool public_wanted(struct loader *loader)
{
    const enum ks_uri_type type = loader->place.uri.type;

    if (type != KS_URI_ANY && type != KS_URI_PUBLIC)
        return false;
    if (loader->expect != 0)
        return loader->expect == OSSL_STORE_INFO_PUBKEY;
    return type == KS_URI_PUBLIC || (loader->searched && !has_cert(loader));
}

/* That there is no certificate is no error, that there is no key is one. */
static bool cert_wanted(struct loader *loader)
{
    const enum ks_uri_type type = loader->place.uri.type;

    if (type != KS_URI_ANY && type != KS_URI_CERT)
        return false;
    if (loader->expect == OSSL_STORE_INFO_CERT)
        return has_cert(loader) || look(loader, NULL) != KS_OK ||
               loader->hidden;
    return loader->expect == 0 && has_cert(loader);
}

/* The certificates above the key's own; a search looks for one only. */
static bool chain_wanted(struct loader *loader)
{
    if (loader->searched || loader->place.store->backend->get == NULL ||
        !cert_wanted(loader) || look(loader, NULL) != KS_OK)
        return false;
    return ks_certs_first(loader->info.chain.data + loader->chain_at,
                          loader->info.chain.len - loader->chain_at) > 0;
}

static enum item next_of_key(struct loader *loader)
{
    static bool (*const wanted[])(struct loader *) = {
        [ITEM_PRIVATE] = private_wanted,
        [ITEM_PUBLIC] = public_wanted,
        [ITEM_CERT] = cert_wanted,
        [ITEM_CHAIN] = chain_wanted};
    enum item item = loader->next;

    while (item <= ITEM_CHAIN && !wanted[item](loader))
        item++;
    return item <= ITEM_CHAIN ? item : ITEM_END;
}

/* ---- what comes next ---- */

static bool has_hits(const struct loader *loader)
{
    return loader->searched && loader->next_name < loader->hits.n;
}

/* The key found next becomes the one at hand. */
static void take_found(struct loader *loader)
{
    struct prov_hit *found = &loader->hits.all[loader->next_name++];

    loader->name = found->name;
    loader->uri = found->uri;
    ks_key_info_clear(&loader->info);
    loader->info = found->info;
    memset(&found->info, 0, sizeof(found->info)); /* given to LOADER */
    loader->hidden = loader->info.spki.len == 0;
    loader->looked = true;
    loader->cert_known = false;
    loader->next = ITEM_PRIVATE;
}

/* What is expected may be said after the search, so the next of what was
 * found is taken no sooner than something is asked for. */
enum item prov_loader_next(struct loader *loader)
{
    enum item item;

    if (loader->failed)
        return ITEM_END;
    if (loader->names != NULL)
        return loader->next_name < loader->names->n ? ITEM_NAME : ITEM_END;
    item = next_of_key(loader);
    while (item == ITEM_END && has_hits(loader)) {
        take_found(loader);
        item = next_of_key(loader);
    }
    loader->next = item;
    return item;
}

/* It is known now that the names are wanted, all of them. */
static ks_rc read_rest(struct loader *loader, struct ks_err *err)
{
    struct prov_names *names = NULL;
    ks_rc rc = prov_names_list(&loader->place, true, &names, err);

    if (rc != KS_OK)
        return rc;
    prov_names_free(loader->names);
    loader->names = names;
    return KS_OK;
}

ks_rc prov_loader_take_name(struct loader *loader, const char **uri,
                            struct ks_err *err)
{
    ks_rc rc = loader->names->whole ? KS_OK : read_rest(loader, err);

    *uri = NULL;
    OPENSSL_free(loader->listed);
    loader->listed = NULL;
    if (rc == KS_OK && loader->next_name < loader->names->n)
        rc = prov_names_uri(loader->place.store,
                            prov_names_at(loader->names, loader->next_name++),
                            &loader->listed, err);
    loader->failed = rc != KS_OK;
    *uri = loader->listed;
    return rc;
}

static ks_rc make_private(struct loader *loader, const struct ks_ask *ask,
                          struct ks_err *err)
{
    struct prov_place place = loader->place; /* of the key at hand; borrows */

    place.name = loader->name;
    place.canonical = (char *)loader->uri;
    place.listing = false;
    return prov_load_key(loader->ctx, &place, false, ask, &loader->key, err);
}

static ks_rc no_such_key(const struct loader *loader, struct ks_err *err)
{
    ks_hint(err, "it may be hidden until its private half is loaded, with a "
                 "PIN");
    return ks_fail(err, KS_E_NOT_FOUND, "%s: no such key", loader->uri);
}

static ks_rc make_public(struct loader *loader, struct ks_err *err)
{
    ks_rc rc = look(loader, err);

    if (rc != KS_OK)
        return rc;
    if (loader->hidden)
        return no_such_key(loader, err);
    return prov_key_from_spki(loader->ctx, loader->place.store, loader->uri,
                              &loader->info.spki, NULL, NULL, &loader->key,
                              err);
}

static ks_rc make_cert(struct loader *loader, struct ks_err *err)
{
    ks_rc rc;

    if (loader->info.cert.len > 0)
        return KS_OK;
    rc = look(loader, err);
    if (rc == KS_OK)
        rc = prov_store_cert(loader->place.store, loader->name,
                             &loader->info.cert, err);
    if (rc == KS_OK && loader->info.cert.len == 0)
        rc = no_such_key(loader, err);
    return rc;
}

struct ks_buf prov_loader_take_above(struct loader *loader)
{
    uint8_t *at = loader->info.chain.data + loader->chain_at;
    size_t len = ks_certs_first(at, loader->info.chain.len - loader->chain_at);

    loader->chain_at += len;
    return (struct ks_buf){at, len};
}

ks_rc prov_loader_make(struct loader *loader, enum item item,
                       const struct ks_ask *ask, struct ks_err *err)
{
    ks_rc rc;

    loader->next = item + 1;
    if (item == ITEM_PRIVATE)
        rc = make_private(loader, ask, err);
    else
        rc = item == ITEM_PUBLIC ? make_public(loader, err)
                                 : make_cert(loader, err);
    loader->failed = rc != KS_OK;
    return rc;
}
