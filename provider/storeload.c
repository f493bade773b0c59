/*
 * The STORE loader of keystore: URIs: a key and its certificate, or the names
 * of a backend's keys. What a person can do something about (a malformed URI,
 * no such backend or key) fails at open, where libcrypto keeps the error.
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
#include "loadkey.h"
#include "names.h"

/* OpenSSL 3.2's functions, by number: on 3.0 caadm reaches delete through
 * this very table (README.md, "Deletion"), and newer headers have types. */
#ifndef OSSL_FUNC_STORE_DELETE
#    define OSSL_FUNC_STORE_DELETE 9
#    define OSSL_FUNC_STORE_OPEN_EX 10
typedef int OSSL_FUNC_store_delete_fn(void *provctx, const char *uri,
                                      const OSSL_PARAM params[],
                                      OSSL_PASSPHRASE_CALLBACK *pw_cb,
                                      void *pw_arg);
typedef void *OSSL_FUNC_store_open_ex_fn(void *provctx, const char *uri,
                                         const OSSL_PARAM params[],
                                         OSSL_PASSPHRASE_CALLBACK *pw_cb,
                                         void *pw_arg);
#endif

static OSSL_FUNC_store_open_fn load_open;
static OSSL_FUNC_store_open_ex_fn load_open_ex;
static OSSL_FUNC_store_settable_ctx_params_fn load_settable_params;
static OSSL_FUNC_store_set_ctx_params_fn load_set_params;
static OSSL_FUNC_store_load_fn load_next;
static OSSL_FUNC_store_eof_fn load_eof;
static OSSL_FUNC_store_close_fn load_close;
static OSSL_FUNC_store_export_object_fn load_export;
static OSSL_FUNC_store_delete_fn load_delete;

/* What one key's URI may yield, in this order. */
enum item {
    ITEM_PRIVATE,
    ITEM_PUBLIC,
    ITEM_CERT,
    ITEM_END
};

struct loader {
    struct prov_ctx *ctx;
    struct ks_uri uri;
    char *canonical;
    int expect; /* OSSL_STORE_INFO_*, 0: anything */
    enum item next;
    struct ks_key_info info;
    struct prov_names *names; /* of a listing; NULL for a key */
    struct prov_key *key;     /* on its way to libcrypto, which takes it */
    bool failed;              /* then there is nothing more: nginx would ask
                                 for ever (it loops until eof) */
};

static bool wanted(const struct loader *loader, enum item item)
{
    const enum ks_uri_type type = loader->uri.type;
    const int expect = loader->expect;

    switch (item) {
    case ITEM_PRIVATE:
        return (type == KS_URI_ANY || type == KS_URI_PRIVATE) &&
               (expect == 0 || expect == OSSL_STORE_INFO_PKEY);
    case ITEM_PUBLIC:
        return (type == KS_URI_PUBLIC && expect == 0) ||
               (type != KS_URI_PRIVATE && type != KS_URI_CERT &&
                expect == OSSL_STORE_INFO_PUBKEY);
    case ITEM_CERT:
        return loader->info.cert.len > 0 &&
               (type == KS_URI_ANY || type == KS_URI_CERT) &&
               (expect == 0 || expect == OSSL_STORE_INFO_CERT);
    case ITEM_END:
    default:
        return false;
    }
}

static enum item next_wanted(const struct loader *loader)
{
    enum item item = loader->next;

    while (item != ITEM_END && !wanted(loader, item))
        item++;
    return item;
}

static void load_free(struct loader *loader)
{
    if (loader == NULL)
        return;
    prov_key_unref(loader->key);
    prov_names_free(loader->names);
    ks_key_info_clear(&loader->info);
    ks_uri_clear(&loader->uri);
    OPENSSL_free(loader->canonical);
    OPENSSL_free(loader);
}

static ks_rc open_uri(struct loader *loader, const char *text,
                      struct ks_err *err)
{
    const struct prov_store *store = NULL;
    ks_rc rc = ks_uri_parse(text, &loader->uri, err);

    if (rc == KS_OK)
        rc = ks_uri_format(loader->uri.backend, loader->uri.key,
                           &loader->canonical);
    if (rc == KS_OK)
        rc = prov_stores_get(loader->ctx->stores, loader->uri.backend, &store,
                             err);
    if (rc != KS_OK)
        return rc;
    if (loader->uri.key[0] == '\0')
        return prov_names_new(store, &loader->names, err);
    rc = store->backend->info(store->handle, loader->uri.key, &loader->info,
                              err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "%s: no such key", loader->canonical);
    return rc;
}

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
    rc = open_uri(loader, uri, &err);
    if (rc != KS_OK) {
        prov_fail(ctx, rc, &err);
        load_free(loader);
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
        load_free(loader);
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
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static int load_set_params(void *loaderctx, const OSSL_PARAM params[])
{
    static const char *const searches[] = {
        OSSL_STORE_PARAM_SUBJECT,     OSSL_STORE_PARAM_ISSUER,
        OSSL_STORE_PARAM_SERIAL,      OSSL_STORE_PARAM_DIGEST,
        OSSL_STORE_PARAM_FINGERPRINT, OSSL_STORE_PARAM_ALIAS};
    struct loader *loader = loaderctx;
    const OSSL_PARAM *p;
    size_t i;

    if (params == NULL)
        return 1;
    for (i = 0; i < sizeof(searches) / sizeof(searches[0]); i++)
        if (OSSL_PARAM_locate_const(params, searches[i]) != NULL)
            return prov_raise(loader->ctx, KS_E_UNSUPPORTED,
                              "%s: cannot be searched by %s; keys are found "
                              "by name",
                              loader->canonical, searches[i]);
    p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
    return p == NULL || OSSL_PARAM_get_int(p, &loader->expect);
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

static int send_cert(const struct loader *loader, OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_CERT;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA,
                                          loader->info.cert.data,
                                          loader->info.cert.len),
        OSSL_PARAM_END};

    return hand_over(loader, params, cb, arg);
}

static int send_name(const struct loader *loader, const char *name,
                     OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_NAME;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, (char *)name,
                                         0),
        OSSL_PARAM_END};

    return hand_over(loader, params, cb, arg);
}

static ks_rc make_key(struct loader *loader, enum item item, struct prov_pw *pw,
                      struct ks_err *err)
{
    struct ks_ask ask = {prov_pw_get, pw};

    if (item == ITEM_PUBLIC)
        return prov_key_from_spki(loader->ctx, loader->canonical,
                                  &loader->info.spki, NULL, NULL, &loader->key,
                                  err);
    return prov_load_key(loader->ctx, &loader->uri, false, &ask, &loader->key,
                         err);
}

static int load_next(void *loaderctx, OSSL_CALLBACK *cb, void *arg,
                     OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    struct loader *loader = loaderctx;
    struct prov_pw pw = {pw_cb, pw_arg};
    struct ks_err err = {0};
    const char *name;
    enum item item;
    ks_rc rc;

    if (loader->names != NULL) {
        name = prov_names_next(loader->names);
        return name != NULL && send_name(loader, name, cb, arg);
    }
    item = next_wanted(loader);
    if (item == ITEM_END || loader->failed)
        return 0;
    loader->next = item + 1;
    if (item == ITEM_CERT)
        return send_cert(loader, cb, arg);
    rc = make_key(loader, item, &pw, &err);
    if (rc != KS_OK) {
        loader->failed = true;
        return prov_fail(loader->ctx, rc, &err);
    }
    return send_key(loader, cb, arg);
}

static int load_eof(void *loaderctx)
{
    const struct loader *loader = loaderctx;

    if (loader->names != NULL)
        return !prov_names_more(loader->names);
    return loader->failed || next_wanted(loader) == ITEM_END;
}

static int load_close(void *loaderctx)
{
    load_free(loaderctx);
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

static ks_rc delete_uri(const struct prov_ctx *ctx, const char *text,
                        struct ks_err *err)
{
    const struct prov_store *store = NULL;
    struct ks_uri uri = {0};
    ks_rc rc = ks_uri_parse(text, &uri, err);

    if (rc == KS_OK && uri.key[0] == '\0')
        rc = ks_fail(err, KS_E_INVALID,
                     "keystore://%s/: names a backend, not a key; delete its "
                     "keys one by one",
                     uri.backend);
    if (rc == KS_OK && (uri.type == KS_URI_PUBLIC || uri.type == KS_URI_CERT))
        rc = ks_fail(err, KS_E_INVALID,
                     "keystore://%s/%s: no part of a key can be deleted; "
                     "leave out type to delete all of it",
                     uri.backend, uri.key);
    if (rc == KS_OK)
        rc = prov_stores_get(ctx->stores, uri.backend, &store, err);
    if (rc == KS_OK)
        rc = store->backend->remove(store->handle, uri.key, NULL, err);
    if (rc == KS_E_NOT_FOUND)
        (void)ks_fail(err, rc, "keystore://%s/%s: no such key", uri.backend,
                      uri.key);
    ks_uri_clear(&uri);
    return rc;
}

static int load_delete(void *provctx, const char *uri,
                       const OSSL_PARAM params[],
                       OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    const struct prov_ctx *ctx = provctx;
    struct ks_err err = {0};
    ks_rc rc = delete_uri(ctx, uri, &err);

    (void)params;
    (void)pw_cb;
    (void)pw_arg;
    return rc == KS_OK ? 1 : prov_fail(ctx, rc, &err);
}

const OSSL_DISPATCH prov_store_functions[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*)(void))load_open},
    {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))load_settable_params},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))load_set_params},
    {OSSL_FUNC_STORE_LOAD, (void (*)(void))load_next},
    {OSSL_FUNC_STORE_EOF, (void (*)(void))load_eof},
    {OSSL_FUNC_STORE_CLOSE, (void (*)(void))load_close},
    {OSSL_FUNC_STORE_EXPORT_OBJECT, (void (*)(void))load_export},
    {OSSL_FUNC_STORE_DELETE, (void (*)(void))load_delete},
    {OSSL_FUNC_STORE_OPEN_EX, (void (*)(void))load_open_ex},
    {0, NULL}};
