/*
 * Deletion of a key.
 */
#include "storedelete.h"

#include "ask.h"
#include "err.h"
#include "locate.h"

static ks_rc delete_uri(struct prov_ctx *ctx, const char *text,
                        const struct ks_ask *application, struct ks_err *err)
{
    struct prov_place place = {0};
    struct prov_ask chain = {.application = application};
    struct ks_ask ask = {prov_ask_get, &chain};
    const struct prov_store *store;
    ks_rc rc = prov_place_open_key(ctx, text, &place, err);

    if (rc != KS_OK)
        return rc;
    store = place.store;
    chain.uri = &place.uri;
    chain.store = store;
    chain.whose = place.canonical;
    prov_ask_mark(&chain);
    rc = store->backend->remove(store->handle, place.name, &ask, err);
    rc = prov_ask_done(&chain, rc, err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", place.canonical);
    prov_place_close(&place);
    return rc;
}

int prov_store_delete(void *provctx, const char *uri, const OSSL_PARAM params[],
                      OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    struct prov_ctx *ctx = provctx;
    struct prov_pw pw = {pw_cb, pw_arg};
    struct ks_ask ask = {prov_pw_get, &pw};
    struct ks_err err = {0};
    ks_rc rc = delete_uri(ctx, uri, &ask, &err);

    (void)params;
    return rc == KS_OK ? 1 : prov_fail(ctx, rc, &err);
}
