/*
 * caadm key test: does the private key work, and is it the public one's?
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "key_facts.h"
#include "key_io.h"
#include "out.h"

#define AGREED_MAX 80 /* bytes of an agreed secret: P-521 */

struct test_args {
    const char *passin;
    struct args_pins pins;
};

static const struct opt opts[] = {
    {"passin", 0, OPT_TEXT, offsetof(struct test_args, passin), "SOURCE",
     "where its secret comes from"},
    ARGS_PIN_ROWS(struct test_args, pins, ARGS_PIN_HELP),
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

/* Encrypts to the public key and decrypts with the private one. */
static ks_rc test_decrypt(const struct ca_env *env, const char *uri,
                          EVP_PKEY *private, EVP_PKEY *public,
                          struct ks_err *err)
{
    EVP_PKEY_CTX *to = EVP_PKEY_CTX_new_from_pkey(env->libctx, public, NULL);
    EVP_PKEY_CTX *from = EVP_PKEY_CTX_new_from_pkey(env->libctx, private, NULL);
    unsigned char sealed[2048]; /* RSA with 16384 bits */
    unsigned char opened[2048];
    size_t sealed_len = sizeof(sealed);
    size_t opened_len = sizeof(opened);
    ks_rc rc = KS_OK;

    if (to == NULL || from == NULL || EVP_PKEY_encrypt_init(to) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(to, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_encrypt(to, sealed, &sealed_len, message, sizeof(message)) !=
            1 ||
        EVP_PKEY_decrypt_init(from) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(from, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_decrypt(from, opened, &opened_len, sealed, sealed_len) != 1)
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
    else if (opened_len != sizeof(message) ||
             memcmp(opened, message, sizeof(message)) != 0)
        rc = ks_fail(err, KS_E_VERIFY,
                     "%s: does not decrypt what its public key encrypts", uri);
    EVP_PKEY_CTX_free(from);
    EVP_PKEY_CTX_free(to);
    return rc;
}

/* The secret that KEY and PEER agree on. */
static bool agree(const struct ca_env *env, EVP_PKEY *key, EVP_PKEY *peer,
                  unsigned char out[static AGREED_MAX], size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(env->libctx, key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, out, len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* A key of the moment, of the same kind. */
static EVP_PKEY *partner_of(const struct ca_env *env, EVP_PKEY *public)
{
    char group[80] = "";

    if (!EVP_PKEY_is_a(public, "EC"))
        return EVP_PKEY_Q_keygen(env->libctx, "provider=default",
                                 EVP_PKEY_get0_type_name(public));
    if (EVP_PKEY_get_group_name(public, group, sizeof(group), NULL) != 1)
        return NULL;
    return EVP_PKEY_Q_keygen(env->libctx, "provider=default", "EC", group);
}

/* Agrees with it from both sides. */
static ks_rc test_agree(const struct ca_env *env, const char *uri,
                        EVP_PKEY *private, EVP_PKEY *public, struct ks_err *err)
{
    EVP_PKEY *other = partner_of(env, public);
    unsigned char mine[AGREED_MAX];
    unsigned char theirs[AGREED_MAX];
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

/* True if the token lets the key do WHAT; of other keys nothing is known. */
static bool may(const json_t *facts, const char *what)
{
    json_t *word;
    size_t i;

    json_array_foreach(json_object_get(facts, "usage"), i, word)
    {
        if (strcmp(json_string_value(word), what) == 0)
            return true;
    }
    return false;
}

/* The first thing that the key may do. */
static ks_rc test(const struct ca_env *env, const char *full, const char *uri,
                  EVP_PKEY *private, EVP_PKEY *public, struct ks_err *err)
{
    struct ks_err ignored = {0};
    json_t *facts = NULL;
    ks_rc ignored_rc, rc;

    key_facts_get(env, full, &facts, &ignored_rc, &ignored);
    ERR_clear_error();
    if (EVP_PKEY_is_a(private, "X25519") || EVP_PKEY_is_a(private, "X448") ||
        (!may(facts, "sign") && may(facts, "derive")))
        rc = test_agree(env, uri, private, public, err);
    else if (!may(facts, "sign") && may(facts, "decrypt"))
        rc = test_decrypt(env, uri, private, public, err);
    else
        rc = test_sign(env, uri, private, public, err);
    json_decref(facts);
    return ca_key_on_token(env, uri) && rc == KS_E_UNSUPPORTED ? KS_E_CRYPTO
                                                               : rc;
}

static ks_rc load(struct cli *cli, const struct test_args *args,
                  const char *full, struct ca_env *env, EVP_PKEY **private,
                  EVP_PKEY **public, struct ks_err *err)
{
    const char *pin = args_pins_given(&args->pins);
    ks_rc rc;

    if (args->passin != NULL && pin != NULL)
        return ks_fail(err, KS_E_INVALID, "--passin, %s: only one of them",
                       pin);
    rc = cli_env_keys(cli, KS_INVENTORY_READ, args->passin, env, err);
    if (rc == KS_OK)
        rc = args_pins(cli, &args->pins, full, &env->pins, err);
    if (rc == KS_OK && ca_key_on_token(env, full) && env->passin != NULL)
        env->pins.user = env->passin; /* there is one key */
    if (rc == KS_OK)
        rc = ca_key_load_public(env, full, public, err);
    if (rc == KS_OK)
        rc = ca_key_load(env, full, private, err);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const char *full = args->argv[0];
    struct ca_env env = {0};
    EVP_PKEY *private = NULL;
    EVP_PKEY *public = NULL;
    char *uri = NULL;
    json_t *object = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", full, &uri, err);

    if (rc == KS_OK)
        rc = load(cli, args->opts, full, &env, &private, &public, err);
    if (rc == KS_OK)
        rc = test(&env, full, uri, private, public, err);
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
    .about = "Signs and verifies; agrees on a secret from both sides; or "
             "encrypts and decrypts: what the key may do.",
    .example = "caadm key test keystore://default/www",
};
