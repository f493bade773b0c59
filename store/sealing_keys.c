/*
 * Sealing to other keys.
 */
#include "sealing_keys.h"

#include <openssl/crypto.h>

#include "cms.h"

struct ks_sealing_keys {
    char *seal_to;
};

ks_rc ks_sealing_keys_new(const char *name, const char *seal_to,
                          const struct ks_crypto *crypto,
                          const struct ks_keyring *keyring,
                          struct ks_sealing_keys **out, struct ks_err *err)
{
    (void)crypto;
    (void)keyring;
    if (seal_to != NULL)
        return ks_fail(err, KS_E_UNSUPPORTED, "[backend %s] seal_to", name);
    *out = OPENSSL_zalloc(sizeof(**out));
    return *out != NULL ? KS_OK : ks_fail(err, KS_E_NOMEM, "out of memory");
}

void ks_sealing_keys_free(struct ks_sealing_keys *keys)
{
    OPENSSL_free(keys);
}

ks_rc ks_sealing_keys_seal(struct ks_sealing_keys *keys, const char *uri,
                           const struct ks_secret *pkcs8,
                           const struct ks_ask *ask, struct ks_record *record,
                           struct ks_err *err)
{
    (void)keys;
    (void)pkcs8;
    (void)ask;
    (void)record;
    return ks_fail(err, KS_E_UNSUPPORTED, "%s: sealed to keys", uri);
}

ks_rc ks_sealing_keys_open(struct ks_sealing_keys *keys, const char *uri,
                           const struct ks_record *record, const char *with,
                           const struct ks_ask *ask, struct ks_secret *pkcs8,
                           struct ks_err *err)
{
    (void)keys;
    (void)record;
    (void)with;
    (void)ask;
    (void)pkcs8;
    return ks_fail(err, KS_E_UNSUPPORTED, "%s: sealed to keys", uri);
}

bool ks_sealing_keys_is_current(struct ks_sealing_keys *keys,
                                const struct ks_record *record)
{
    (void)keys;
    (void)record;
    return false;
}

ks_rc ks_sealing_keys_describe(struct ks_sealing_keys *keys,
                               const struct ks_record *record, ks_fact_fn *each,
                               void *arg, struct ks_err *err)
{
    (void)keys;
    (void)record;
    (void)each;
    (void)arg;
    (void)err;
    return KS_OK;
}

__attribute__((weak)) ks_rc ks_cms_check(const struct ks_buf *sealed,
                                         struct ks_err *err)
{
    (void)sealed;
    return ks_fail(err, KS_E_UNSUPPORTED, "sealed to keys");
}
