/*
 * Names of keys.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ks_uri.h"

#define BEGINNING 32 /* names that are read of a listing to begin with */

struct listing {
    struct prov_names *names;
    size_t most; /* names, then it is broken off; 0: no end */
    bool broken_off;
};

void prov_names_free(struct prov_names *names)
{
    if (names == NULL)
        return;
    OPENSSL_free(names->text);
    OPENSSL_free(names->at);
    OPENSSL_free(names);
}

/* OLD with room for WANT of SIZE bytes each, or more, so that many cost
 * little. NULL, and OLD stays, when out of memory. */
static void *grown(void *old, size_t *room, size_t want, size_t size)
{
    size_t more = 2 * want;
    void *array;

    if (want <= *room)
        return old;
    array = OPENSSL_realloc(old, more * size);
    if (array != NULL)
        *room = more;
    return array;
}

static ks_rc add(struct prov_names *names, const char *name, struct ks_err *err)
{
    size_t size = strlen(name) + 1;
    char *text = grown(names->text, &names->room, names->used + size, 1);
    size_t *at;

    if (text == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    names->text = text;
    at = grown(names->at, &names->n_room, names->n + 1, sizeof(*at));
    if (at == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    names->at = at;
    memcpy(names->text + names->used, name, size);
    names->at[names->n++] = names->used;
    names->used += size;
    return KS_OK;
}

static ks_rc add_listed(void *arg, const char *name, struct ks_err *err)
{
    struct listing *listing = arg;

    if (listing->most > 0 && listing->names->n == listing->most) {
        listing->broken_off = true;
        return KS_E_INTERRUPTED;
    }
    return add(listing->names, name, err);
}

static int compare(const void *a, const void *b, void *text)
{
    const size_t *one = a, *other = b;

    return strcmp((char *)text + *one, (char *)text + *other);
}

/* Most backends give them in order. */
static void sort(struct prov_names *names)
{
    for (size_t i = 1; i < names->n; i++) {
        if (compare(&names->at[i - 1], &names->at[i], names->text) <= 0)
            continue;
        qsort_r(names->at, names->n, sizeof(*names->at), compare, names->text);
        return;
    }
}

ks_rc prov_names_one(const char *name, struct prov_names **out,
                     struct ks_err *err)
{
    struct prov_names *names = OPENSSL_zalloc(sizeof(*names));
    ks_rc rc = names != NULL ? add(names, name, err)
                             : ks_fail(err, KS_E_NOMEM, "out of memory");

    if (rc != KS_OK) {
        prov_names_free(names);
        return rc;
    }
    names->whole = true;
    *out = names;
    return KS_OK;
}

/* By QUERY, or all of them if it is NULL. */
static ks_rc read_names(const struct prov_store *store,
                        const struct ks_query *query, size_t most,
                        struct prov_names **out, struct ks_err *err)
{
    const struct ks_backend *backend = store->backend;
    struct listing listing = {.names = OPENSSL_zalloc(sizeof(**out)),
                              .most = most};
    ks_rc rc;

    if (listing.names == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    if (query != NULL)
        rc = backend->find(store->handle, query, add_listed, &listing, err);
    else
        rc = backend->list(store->handle, add_listed, &listing, err);
    if (listing.broken_off)
        rc = KS_OK;
    if (rc != KS_OK) {
        prov_names_free(listing.names);
        return rc;
    }
    listing.names->whole = !listing.broken_off;
    sort(listing.names);
    *out = listing.names;
    return KS_OK;
}

ks_rc prov_names_list(const struct prov_place *place, bool all,
                      struct prov_names **out, struct ks_err *err)
{
    const struct prov_store *store = place->store;

    if (!place->listing)
        return prov_names_one(place->name, out, err);
    return read_names(store, NULL,
                      all || store->backend->find == NULL ? 0 : BEGINNING, out,
                      err);
}

ks_rc prov_names_find(const struct prov_place *place,
                      const struct ks_query *query, struct prov_names **out,
                      struct ks_err *err)
{
    if (place->store->backend->find == NULL)
        return KS_E_UNSUPPORTED;
    return read_names(place->store, query, 0, out, err);
}

const char *prov_names_at(const struct prov_names *names, size_t index)
{
    return names->text + names->at[index];
}

/* A store of a URI has URIs for names. */
ks_rc prov_names_uri(const struct prov_store *store, const char *name,
                     char **uri, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (store->name != NULL)
        rc = ks_uri_format(store->name, name, uri);
    else if ((*uri = OPENSSL_strdup(name)) == NULL)
        rc = KS_E_NOMEM;
    return rc == KS_OK ? rc : ks_fail(err, rc, "out of memory");
}
