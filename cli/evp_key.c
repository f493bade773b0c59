/*
 * Listing keys through the provider.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>

#include "ask.h"
#include "evp.h"
#include "ks_uri.h"

struct names {
    char **items;
    size_t count;
};

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        OPENSSL_free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

/* Takes NAME. */
static ks_rc names_add(struct names *names, char *name, struct ks_err *err)
{
    char **more = realloc(names->items, (names->count + 1) * sizeof(*more));

    if (more == NULL || name == NULL) {
        names->items = more != NULL ? more : names->items;
        OPENSSL_free(name);
        return ks_fail(err, KS_E_NOMEM, "listing: out of memory");
    }
    names->items = more;
    names->items[names->count++] = name;
    return KS_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static ks_rc read_names(OSSL_STORE_CTX *store, const char *uri,
                        struct names *names, struct ks_err *err)
{
    while (OSSL_STORE_eof(store) == 0) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        ks_rc rc = KS_OK;

        if (info == NULL) {
            if (OSSL_STORE_error(store) != 0 || ERR_peek_error() != 0)
                return ca_crypto_fail(KS_E_IO, uri, err);
            continue;
        }
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_NAME)
            rc = names_add(names, OSSL_STORE_INFO_get1_NAME(info), err);
        OSSL_STORE_INFO_free(info);
        if (rc != KS_OK)
            return rc;
    }
    return KS_OK;
}

ks_rc cli_key_each(struct cli *cli, const char *uri, cli_uri_fn *each,
                   void *arg, struct ks_err *err)
{
    OSSL_STORE_CTX *store = NULL;
    struct names names = {0};
    ks_rc rc = cli_evp(cli, err);

    if (rc != KS_OK)
        return rc;
    ERR_clear_error();
    store = OSSL_STORE_open_ex(uri, NULL, NULL, cli_ask_method(), NULL, NULL,
                               NULL, NULL);
    if (store == NULL) {
        rc = ca_crypto_fail(KS_E_IO, uri, err);
        goto out;
    }
    rc = read_names(store, uri, &names, err);
    if (rc != KS_OK)
        goto out;
    if (names.count > 1)
        qsort(names.items, names.count, sizeof(*names.items), compare);
    for (size_t i = 0; rc == KS_OK && i < names.count; i++) {
        rc = cli_check_interrupt(err);
        if (rc == KS_OK)
            rc = each(arg, names.items[i], err);
    }
out:
    (void)OSSL_STORE_close(store);
    names_clear(&names);
    return rc;
}
