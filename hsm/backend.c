/*
 * The pkcs11 backend: keys that stay on a token.
 */
#include "ks_backend.h"

#include <openssl/crypto.h>

#include "cert.h"
#include "check.h"
#include "ckr.h"
#include "describe.h"
#include "extract.h"
#include "import.h"
#include "initialise.h"
#include "key.h"
#include "keygen.h"
#include "list.h"
#include "public.h"
#include "remove.h"
#include "store.h"
#include "target.h"

static ks_rc p11_open(const struct ks_backend_env *env, void **out,
                      struct ks_err *err)
{
    struct hsm_store *store = NULL;
    ks_rc rc = hsm_store_open(env, &store, err);

    if (rc == KS_OK)
        *out = store;
    return rc;
}

static void p11_close(void *store)
{
    hsm_store_close(store);
}

static ks_rc p11_list(void *store, ks_list_fn *each, void *arg,
                      struct ks_err *err)
{
    return hsm_list(store, each, arg, err);
}

/* The public side of one key, as far as it is seen. */
struct view {
    const struct hsm_name *key;
    unsigned want;
    bool with_cert;
    struct hsm_found found;
    struct ks_buf spki, cert;
};

static CK_RV read_public(const struct hsm_session *session, struct view *view)
{
    const CK_OBJECT_HANDLE handles[] = {view->found.public, view->found.cert,
                                        view->found.private};
    CK_RV rv = CKR_ATTRIBUTE_TYPE_INVALID;

    for (size_t i = 0; i < 3 && rv == CKR_ATTRIBUTE_TYPE_INVALID; i++)
        if (handles[i] != CK_INVALID_HANDLE)
            rv = hsm_public_of(session, handles[i], &view->spki);
    return rv;
}

static CK_RV see(const struct hsm_session *session, void *arg)
{
    struct view *view = arg;
    CK_RV rv = hsm_find_key(session, view->key, view->want, &view->found);

    ks_buf_clear(&view->spki);
    ks_buf_clear(&view->cert);
    if (rv != CKR_OK || view->found.n_keys != 1)
        return rv;
    rv = read_public(session, view);
    if (rv == CKR_OK && view->with_cert)
        rv = hsm_cert_of(session, view->found.id, view->found.id_len,
                         &view->spki, &view->cert);
    return rv;
}

static ks_rc look_at(const struct hsm_target *target, struct view *view,
                     struct ks_err *err)
{
    CK_RV rv;

    view->key = &target->key;
    rv = hsm_run(target->hit.token, HSM_READ, see, view);
    /* There is a private half, after a login, that tells nothing. */
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID)
        return KS_E_NOT_FOUND;
    if (rv == CKR_ATTRIBUTE_VALUE_INVALID)
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: token \"%s\": public half is no key (%s)",
                       target->whose, hsm_token_label(target->hit.token),
                       hsm_ckr_name(rv));
    if (rv != CKR_OK)
        return hsm_target_fail(target, rv, "public half", err);
    return hsm_found_check(&view->found, target->hit.token, target->whose, err);
}

static ks_rc p11_info(void *store, const char *name, struct ks_key_info *info,
                      struct ks_err *err)
{
    struct view view = {0};
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = look_at(&target, &view, err);
    if (rc == KS_E_NOT_FOUND && target.hit.token != NULL)
        ks_hint(err,
                "token \"%s\" shows none; it may be hidden until its private "
                "half is loaded, with a PIN",
                hsm_token_label(target.hit.token));
    if (rc == KS_OK) {
        *info = (struct ks_key_info){.spki = view.spki}; /* given */
        view.spki = (struct ks_buf){0};
    }
    ks_buf_clear(&view.spki);
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_certificate(void *store, const char *name, struct ks_buf *cert,
                             struct ks_err *err)
{
    struct view view = {.with_cert = true};
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = look_at(&target, &view, err);
    if (rc == KS_OK && view.cert.len == 0)
        rc = KS_E_NOT_FOUND;
    if (rc == KS_OK) {
        *cert = view.cert;
        view.cert = (struct ks_buf){0}; /* given to the caller */
    }
    ks_buf_clear(&view.spki);
    ks_buf_clear(&view.cert);
    hsm_target_clear(&target);
    return rc;
}

/* Every use of KEY will want the PIN, when nobody can be asked for it. */
static ks_rc prepare(const struct hsm_target *target, const struct ks_ask *ask,
                     void **key, struct ks_buf *spki, struct ks_err *err)
{
    ks_rc rc = hsm_target_prepare(target, ask, err);

    if (rc == KS_OK)
        return rc;
    hsm_key_ops.free(*key);
    *key = NULL;
    ks_buf_clear(spki);
    return rc;
}

static ks_rc p11_open_key(void *data, const char *name,
                          const struct ks_ask *ask,
                          const struct ks_key_ops **ops, void **key,
                          struct ks_buf *spki, struct ks_err *err)
{
    struct hsm_store *store = data;
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = hsm_target_login(&target, ask, err);
    if (rc == KS_OK)
        rc = hsm_key_open(target.hit.token, &target.key, target.whose,
                          store->libctx, store->propq, key, spki, err);
    if (rc == KS_OK && hsm_key_wants_pin(*key))
        rc = prepare(&target, ask, key, spki, err);
    if (rc == KS_OK)
        *ops = &hsm_key_ops;
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_generate(void *store, const char *name,
                          const struct ks_keygen *spec,
                          const struct ks_ask *ask, struct ks_buf *spki,
                          struct ks_err *err)
{
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = hsm_keygen_check(&target, spec, err);
    if (rc == KS_OK)
        rc = hsm_target_login(&target, ask, err);
    if (rc == KS_OK)
        rc = hsm_keygen(&target, spec, spki, err);
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_import(void *store, const char *name,
                        const struct ks_buf *spki,
                        const struct ks_secret *pkcs8, unsigned usage,
                        const struct ks_ask *ask, struct ks_err *err)
{
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = hsm_import(&target, spki, pkcs8, usage, ask, err);
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_extract(void *store, const char *name,
                         const struct ks_ask *ask, struct ks_secret *pkcs8,
                         struct ks_err *err)
{
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = hsm_target_login(&target, ask, err);
    if (rc == KS_OK)
        rc = hsm_extract(&target, pkcs8, err);
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_remove(void *store, const char *name, const struct ks_ask *ask,
                        struct ks_err *err)
{
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = hsm_target_login(&target, ask, err);
    if (rc == KS_OK)
        rc = hsm_remove(&target, err);
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_describe(void *store, const char *name,
                          const struct ks_ask *ask, ks_fact_fn *each, void *arg,
                          struct ks_err *err)
{
    struct hsm_target target;
    ks_rc rc = hsm_target_open(store, name, &target, err);

    if (rc == KS_OK)
        rc = hsm_target_login(&target, ask, err);
    if (rc == KS_OK)
        rc = hsm_describe(&target, each, arg, err);
    hsm_target_clear(&target);
    return rc;
}

static ks_rc p11_parse_uri(const char *text, struct ks_uri *uri, bool *listing,
                           struct ks_err *err)
{
    return hsm_uri_for_provider(text, uri, listing, err);
}

const struct ks_backend ks_pkcs11_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "pkcs11",
    .open = p11_open,
    .close = p11_close,
    .list = p11_list,
    .info = p11_info,
    .remove = p11_remove,
    .generate = p11_generate,
    .open_key = p11_open_key,
    .import = p11_import,
    .extract = p11_extract,
    .scheme = "pkcs11",
    .parse_uri = p11_parse_uri,
    .certificate = p11_certificate,
    .describe = p11_describe,
    .check = hsm_check,
    .initialise = hsm_initialise,
};
