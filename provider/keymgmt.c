/*
 * The KEYMGMT functions that all key types share. A key that has no URI comes
 * here by an accident of libcrypto's fetches; for it each function does what
 * default's does, by asking default in the child context.
 */
#include "keymgmt.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "create.h"
#include "err.h"
#include "extract.h"
#include "key.h"
#include "params.h"
#include "reseal.h"

/*
 * A key may be freed after OPENSSL_cleanup: by an atexit handler that was
 * registered before libcrypto's own, by the destructor of a C++ static. With
 * it would go the last hold on this provider, and what libcrypto does then
 * needs what it has freed already (3.0: the lock of the error strings). So one
 * more hold is taken, and the provider stays for the rest of the process.
 */
void prov_keymgmt_free(void *keydata)
{
    const struct prov_key *key = keydata;

    if (key != NULL && OPENSSL_init_crypto(0, NULL) != 1)
        (void)key->ctx->core.provider_up_ref(key->ctx->handle, 0);
    prov_key_unref(keydata);
}

/* REFERENCE is the address of a key pointer: taken, so that the loader or
 * decoder knows. */
void *prov_keymgmt_load(const void *reference, size_t size)
{
    struct prov_key **slot = (struct prov_key **)reference;
    struct prov_key *key;

    if (size != sizeof(*slot))
        return NULL;
    key = *slot;
    *slot = NULL;
    return key;
}

static bool has_parameters(const struct prov_key *key)
{
    return strcmp(key->type, "EC") != 0 ||
           (key->soft != NULL && !EVP_PKEY_missing_parameters(key->soft));
}

int prov_keymgmt_has(const void *keydata, int selection)
{
    const struct prov_key *key = keydata;

    if (key == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && !key->has_public)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !key->has_private)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) == 0 ||
           has_parameters(key);
}

int prov_keymgmt_match(const void *keydata1, const void *keydata2,
                       int selection)
{
    const struct prov_key *a = keydata1, *b = keydata2;

    if (a->soft == NULL || b->soft == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 &&
        EVP_PKEY_parameters_eq(a->soft, b->soft) != 1)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0 ||
           EVP_PKEY_eq(a->soft, b->soft) == 1;
}

/* One call of the child's default for each part that libcrypto asks it for. */
static bool validate_pair(const struct prov_key *key, EVP_PKEY_CTX *pctx,
                          int selection, bool quick)
{
    const bool public = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
    const bool private = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;

    /* An operation key's private half was compared with the public one by
     * its backend; here only the public one can be looked at. */
    if (private && prov_key_is_operation(key))
        return EVP_PKEY_public_check(pctx) == 1;
    if (private)
        return (public ? EVP_PKEY_pairwise_check(pctx)
                       : EVP_PKEY_private_check(pctx)) == 1;
    return !public || (quick ? EVP_PKEY_public_check_quick(pctx)
                             : EVP_PKEY_public_check(pctx)) == 1;
}

int prov_keymgmt_validate(const void *keydata, int selection, int checktype)
{
    const struct prov_key *key = keydata;
    const bool quick = checktype == OSSL_KEYMGMT_VALIDATE_QUICK_CHECK;
    EVP_PKEY_CTX *pctx;
    bool ok = true;

    if (key->soft == NULL)
        return 0;
    pctx =
        EVP_PKEY_CTX_new_from_pkey(key->ctx->child, key->soft, key->ctx->propq);
    if (pctx == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0)
        ok = (quick ? EVP_PKEY_param_check_quick(pctx)
                    : EVP_PKEY_param_check(pctx)) == 1;
    ok = ok && validate_pair(key, pctx, selection, quick);
    EVP_PKEY_CTX_free(pctx);
    return ok;
}

void *prov_keymgmt_dup(const void *keydata, int selection)
{
    return prov_key_dup(keydata, selection);
}

static int get_text(OSSL_PARAM params[], const char *name, const char *text)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

    if (p == NULL || text == NULL)
        return 1;
    return p->data_type == OSSL_PARAM_UTF8_PTR
               ? OSSL_PARAM_set_utf8_ptr(p, text)
               : OSSL_PARAM_set_utf8_string(p, text);
}

int prov_keymgmt_get_params(void *keydata, OSSL_PARAM params[])
{
    const struct prov_key *key = keydata;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, PROV_PARAM_PRIVATE_KEY);
    struct ks_err err = {0};
    ks_rc rc;

    if (p != NULL) {
        rc = prov_extract(key, p, &err);
        if (rc != KS_OK)
            return prov_fail(key->ctx, rc, &err);
    }
    if (!get_text(params, PROV_PARAM_URI, key->uri) ||
        !get_text(params, PROV_PARAM_RESEAL, key->resealed))
        return 0;
    return key->soft != NULL && EVP_PKEY_get_params(key->soft, params) == 1;
}

/* A first public half, for a key that has nothing yet. */
static int set_first(struct prov_key *key, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p =
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
    OSSL_PARAM first[] = {OSSL_PARAM_END, OSSL_PARAM_END};

    if (p == NULL)
        return 1;
    first[0] = *p;
    first[0].key = OSSL_PKEY_PARAM_PUB_KEY;
    return prov_keymgmt_import(key, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, first);
}

static int is_other_key(const struct prov_key *key, const OSSL_PARAM params[])
{
    return key->uri != NULL &&
           OSSL_PARAM_locate_const(params,
                                   OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) != NULL;
}

static int no_change(const struct prov_key *key)
{
    return prov_raise(key->ctx, KS_E_INVALID,
                      "%s: a stored key cannot be changed", key->uri);
}

int prov_keymgmt_set_params(void *keydata, const OSSL_PARAM params[])
{
    struct prov_key *key = keydata;
    struct ks_err err = {0};
    ks_rc rc;

    if (params == NULL)
        return 1;
    if (OSSL_PARAM_locate_const(params, PROV_PARAM_RESEAL) != NULL) {
        rc = prov_reseal(key, params, &err);
        return rc == KS_OK ? 1 : prov_fail(key->ctx, rc, &err);
    }
    if (key->soft == NULL)
        return set_first(key, params);
    if (is_other_key(key, params))
        return no_change(key);
    if (EVP_PKEY_set_params(key->soft, (OSSL_PARAM *)params) != 1)
        return 0;
    prov_key_probe(key);
    return 1;
}

static EVP_PKEY *soft_from_data(const struct prov_key *key, int selection,
                                const OSSL_PARAM params[])
{
    const struct prov_ctx *ctx = key->ctx;
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->child, key->type, ctx->propq);
    EVP_PKEY *soft = NULL;

    if (pctx != NULL && EVP_PKEY_fromdata_init(pctx) == 1)
        (void)EVP_PKEY_fromdata(pctx, &soft, selection, (OSSL_PARAM *)params);
    EVP_PKEY_CTX_free(pctx);
    return soft;
}

/* Default's import adds to what a key has, fromdata starts anew; so the old
 * parts are given to it again, except where there are new ones. */
struct join {
    const struct prov_key *key;
    const OSSL_PARAM *more;
    int selection;
    EVP_PKEY *soft;
};

static int join_parts(const OSSL_PARAM old[], void *arg)
{
    struct join *join = arg;
    OSSL_PARAM *all = OSSL_PARAM_merge(old, join->more);

    if (all == NULL)
        return 0;
    join->soft = soft_from_data(join->key, join->selection, all);
    OPENSSL_free(all); /* the values are borrowed */
    return join->soft != NULL;
}

static EVP_PKEY *soft_with(const struct prov_key *key, int selection,
                           const OSSL_PARAM params[])
{
    int had = OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
    struct join join = {key, params, 0, NULL};

    if (key->soft == NULL)
        return soft_from_data(key, selection, params);
    if (key->has_public)
        had |= OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
    if (key->has_private)
        had |= OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
    join.selection = had | selection;
    (void)EVP_PKEY_export(key->soft, had, join_parts, &join);
    return join.soft;
}

int prov_keymgmt_import(void *keydata, int selection, const OSSL_PARAM params[])
{
    struct prov_key *key = keydata;
    EVP_PKEY *soft;
    struct ks_err err = {0};
    ks_rc rc;

    if (key->uri != NULL)
        return no_change(key);
    soft = soft_with(key, selection, params);
    if (soft == NULL)
        return 0;
    EVP_PKEY_free(key->soft);
    key->soft = soft;
    prov_key_probe(key);
    if (!prov_create_wanted(params))
        return 1;
    rc = prov_create_import(key, params, &err);
    return rc == KS_OK ? 1 : prov_fail(key->ctx, rc, &err);
}

int prov_keymgmt_export(void *keydata, int selection, OSSL_CALLBACK *cb,
                        void *arg)
{
    const struct prov_key *key = keydata;

    if (key->soft == NULL)
        return 0;
    if (prov_key_is_operation(key) &&
        (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return prov_raise(key->ctx, KS_E_NOT_EXPORTABLE,
                          "%s: its private half stays in the backend",
                          key->uri);
    return EVP_PKEY_export(key->soft, selection, cb, arg);
}
