/*
 * A listing.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ks_uri.h"

#define NAMES_FIRST 16 /* entries that the array starts with */

struct listing {
    const struct prov_store *store;
    struct prov_names *names;
};

static void name_clear(struct prov_name *name)
{
    OPENSSL_free(name->name);
    OPENSSL_free(name->uri);
    ks_key_info_clear(&name->info);
}

void prov_names_free(struct prov_names *names)
{
    size_t i;

    if (names == NULL)
        return;
    for (i = 0; i < names->n; i++)
        name_clear(&names->all[i]);
    OPENSSL_free(names->all);
    OPENSSL_free(names);
}

void prov_names_drop(struct prov_names *names, size_t index)
{
    name_clear(&names->all[index]);
    names->n--;
    memmove(&names->all[index], &names->all[index + 1],
            (names->n - index) * sizeof(*names->all));
}

static bool grow(struct prov_names *names)
{
    size_t room = names->room == 0 ? NAMES_FIRST : names->room * 2;
    struct prov_name *grown;

    if (names->n < names->room)
        return true;
    grown = OPENSSL_realloc(names->all, room * sizeof(*names->all));
    if (grown == NULL)
        return false;
    names->all = grown;
    names->room = room;
    return true;
}

/* A store of a URI has URIs for names. */
static ks_rc add_name(void *arg, const char *text, struct ks_err *err)
{
    const struct listing *listing = arg;
    struct prov_names *names = listing->names;
    struct prov_name name = {.name = OPENSSL_strdup(text)};

    if (listing->store->name == NULL)
        name.uri = OPENSSL_strdup(text);
    else if (ks_uri_format(listing->store->name, text, &name.uri) != KS_OK)
        name.uri = NULL;
    if (name.name == NULL || name.uri == NULL || !grow(names)) {
        name_clear(&name);
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    names->all[names->n++] = name;
    return KS_OK;
}

static int compare(const void *a, const void *b)
{
    const struct prov_name *one = a, *other = b;

    return strcmp(one->uri, other->uri);
}

ks_rc prov_names_new(const struct prov_place *place, struct prov_names **out,
                     struct ks_err *err)
{
    const struct prov_store *store = place->store;
    struct prov_names *names = OPENSSL_zalloc(sizeof(*names));
    struct listing listing = {store, names};
    ks_rc rc;

    if (names == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = place->listing
             ? store->backend->list(store->handle, add_name, &listing, err)
             : add_name(&listing, place->name, err);
    if (rc != KS_OK) {
        prov_names_free(names);
        return rc;
    }
    if (names->n > 1)
        qsort(names->all, names->n, sizeof(*names->all), compare);
    *out = names;
    return KS_OK;
}
