/*
 * caadm key show: the public side of a key.
 */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "args.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "file.h"
#include "key_io.h"
#include "table.h"

struct show_args {
    const char *format;
    const char *out;
    bool force;
};

static const struct opt opts[] = {
    {"format", 0, OPT_TEXT, offsetof(struct show_args, format), "pem|der|text",
     "the public key itself"},
    {"out", 'o', OPT_TEXT, offsetof(struct show_args, out), "FILE",
     "write the public key there; -: standard output"},
    {"force", 0, OPT_FLAG, offsetof(struct show_args, force), NULL,
     "overwrite FILE"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static const struct cli_column fields[] = {
    {"uri", "Key"},        {"type", "Type"}, {"bits", "Bits"},
    {"sha256", "SHA-256"}, {"ca", "CA"},     {"public_key", "Public key"},
    {NULL, NULL},
};

static bool print(BIO *bio, EVP_PKEY *pkey, enum ca_format format)
{
    switch (format) {
    case CA_DER:
        return i2d_PUBKEY_bio(bio, pkey) == 1;
    case CA_TEXT:
        return EVP_PKEY_print_public(bio, pkey, 0, NULL) == 1;
    default:
        return PEM_write_bio_PUBKEY(bio, pkey) == 1;
    }
}

static ks_rc write_public(struct cli *cli, EVP_PKEY *pkey,
                          const struct show_args *args, struct ks_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct cli_file file = {0};
    char *data = NULL;
    long len;
    ks_rc rc;

    if (bio == NULL || !print(bio, pkey, args_format(args->format))) {
        rc = ca_crypto_fail(KS_E_CRYPTO, "public key", err);
        goto out;
    }
    len = BIO_get_mem_data(bio, &data);
    rc = cli_file_open(&file, cli, args_out(args->out), CLI_FILE_PUBLIC,
                       args->force, err);
    if (rc == KS_OK)
        rc = cli_file_commit(&file, data, (size_t)len, err);
out:
    cli_file_abort(&file);
    BIO_free(bio);
    return rc;
}

static ks_rc add_pem(json_t *object, EVP_PKEY *pkey, struct ks_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    ks_rc rc = KS_E_NOMEM;
    char *data = NULL;

    if (bio != NULL && PEM_write_bio_PUBKEY(bio, pkey) == 1 &&
        BIO_write(bio, "", 1) == 1) {
        (void)BIO_get_mem_data(bio, &data);
        if (json_object_set_new(object, "public_key", cli_json_text(data)) == 0)
            rc = KS_OK;
    }
    BIO_free(bio);
    return rc == KS_OK ? KS_OK
                       : ks_fail(err, rc, "public key: %s", ks_rc_text(rc));
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct show_args *show = args->opts;
    struct ca_env env = {0};
    EVP_PKEY *pkey = NULL;
    char *uri = NULL;
    json_t *object = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);

    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_READ, NULL, &env, err);
    if (rc == KS_OK)
        rc = ca_key_load_public(&env, uri, &pkey, err);
    if (rc != KS_OK)
        goto out;
    if (show->format != NULL || show->out != NULL) {
        if (!cli->globals.json || args_out(show->out) != NULL)
            rc = write_public(cli, pkey, show, err);
        if (rc != KS_OK || !cli->globals.json)
            goto out;
    }
    rc = key_io_json(&env, uri, pkey, &object, err);
    if (rc == KS_OK && cli->globals.json)
        rc = add_pem(object, pkey, err);
    if (rc == KS_OK)
        rc = cli_show(cli, "key", object, fields, err);
    else
        json_decref(object);
out:
    EVP_PKEY_free(pkey);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_show = {
    .noun = "key",
    .verb = "show",
    .summary = "Show the public side of a key; asks for no secret",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct show_args),
    .run = run,
    .example = "caadm key show keystore://default/www --format pem",
};
