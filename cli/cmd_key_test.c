/*
 * caadm key test: does the private key work, and is it the public one's?
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "key_io.h"
#include "out.h"

struct test_args {
    const char *passin;
};

static const struct opt opts[] = {
    {"passin", 0, OPT_TEXT, offsetof(struct test_args, passin), "SOURCE",
     "where its secret comes from"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static const unsigned char message[] = "caadm key test";

/* Signs with the private key and verifies with the public one. */
static ks_rc test_sign(const struct ca_env *env, const char *uri,
                       EVP_PKEY *private, EVP_PKEY *public, struct ks_err *err)
{
    EVP_MD_CTX *sign = EVP_MD_CTX_new();
    EVP_MD_CTX *verify = EVP_MD_CTX_new();
    const char *digest =
        EVP_PKEY_is_a(private, "ED25519") || EVP_PKEY_is_a(private, "ED448")
            ? NULL
            : "SHA256";
    unsigned char *signature = NULL;
    size_t len = 0;
    ks_rc rc = KS_E_CRYPTO;

    if (sign == NULL || verify == NULL ||
        EVP_DigestSignInit_ex(sign, NULL, digest, env->libctx, NULL, private,
                              NULL) != 1 ||
        EVP_DigestSign(sign, NULL, &len, message, sizeof(message)) != 1 ||
        (signature = OPENSSL_malloc(len)) == NULL ||
        EVP_DigestSign(sign, signature, &len, message, sizeof(message)) != 1) {
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
        goto out;
    }
    if (EVP_DigestVerifyInit_ex(verify, NULL, digest, env->libctx, NULL, public,
                                NULL) != 1 ||
        EVP_DigestVerify(verify, signature, len, message, sizeof(message)) !=
            1) {
        ERR_clear_error();
        rc = ks_fail(err, KS_E_VERIFY,
                     "%s: its signature does not verify with its public key",
                     uri);
        goto out;
    }
    rc = KS_OK;
out:
    OPENSSL_free(signature);
    EVP_MD_CTX_free(verify);
    EVP_MD_CTX_free(sign);
    return rc;
}

/* The secret that KEY and PEER agree on. */
static bool agree(const struct ca_env *env, EVP_PKEY *key, EVP_PKEY *peer,
                  unsigned char out[static 64], size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(env->libctx, key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, out, len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Agrees with a key of the moment, from both sides. */
static ks_rc test_agree(const struct ca_env *env, const char *uri,
                        EVP_PKEY *private, EVP_PKEY *public, struct ks_err *err)
{
    const char *type = EVP_PKEY_is_a(private, "X25519") ? "X25519" : "X448";
    EVP_PKEY *other = EVP_PKEY_Q_keygen(env->libctx, "provider=default", type);
    unsigned char mine[64];
    unsigned char theirs[64];
    size_t mine_len = sizeof(mine);
    size_t theirs_len = sizeof(theirs);
    ks_rc rc = KS_OK;

    if (other == NULL || !agree(env, private, other, mine, &mine_len) ||
        !agree(env, other, public, theirs, &theirs_len))
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
    else if (mine_len != theirs_len ||
             CRYPTO_memcmp(mine, theirs, mine_len) != 0)
        rc = ks_fail(err, KS_E_VERIFY, "%s: the two sides do not agree", uri);
    OPENSSL_cleanse(mine, sizeof(mine));
    OPENSSL_cleanse(theirs, sizeof(theirs));
    EVP_PKEY_free(other);
    return rc;
}

static ks_rc test(const struct ca_env *env, const char *uri, EVP_PKEY *private,
                  EVP_PKEY *public, struct ks_err *err)
{
    ERR_clear_error();
    if (EVP_PKEY_is_a(private, "X25519") || EVP_PKEY_is_a(private, "X448"))
        return test_agree(env, uri, private, public, err);
    return test_sign(env, uri, private, public, err);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct test_args *test_args = args->opts;
    struct ca_env env = {0};
    EVP_PKEY *private = NULL;
    EVP_PKEY *public = NULL;
    char *uri = NULL;
    json_t *object = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);

    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_READ, test_args->passin, &env, err);
    if (rc == KS_OK)
        rc = ca_key_load_public(&env, uri, &public, err);
    if (rc == KS_OK)
        rc = ca_key_load(&env, args->argv[0], &private, err);
    if (rc == KS_OK)
        rc = test(&env, uri, private, public, err);
    if (rc == KS_OK && cli->globals.json)
        rc = key_io_json(&env, uri, public, &object, err);
    if (rc == KS_OK && object != NULL)
        rc = cli_out_json(
            cli, json_pack("{s:o, s:b}", "key", object, "works", 1), err);
    else if (rc == KS_OK)
        cli_note(cli, "%s works", uri);
    EVP_PKEY_free(private);
    EVP_PKEY_free(public);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_test = {
    .noun = "key",
    .verb = "test",
    .summary = "Use a key once, and check the result",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct test_args),
    .run = run,
    .about = "Signs and verifies, or agrees on a secret from both sides.",
    .example = "caadm key test keystore://default/www",
};
