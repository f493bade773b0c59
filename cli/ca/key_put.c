/*
 * Keys from outside, kept in a backend; and private keys taken out of one,
 * where it lets them go.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "ks_uri.h"

#define PRIVATE_MAX (32 * 1024) /* bytes of a PrivateKeyInfo */

/* --- in -------------------------------------------------------------------
 */

static bool push(OSSL_PARAM_BLD *build, const char *name, const char *text)
{
    return text == NULL ||
           OSSL_PARAM_BLD_push_utf8_string(build, name, text, 0) == 1;
}

static bool push_certs(OSSL_PARAM_BLD *build, const struct ks_buf *certs)
{
    return certs == NULL || certs->len == 0 ||
           OSSL_PARAM_BLD_push_octet_string(build, "keystore-certs",
                                            certs->data, certs->len) == 1;
}

static OSSL_PARAM *all_params(const OSSL_PARAM *from, const char *uri,
                              const struct ca_key_spec *spec,
                              const struct ks_buf *certs)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *more = NULL;
    OSSL_PARAM *all = NULL;

    if (build != NULL && push(build, "keystore-uri", uri) &&
        push(build, "keystore-passout", spec->passout) &&
        push(build, "keystore-usage", spec->usage) && push_certs(build, certs))
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

ks_rc ca_key_put(const struct ca_env *env, EVP_PKEY *pkey,
                 const struct ca_key_spec *spec, const struct ks_buf *certs,
                 struct ks_err *err)
{
    char shown[200];
    char *uri = NULL;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *stored = NULL;
    OSSL_PARAM *parts = NULL;
    OSSL_PARAM *all = NULL;
    ks_rc rc = ca_key_uri_with(spec->uri, &spec->pins, &uri, err);

    if (rc != KS_OK)
        return rc;
    ks_uri_redact(spec->uri, shown, sizeof(shown));
    ERR_clear_error();
    if (EVP_PKEY_todata(pkey, EVP_PKEY_KEYPAIR, &parts) != 1) {
        rc = ca_crypto_fail(KS_E_NOT_EXPORTABLE, shown, err);
        goto out;
    }
    all = all_params(parts, uri, spec, certs);
    ctx = ca_key_ctx(env, EVP_PKEY_get0_type_name(pkey));
    if (all == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1) {
        rc = ca_crypto_fail(KS_E_UNSUPPORTED, shown, err);
        goto out;
    }
    rc = KS_OK;
    if (EVP_PKEY_fromdata(ctx, &stored, EVP_PKEY_KEYPAIR, all) != 1)
        rc = ca_key_new_refused(env, spec,
                                ca_crypto_fail(KS_E_CRYPTO, shown, err), err);
out:
    OPENSSL_clear_free(uri, strlen(uri));
    EVP_PKEY_free(stored);
    EVP_PKEY_CTX_free(ctx);
    wipe_params(all);
    wipe_params(parts);
    return rc;
}

/* --- out ------------------------------------------------------------------
 */

bool ca_key_stays(const EVP_PKEY *pkey)
{
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(pkey);

    return provider != NULL &&
           strcmp(OSSL_PROVIDER_get0_name(provider), "keystore") == 0;
}

static ks_rc stays(const struct ca_env *env, const char *shown, ks_rc rc,
                   struct ks_err *err)
{
    const struct ks_section *section = ca_key_section(env, shown);
    const char *extractable = ks_section_get(section, "extractable");
    bool out = true;

    if (extractable != NULL && ks_bool_parse(extractable, &out) && !out) {
        ks_hint(err,
                "extractable = yes in [backend %s] of caadm.conf lets its "
                "keys out",
                section->name);
        err->text[0] = '\0';
        return ks_fail(err, KS_E_NOT_EXPORTABLE,
                       "%s: its backend does not let keys out (extractable = "
                       "no)",
                       shown);
    }
    ks_hint(err, "a key that was made on a token, or brought there, stays: "
                 "make a new one where it is wanted, and a new certificate");
    return ks_fail(err, rc == KS_E_SECRET_MISSING ? rc : KS_E_NOT_EXPORTABLE,
                   "%s: its place does not let private keys out", shown);
}

static EVP_PKEY *decode(const struct ca_env *env, const uint8_t *der,
                        size_t len)
{
    const unsigned char *at = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
    EVP_PKEY *pkey = NULL;

    if (info != NULL && at == der + len)
        pkey = EVP_PKCS82PKEY_ex(info, env->libctx, "provider=default");
    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

/* The provider is asked for it by name: no program gets it by accident. */
static ks_rc ask_for(const struct ca_env *env, const char *shown,
                     const EVP_PKEY *pkey, EVP_PKEY **out, struct ks_err *err)
{
    struct ks_secret der = {0};
    size_t len = 0;
    ks_rc rc = ks_secret_alloc(&der, PRIVATE_MAX);

    if (rc != KS_OK)
        return ca_nomem(err);
    ERR_clear_error();
    if (EVP_PKEY_get_octet_string_param(pkey, "keystore-private-key", der.data,
                                        der.len, &len) != 1) {
        rc = stays(env, shown, ca_crypto_fail(KS_E_NOT_EXPORTABLE, shown, err),
                   err);
    } else {
        *out = decode(env, der.data, len);
        if (*out == NULL)
            rc = ca_crypto_fail(KS_E_DAMAGED, shown, err);
    }
    ks_secret_clear(&der);
    return rc;
}

ks_rc ca_key_take_out(const struct ca_env *env, const char *uri, EVP_PKEY **out,
                      struct ks_err *err)
{
    struct ca_env own = *env;
    char shown[200];
    EVP_PKEY *pkey = NULL;
    ks_rc rc;

    if (ca_key_on_token(env, uri) && own.pins.user == NULL &&
        own.pins.so == NULL)
        own.pins.user = env->passin; /* there is one key */
    ks_uri_redact(uri, shown, sizeof(shown));
    rc = ca_key_load(&own, uri, &pkey, err);
    if (rc != KS_OK)
        return rc;
    if (!ca_key_stays(pkey)) {
        *out = pkey;
        return KS_OK;
    }
    rc = ask_for(env, shown, pkey, out, err);
    EVP_PKEY_free(pkey);
    return rc;
}

/* --- from a file ----------------------------------------------------------
 */

static ks_rc record(const struct ca_env *env, const char *uri,
                    const uint8_t hash[KS_HASH_LEN], int64_t intent,
                    struct ks_err *err)
{
    ks_rc rc;

    if (env->inv == NULL)
        return KS_OK;
    rc = ks_inventory_begin(env->inv, err);
    if (rc != KS_OK)
        return rc;
    rc = ca_audit(env, "key.import", uri, hash, err);
    if (rc == KS_OK)
        rc = ks_intent_remove(env->inv, intent, err);
    if (rc == KS_OK)
        return ks_inventory_commit(env->inv, err);
    ks_inventory_rollback(env->inv);
    return rc;
}

/* Which key it will be is known before it is there. */
static ks_rc plan(const struct ca_env *env, const char *uri,
                  const uint8_t hash[KS_HASH_LEN], int64_t *intent,
                  struct ks_err *err)
{
    ks_rc rc;

    if (env->inv == NULL)
        return KS_OK;
    rc = ks_intent_add(env->inv, uri, intent, err);
    if (rc == KS_OK)
        rc = ks_intent_made(env->inv, *intent, hash, err);
    return rc;
}

/* If removing fails, the intent stays, and the next start tries again. */
static void undo(const struct ca_env *env, const char *uri, int64_t intent)
{
    struct ks_err ignored = {0};
    ks_rc rc = KS_OK;

    if (uri != NULL)
        rc = ca_key_remove(env, uri, &ignored);
    if (rc == KS_OK || rc == KS_E_NOT_FOUND)
        rc = ks_intent_remove(env->inv, intent, &ignored);
    (void)rc; /* the failure that led here is what matters */
}

ks_rc ca_key_import(const struct ca_env *env, EVP_PKEY *pkey,
                    const struct ca_key_spec *spec, const struct ks_buf *certs,
                    struct ks_err *err)
{
    struct ca_env own = *env;
    uint8_t hash[KS_HASH_LEN];
    char *uri = NULL;
    int64_t intent = 0;
    bool put = false;
    ks_rc rc = ca_key_uri_kept(spec->uri, &uri, err);

    own.passin = NULL; /* is the file's */
    own.pins = spec->pins;
    if (rc == KS_OK)
        rc = ca_key_hash(pkey, hash, err);
    if (rc == KS_OK)
        rc = ca_key_must_be_free(&own, uri, err);
    if (rc == KS_OK)
        rc = plan(env, uri, hash, &intent, err);
    if (rc == KS_OK) {
        rc = ca_key_put(env, pkey, spec, certs, err);
        put = rc == KS_OK;
    }
    if (rc == KS_OK)
        rc = record(env, uri, hash, intent, err);
    if (rc != KS_OK && intent != 0)
        undo(&own, put ? uri : NULL, intent);
    OPENSSL_free(uri);
    return rc;
}
