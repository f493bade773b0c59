/*
 * What the key commands share.
 */
#include "key_io.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "args.h"
#include "evp.h"
#include "out.h"

static bool spki_hash(const EVP_PKEY *pkey, uint8_t hash[static KS_HASH_LEN])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    bool ok = len > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len,
                                      hash, NULL) == 1;

    OPENSSL_free(der);
    return ok;
}

static bool spki_sha256(const EVP_PKEY *pkey,
                        char hex[static 2 * KS_HASH_LEN + 1])
{
    uint8_t hash[KS_HASH_LEN];
    bool ok = spki_hash(pkey, hash);

    for (size_t i = 0; ok && i < sizeof(hash); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return ok;
}

/* By its public half: a token's key has several URIs. */
static ks_rc ca_of(const struct ca_env *env, const EVP_PKEY *pkey, char **name,
                   struct ks_err *err)
{
    uint8_t hash[KS_HASH_LEN];
    ks_rc rc = KS_E_NOT_FOUND;

    if (env->inv != NULL)
        rc = spki_hash(pkey, hash)
                 ? ks_ca_of_key(env->inv, hash, name, err)
                 : ca_crypto_fail(KS_E_CRYPTO, "public key", err);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

ks_rc key_io_json(const struct ca_env *env, const char *uri, EVP_PKEY *pkey,
                  json_t **out, struct ks_err *err)
{
    char type[64] = "";
    char hash[2 * KS_HASH_LEN + 1];
    char *ca = NULL;
    struct ks_err why = {0};
    ks_rc rc = ca_of(env, pkey, &ca, &why);

    if (rc != KS_OK) {
        *err = why;
        return rc;
    }
    if (!spki_sha256(pkey, hash)) {
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
        goto out;
    }
    ca_key_type_text(pkey, type, sizeof(type));
    *out = json_pack("{s:o, s:s, s:i, s:s, s:o}", "uri", cli_json_text(uri),
                     "type", type, "bits", EVP_PKEY_get_bits(pkey), "sha256",
                     hash, "ca", cli_json_text(ca));
    rc = *out != NULL ? KS_OK
                      : ks_fail(err, KS_E_NOMEM, "%s: out of memory", uri);
out:
    OPENSSL_free(ca);
    return rc;
}
