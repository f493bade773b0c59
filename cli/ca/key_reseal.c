/*
 * A new seal for a key that stays where it is: another passphrase, other keys
 * that it is sealed to, another cost.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define PARAM_RESEAL "keystore-reseal"

static void push(OSSL_PARAM *params, size_t *n, const char *name,
                 const char *value)
{
    if (value != NULL)
        params[(*n)++] =
            OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)value, 0);
}

/* Through a public key of ours, which no secret is asked for. */
static ks_rc open_key(const struct ca_env *env, const char *uri, EVP_PKEY **out,
                      struct ks_err *err)
{
    struct ca_env own = *env;

    own.propq = "provider=keystore";
    own.passin = NULL;
    return ca_key_load_public(&own, uri, out, err);
}

/* True if the provider did not leave it as it was. */
static bool is_changed(const EVP_PKEY *pkey)
{
    char text[32] = "";

    ERR_set_mark();
    (void)EVP_PKEY_get_utf8_string_param(pkey, PARAM_RESEAL, text, sizeof(text),
                                         NULL);
    ERR_pop_to_mark();
    return strcmp(text, "current") != 0;
}

ks_rc ca_key_reseal(const struct ca_env *env, const char *uri,
                    const struct ca_reseal_spec *spec, bool *changed,
                    struct ks_err *err)
{
    OSSL_PARAM params[6];
    size_t n = 0;
    EVP_PKEY *pkey = NULL;
    ks_rc rc = open_key(env, uri, &pkey, err);

    if (rc != KS_OK)
        return rc;
    push(params, &n, PARAM_RESEAL, spec->passout != NULL ? spec->passout : "");
    push(params, &n, "keystore-passin", spec->passin);
    push(params, &n, "keystore-seal-to", spec->seal_to);
    push(params, &n, "keystore-kdf", spec->kdf);
    push(params, &n, "keystore-unseal-with", spec->unseal_with);
    params[n] = OSSL_PARAM_construct_end();
    ERR_clear_error();
    if (EVP_PKEY_set_params(pkey, params) != 1)
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
    else
        *changed = is_changed(pkey);
    EVP_PKEY_free(pkey);
    if (rc == KS_OK && *changed)
        rc = ca_audit(env, spec->act, uri, NULL, err);
    return rc;
}
