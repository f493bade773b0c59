/*
 * A private key that is asked for by name. Export never gives what stays in a
 * backend, so that no program takes a key along that it only wanted to use;
 * whoever moves it says so (params.h, PROV_PARAM_PRIVATE_KEY).
 */
#include "extract.h"

#include <openssl/crypto.h>
#include <openssl/params.h>

#include "ask.h"
#include "locate.h"
#include "params.h"
#include "soft.h"
#include "stores.h"

/* What is in a token, if that lets it go. */
static ks_rc from_inside(const struct prov_key *key, struct ks_secret *pkcs8,
                         struct ks_err *err)
{
    struct prov_place place = {0};
    struct prov_ask chain = {.whose = key->uri};
    struct ks_ask ask = {prov_ask_get, &chain};
    const struct ks_backend *backend;
    ks_rc rc = prov_place_open(key->ctx, key->uri, &place, err);

    if (rc != KS_OK)
        return rc;
    chain.store = place.store;
    chain.uri = &place.uri;
    backend = place.store->backend;
    if (backend->extract == NULL)
        rc = ks_fail(err, KS_E_NOT_EXPORTABLE,
                     "%s: backend type %s does not let private keys out",
                     key->uri, backend->type);
    else
        rc =
            backend->extract(place.store->handle, place.name, &ask, pkcs8, err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", key->uri);
    prov_place_close(&place);
    return rc;
}

/* Those of a place with extractable = no are opened by its own operations, and
 * so are never here in the clear. */
static ks_rc take_out(const struct prov_key *key, struct ks_secret *pkcs8,
                      struct ks_err *err)
{
    if (!key->has_private)
        return ks_fail(err, KS_E_INVALID, "%s: no private key is loaded",
                       key->uri != NULL ? key->uri : PROV_PARAM_PRIVATE_KEY);
    if (!prov_key_is_operation(key))
        return prov_soft_to_pkcs8(key->ctx, key->soft, pkcs8, err);
    if (key->store != NULL && !key->store->extractable)
        return ks_fail(err, KS_E_NOT_EXPORTABLE,
                       "%s: its backend does not let keys out (extractable = "
                       "no)",
                       key->uri);
    return from_inside(key, pkcs8, err);
}

ks_rc prov_extract(const struct prov_key *key, OSSL_PARAM *p,
                   struct ks_err *err)
{
    struct ks_secret pkcs8 = {0};
    ks_rc rc;

    if (p->data_type != OSSL_PARAM_OCTET_STRING)
        return ks_fail(err, KS_E_INVALID, "%s: not bytes",
                       PROV_PARAM_PRIVATE_KEY);
    if (p->data == NULL) {
        p->return_size = KS_PRIVATE_HALF_MAX;
        return KS_OK;
    }
    rc = take_out(key, &pkcs8, err);
    if (rc == KS_OK &&
        OSSL_PARAM_set_octet_string(p, pkcs8.data, pkcs8.len) != 1)
        rc = ks_fail(err, KS_E_INVALID, "%s: no room for %zu bytes",
                     PROV_PARAM_PRIVATE_KEY, pkcs8.len);
    ks_secret_clear(&pkcs8);
    return rc;
}
