/*
 * caadm key export: the private key in a file that any program opens.
 */
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "file.h"
#include "out.h"

/* scrypt: as costly as N=2^17 p=1, inside the 32 MiB that openssl allows. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5
#define SALT_LEN 16

struct export_args {
    const char *out;
    const char *passin;
    const char *passout;
    bool plain;
    bool force;
    struct args_pins pins;
};

#define AT(member) offsetof(struct export_args, member)
static const struct opt opts[] = {
    {"out", 'o', OPT_TEXT, AT(out), "FILE", "where to; -: standard output"},
    {"passin", 0, OPT_TEXT, AT(passin), "SOURCE",
     "where its secret comes from"},
    {"passout", 0, OPT_TEXT, AT(passout), "SOURCE",
     "where the secret of FILE comes from; default: ask"},
    {"plain", 0, OPT_FLAG, AT(plain), NULL,
     "write it unsealed: whoever reads FILE has the key"},
    {"force", 0, OPT_FLAG, AT(force), NULL, "overwrite FILE"},
    ARGS_PIN_ROWS(struct export_args, pins, ARGS_PIN_HELP),
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* PBES2 with scrypt and AES-256-CBC (RFC 7914, RFC 8018). */
static bool write_sealed(BIO *bio, const struct ca_env *env, EVP_PKEY *pkey,
                         const struct ks_secret *secret)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(pkey);
    X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(
        EVP_aes_256_cbc(), NULL, SALT_LEN, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    X509_SIG *sealed = NULL;
    bool ok;

    if (plain != NULL && algorithm != NULL)
        sealed = PKCS8_set0_pbe_ex((const char *)secret->data, (int)secret->len,
                                   plain, algorithm, env->libctx, NULL);
    if (sealed != NULL)
        algorithm = NULL; /* is in sealed */
    ok = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
    X509_SIG_free(sealed);
    X509_ALGOR_free(algorithm);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return ok;
}

static ks_rc make_pem(struct cli *cli, const struct ca_env *env,
                      const char *uri, const struct export_args *args,
                      EVP_PKEY *pkey, BIO *bio, struct ks_err *err)
{
    struct ks_secret secret = {0};
    bool ok;
    ks_rc rc = KS_OK;

    ERR_clear_error();
    if (args->plain) {
        cli_warn(cli, "%s: written unsealed", uri);
        ok = PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL,
                                           NULL) == 1;
    } else {
        rc = cli_secret(cli, args->passout, "the exported key", true, &secret,
                        err);
        ok = rc == KS_OK && write_sealed(bio, env, pkey, &secret);
    }
    if (rc == KS_OK && !ok)
        rc = ca_crypto_fail(KS_E_CRYPTO, uri, err);
    ks_secret_clear(&secret);
    return rc;
}

/* FULL is the URI as it was given, with its query. */
static ks_rc export(struct cli *cli, const char *full, const char *uri,
                    const struct export_args *args, struct ks_err *err)
{
    struct ca_env env = {0};
    struct cli_file file = {0};
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new(BIO_s_secmem());
    char *data = NULL;
    long len;
    ks_rc rc = cli_env_keys(cli, KS_INVENTORY_WRITE, args->passin, &env, err);

    if (rc == KS_OK)
        rc = args_pins(cli, &args->pins, full, &env.pins, err);
    if (rc == KS_OK)
        rc = cli_file_open(&file, cli, args->out, CLI_FILE_SECRET, args->force,
                           err);
    if (rc == KS_OK)
        rc = ca_key_take_out(&env, full, &pkey, err);
    if (rc == KS_OK && bio == NULL)
        rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", uri);
    if (rc == KS_OK)
        rc = make_pem(cli, &env, uri, args, pkey, bio, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    /* Recorded first: no key leaves without a trace. */
    if (rc == KS_OK)
        rc = cli_audit(env.inv, "key.export", uri, err);
    if (rc == KS_OK) {
        len = BIO_get_mem_data(bio, &data);
        rc = cli_file_commit(&file, data, (size_t)len, err);
    }
    if (rc == KS_OK && args_out(args->out) != NULL)
        cli_note(cli, "exported %s to %s", uri, args->out);
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(
            cli, json_pack("{s:s, s:s}", "exported", uri, "file", args->out),
            err);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    cli_file_abort(&file);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct export_args *export_args = args->opts;
    char *uri = NULL;
    ks_rc rc;

    if (export_args->out == NULL) {
        ks_hint(err, "--out FILE, or --out - for standard output");
        return ks_fail(err, KS_E_INVALID, "--out: missing");
    }
    /* JSON is copied and logged where a private key must not be. */
    if (cli->globals.json && args_out(export_args->out) == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--json: a private key goes to a file: name one with "
                       "--out");
    if (export_args->plain && export_args->passout != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--plain, --passout: only one of them");
    rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);
    if (rc == KS_OK)
        rc = cli_source_check(cli, "--passout", export_args->passout, err);
    if (rc == KS_OK)
        rc = export(cli, args->argv[0], uri, export_args, err);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_export = {
    .noun = "key",
    .verb = "export",
    .summary = "Write a private key to a file, sealed",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct export_args),
    .run = run,
    .about = "The file is PKCS#8 in PEM, sealed by PBES2 with scrypt and "
             "AES-256-CBC; plain openssl opens it. Backends with extractable "
             "= no refuse, and so do tokens, but for a key that was made "
             "extractable and not sensitive.",
    .example = "caadm key export keystore://default/www --out www.key "
               "--passout file:pw.txt",
};
