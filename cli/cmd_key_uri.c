/*
 * caadm key uri: a PEM file that holds a key's name, for programs that read
 * keys from files only.
 */
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "args.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "file.h"
#include "out.h"

#define LABEL "PKCS#11 PROVIDER URI"
#define DESCRIPTION "PKCS#11 Provider URI v1.0"

/* pkcs11-provider's format: SEQUENCE { VisibleString, UTF8String }. */
typedef struct {
    ASN1_VISIBLESTRING *description;
    ASN1_UTF8STRING *uri;
} URI_PEM;

DECLARE_ASN1_FUNCTIONS(URI_PEM)
ASN1_SEQUENCE(URI_PEM) =
    {
        ASN1_SIMPLE(URI_PEM, description, ASN1_VISIBLESTRING),
        ASN1_SIMPLE(URI_PEM, uri, ASN1_UTF8STRING),
} ASN1_SEQUENCE_END(URI_PEM) IMPLEMENT_ASN1_FUNCTIONS(URI_PEM)

        struct uri_args {
    const char *out;
    bool force;
};

static const struct opt opts[] = {
    {"out", 'o', OPT_TEXT, offsetof(struct uri_args, out), "FILE",
     "where to; default: standard output"},
    {"force", 0, OPT_FLAG, offsetof(struct uri_args, force), NULL,
     "overwrite FILE"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static bool write_pem(BIO *bio, const char *uri)
{
    URI_PEM *pem = URI_PEM_new();
    unsigned char *der = NULL;
    int len = -1;
    bool ok;

    if (pem != NULL &&
        ASN1_STRING_set(pem->description, DESCRIPTION, -1) == 1 &&
        ASN1_STRING_set(pem->uri, uri, -1) == 1)
        len = i2d_URI_PEM(pem, &der);
    ok = len > 0 && PEM_write_bio(bio, LABEL, "", der, len) > 0;
    OPENSSL_free(der);
    URI_PEM_free(pem);
    return ok;
}

static ks_rc write_uri(struct cli *cli, const char *uri,
                       const struct uri_args *args, struct ks_err *err)
{
    const char *path = args_out(args->out);
    struct cli_file file = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;
    ks_rc rc = KS_OK;

    if (bio == NULL || !write_pem(bio, uri)) {
        rc = ca_crypto_fail(KS_E_NOMEM, uri, err);
        goto out;
    }
    len = BIO_get_mem_data(bio, &data);
    if (path != NULL || !cli->globals.json) {
        rc = cli_file_open(&file, cli, path, CLI_FILE_PUBLIC, args->force, err);
        if (rc == KS_OK)
            rc = cli_file_commit(&file, data, (size_t)len, err);
    }
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(cli,
                          json_pack("{s:s, s:s#, s:o}", "uri", uri, "pem", data,
                                    (int)len, "file", cli_json_text(path)),
                          err);
out:
    cli_file_abort(&file);
    BIO_free(bio);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct ca_env env = {0};
    EVP_PKEY *pkey = NULL;
    char *uri = NULL, *kept = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);

    if (rc == KS_OK)
        rc = ca_key_uri_kept(args->argv[0], &kept, err);
    /* A name that leads nowhere is not written down. */
    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_READ, NULL, &env, err);
    if (rc == KS_OK)
        rc = ca_key_load_public(&env, uri, &pkey, err);
    if (rc == KS_OK)
        rc = write_uri(cli, kept, args->opts, err);
    OPENSSL_free(kept);
    EVP_PKEY_free(pkey);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_uri = {
    .noun = "key",
    .verb = "uri",
    .summary = "Write a PEM file that names a key, for programs that read "
               "only files",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct uri_args),
    .run = run,
    .about = "The file holds no secret; a pin-source of the URI stays in it. A "
             "program that reads it as a private "
             "key, with the provider active, gets the key of that name.",
    .example = "caadm key uri keystore://default/www --out www-uri.pem",
};
