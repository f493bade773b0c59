/*
 * Listing and importing keys through the provider.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
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

static bool push(OSSL_PARAM_BLD *build, const char *name, const char *text)
{
    return text == NULL ||
           OSSL_PARAM_BLD_push_utf8_string(build, name, text, 0) == 1;
}

static OSSL_PARAM *import_params(const OSSL_PARAM *from, const char *uri,
                                 const struct ca_key_spec *spec)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *more = NULL;
    OSSL_PARAM *all = NULL;

    if (build != NULL && push(build, CLI_PARAM_URI, uri) &&
        push(build, CLI_PARAM_PASSOUT, spec->passout) &&
        push(build, CLI_PARAM_USAGE, spec->usage))
        more = OSSL_PARAM_BLD_to_param(build);
    if (more != NULL)
        all = OSSL_PARAM_merge(from, more);
    /* The merged array borrows its values from both: a deep copy owns them,
     * and is wiped by the caller. */
    if (all != NULL) {
        OSSL_PARAM *copy = OSSL_PARAM_dup(all);

        OPENSSL_free(all);
        all = copy;
    }
    OSSL_PARAM_free(more);
    OSSL_PARAM_BLD_free(build);
    return all;
}

/* OSSL_PARAM_free wipes only what is in the secure heap. */
static void wipe_params(OSSL_PARAM *params)
{
    for (OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++)
        if (p->data != NULL && p->data_type != OSSL_PARAM_UTF8_PTR &&
            p->data_type != OSSL_PARAM_OCTET_PTR)
            OPENSSL_cleanse(p->data, p->data_size);
    OSSL_PARAM_free(params);
}

/* As ca_key_generate has it: the same trouble has the same result. */
static ks_rc import_fail(struct cli *cli, const struct ca_key_spec *spec,
                         const char *shown, struct ks_err *err)
{
    struct ks_config *config = NULL;
    struct ks_err ignored = {0};
    struct ca_env env = {0};

    if (cli_config(cli, &config, &ignored) == KS_OK)
        env.config = config;
    return ca_key_new_refused(&env, spec,
                              ca_crypto_fail(KS_E_CRYPTO, shown, err), err);
}

ks_rc cli_key_import(struct cli *cli, EVP_PKEY *pkey,
                     const struct ca_key_spec *spec, struct ks_err *err)
{
    char shown[200];
    char *uri = NULL;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *stored = NULL;
    OSSL_PARAM *parts = NULL;
    OSSL_PARAM *all = NULL;
    ks_rc rc = cli_evp(cli, err);

    if (rc == KS_OK)
        rc = ca_key_uri_with(spec->uri, &spec->pins, &uri, err);
    if (rc != KS_OK)
        return rc;
    ks_uri_redact(spec->uri, shown, sizeof(shown));
    ERR_clear_error();
    if (EVP_PKEY_todata(pkey, EVP_PKEY_KEYPAIR, &parts) != 1) {
        rc = ca_crypto_fail(KS_E_NOT_EXPORTABLE, shown, err);
        goto out;
    }
    all = import_params(parts, uri, spec);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, EVP_PKEY_get0_type_name(pkey),
                                     CLI_PROVIDER_PROPQ);
    if (all == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1) {
        rc = ca_crypto_fail(KS_E_UNSUPPORTED, shown, err);
        goto out;
    }
    if (EVP_PKEY_fromdata(ctx, &stored, EVP_PKEY_KEYPAIR, all) != 1) {
        rc = import_fail(cli, spec, shown, err);
        goto out;
    }
    rc = KS_OK;
out:
    OPENSSL_clear_free(uri, strlen(uri));
    EVP_PKEY_free(stored);
    EVP_PKEY_CTX_free(ctx);
    wipe_params(all);
    wipe_params(parts);
    return rc;
}
