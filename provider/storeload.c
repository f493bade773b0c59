/*
 * The STORE loader of our URIs: a key and its certificate, the names of the
 * keys of a place, or what a search has found there. What a person can do
 * something about (a malformed URI, no such backend or key) fails at open,
 * where libcrypto keeps the error.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "algs.h"
#include "ask.h"
#include "err.h"
#include "facts.h"
#include "loader.h"
#include "search.h"
#include "storedelete.h"

static OSSL_FUNC_store_open_fn load_open;
static OSSL_FUNC_store_open_ex_fn load_open_ex;
static OSSL_FUNC_store_settable_ctx_params_fn load_settable_params;
static OSSL_FUNC_store_set_ctx_params_fn load_set_params;
static OSSL_FUNC_store_load_fn load_next;
static OSSL_FUNC_store_eof_fn load_eof;
static OSSL_FUNC_store_close_fn load_close;
static OSSL_FUNC_store_export_object_fn load_export;

static void *load_open(void *provctx, const char *uri)
{
    struct prov_ctx *ctx = provctx;
    struct loader *loader = OPENSSL_zalloc(sizeof(*loader));
    struct ks_err err = {0};
    ks_rc rc;

    if (loader == NULL) {
        prov_raise(ctx, KS_E_NOMEM, "out of memory");
        return NULL;
    }
    loader->ctx = ctx;
    rc = prov_loader_open(loader, uri, &err);
    if (rc != KS_OK) {
        prov_fail(ctx, rc, &err);
        prov_loader_free(loader);
        return NULL;
    }
    return loader;
}

/* PW_CB is not asked here: whether a secret is needed depends on what will be
 * expected, and load is given a callback of its own. */
static void *load_open_ex(void *provctx, const char *uri,
                          const OSSL_PARAM params[],
                          OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    void *loader = load_open(provctx, uri);

    (void)pw_cb;
    (void)pw_arg;
    if (loader != NULL && !load_set_params(loader, params)) {
        prov_loader_free(loader);
        return NULL;
    }
    return loader;
}

static const OSSL_PARAM *load_settable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_INPUT_TYPE, NULL, 0),
        PROV_SEARCH_PARAMS, OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static int search(struct loader *loader, const OSSL_PARAM params[])
{
    struct ks_err err = {0};
    ks_rc rc = prov_loader_search(loader, params, &err);

    return rc == KS_OK ? 1 : prov_fail(loader->ctx, rc, &err);
}

static int load_set_params(void *loaderctx, const OSSL_PARAM params[])
{
    struct loader *loader = loaderctx;
    const OSSL_PARAM *p;

    if (params == NULL)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
    if (p != NULL && !OSSL_PARAM_get_int(p, &loader->expect))
        return 0;
    return !prov_search_wanted(params) || search(loader, params);
}

/* Hands PARAMS over. libcrypto 3.5 tries a name as bytes first and leaves that
 * error behind; of what went well nothing shall be on the queue. */
static int hand_over(const struct loader *loader, const OSSL_PARAM params[],
                     OSSL_CALLBACK *cb, void *arg)
{
    const struct prov_core *core = &loader->ctx->core;
    int ok;

    (void)core->set_error_mark(loader->ctx->handle);
    ok = cb(params, arg);
    if (ok)
        (void)core->pop_error_to_mark(loader->ctx->handle);
    else
        (void)core->clear_last_error_mark(loader->ctx->handle);
    return ok;
}

static int send_key(struct loader *loader, OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_PKEY, ok;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
                                         (char *)loader->key->type, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE,
                                          &loader->key, sizeof(loader->key)),
        OSSL_PARAM_END};

    ok = hand_over(loader, params, cb, arg);
    prov_key_unref(loader->key); /* NULL if our keymgmt took it */
    loader->key = NULL;
    return ok;
}

static int send_cert(struct loader *loader, const struct ks_buf *cert,
                     OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_CERT;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, cert->data,
                                          cert->len),
        OSSL_PARAM_END};

    return hand_over(loader, params, cb, arg);
}

static int send_name(struct loader *loader, OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_NAME;
    const char *uri = NULL;
    struct ks_err err = {0};
    ks_rc rc = prov_loader_take_name(loader, &uri, &err);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, (char *)uri,
                                         0),
        OSSL_PARAM_END};

    if (rc != KS_OK)
        return prov_fail(loader->ctx, rc, &err);
    /* All keys went while the listing was read: no name, and the end. */
    return uri != NULL && hand_over(loader, params, cb, arg);
}

static int send_item(struct loader *loader, enum item item, OSSL_CALLBACK *cb,
                     void *arg, struct prov_pw *pw)
{
    struct ks_ask ask = {prov_pw_get, pw};
    struct ks_err err = {0};
    ks_rc rc = prov_loader_make(loader, item, &ask, &err);

    if (rc != KS_OK)
        return prov_fail(loader->ctx, rc, &err);
    return item == ITEM_CERT ? send_cert(loader, &loader->info.cert, cb, arg)
                             : send_key(loader, cb, arg);
}

static int load_next(void *loaderctx, OSSL_CALLBACK *cb, void *arg,
                     OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    struct loader *loader = loaderctx;
    struct prov_pw pw = {pw_cb, pw_arg};
    enum item item = prov_loader_next(loader);

    if (item == ITEM_END)
        return 0;
    if (item == ITEM_NAME)
        return send_name(loader, cb, arg);
    if (item == ITEM_CHAIN) {
        struct ks_buf above = prov_loader_take_above(loader);

        return send_cert(loader, &above, cb, arg);
    }
    return send_item(loader, item, cb, arg, &pw);
}

static int load_eof(void *loaderctx)
{
    return prov_loader_next(loaderctx) == ITEM_END;
}

static int load_close(void *loaderctx)
{
    prov_loader_free(loaderctx);
    return 1;
}

/*
 * libcrypto wants the key in another provider's keymgmt, as a rule default's.
 * Nothing of an operation key goes there, not even its public half: libcrypto
 * would take that for the key. It then comes back to our keymgmt.
 */
static int load_export(void *loaderctx, const void *reference, size_t size,
                       OSSL_CALLBACK *cb, void *arg)
{
    struct prov_key *key;

    (void)loaderctx;
    if (size != sizeof(key))
        return 0;
    key = *(struct prov_key *const *)reference;
    if (key == NULL || prov_key_is_operation(key))
        return 0;
    return EVP_PKEY_export(key->soft, OSSL_KEYMGMT_SELECT_ALL, cb, arg);
}

const OSSL_DISPATCH prov_store_functions[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*)(void))load_open},
    {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))load_settable_params},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))load_set_params},
    {OSSL_FUNC_STORE_LOAD, (void (*)(void))load_next},
    {OSSL_FUNC_STORE_EOF, (void (*)(void))load_eof},
    {OSSL_FUNC_STORE_CLOSE, (void (*)(void))load_close},
    {OSSL_FUNC_STORE_EXPORT_OBJECT, (void (*)(void))load_export},
    {OSSL_FUNC_STORE_DELETE, (void (*)(void))prov_store_delete},
    {OSSL_FUNC_STORE_OPEN_EX, (void (*)(void))load_open_ex},
    PROV_FACT_ROWS{0, NULL}};
