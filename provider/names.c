/*
 * A backend's listing.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ks_uri.h"

#define NAMES_FIRST 16 /* entries that the array starts with */

struct prov_names {
    const char *backend; /* while listing */
    char **uris;
    size_t n, room, next;
};

void prov_names_free(struct prov_names *names)
{
    size_t i;

    if (names == NULL)
        return;
    for (i = 0; i < names->n; i++)
        OPENSSL_free(names->uris[i]);
    OPENSSL_free(names->uris);
    OPENSSL_free(names);
}

static ks_rc add_name(void *arg, const char *name, struct ks_err *err)
{
    struct prov_names *names = arg;

    if (names->n == names->room) {
        size_t room = names->room == 0 ? NAMES_FIRST : names->room * 2;
        char **grown =
            OPENSSL_realloc(names->uris, room * sizeof(*names->uris));

        if (grown == NULL)
            return ks_fail(err, KS_E_NOMEM, "out of memory");
        names->uris = grown;
        names->room = room;
    }
    if (ks_uri_format(names->backend, name, &names->uris[names->n]) != KS_OK)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    names->n++;
    return KS_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

ks_rc prov_names_new(const struct prov_store *store, struct prov_names **out,
                     struct ks_err *err)
{
    struct prov_names *names = OPENSSL_zalloc(sizeof(*names));
    ks_rc rc;

    if (names == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    names->backend = store->name;
    rc = store->backend->list(store->handle, add_name, names, err);
    if (rc != KS_OK) {
        prov_names_free(names);
        return rc;
    }
    if (names->n > 1)
        qsort(names->uris, names->n, sizeof(*names->uris), compare);
    *out = names;
    return KS_OK;
}

bool prov_names_more(const struct prov_names *names)
{
    return names->next < names->n;
}

const char *prov_names_next(struct prov_names *names)
{
    return prov_names_more(names) ? names->uris[names->next++] : NULL;
}
