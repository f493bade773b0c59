/*
 * caadm key cert: the certificates that are kept beside a key.
 */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "args.h"
#include "certs.h"
#include "cmd.h"
#include "env.h"
#include "file.h"
#include "out.h"

struct cert_args {
    const char *in;
    const char *out;
    bool remove;
    bool force;
};

#define AT(member) offsetof(struct cert_args, member)
static const struct opt opts[] = {
    {"in", 0, OPT_TEXT, AT(in), "FILE",
     "keep these in the place of what is there: the key's own, then its "
     "issuers; PEM, or DER of one; -: standard input"},
    {"remove", 0, OPT_FLAG, AT(remove), NULL, "keep none"},
    {"out", 'o', OPT_TEXT, AT(out), "FILE",
     "write what is there as PEM; -: standard output, the default"},
    {"force", 0, OPT_FLAG, AT(force), NULL, "overwrite FILE"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static ks_rc write_certs(struct cli *cli, const STACK_OF(X509) * certs,
                         const struct cert_args *args, struct ks_err *err)
{
    struct cli_file file = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;
    bool ok = bio != NULL;
    ks_rc rc;

    for (int i = 0; ok && i < sk_X509_num(certs); i++)
        ok = PEM_write_bio_X509(bio, sk_X509_value(certs, i)) == 1;
    if (!ok) {
        rc = ca_crypto_fail(KS_E_NOMEM, "certificate", err);
        goto out;
    }
    rc = cli_file_open(&file, cli, args_out(args->out), CLI_FILE_PUBLIC,
                       args->force, err);
    len = BIO_get_mem_data(bio, &data);
    if (rc == KS_OK)
        rc = cli_file_commit(&file, data, (size_t)len, err);
out:
    cli_file_abort(&file);
    BIO_free(bio);
    return rc;
}

static ks_rc show(struct cli *cli, const struct ca_env *env, const char *uri,
                  const struct cert_args *args, struct ks_err *err)
{
    STACK_OF(X509) *certs = NULL;
    json_t *list = NULL;
    ks_rc rc = ca_key_certs(env, uri, &certs, err);

    if (rc == KS_OK && sk_X509_num(certs) == 0 &&
        (!cli->globals.json || args_out(args->out) != NULL)) {
        if (!ca_key_on_token(env, uri)) /* which is given none */
            ks_hint(err, "caadm key cert %.160s --in FILE keeps some", uri);
        rc = ks_fail(err, KS_E_NOT_FOUND, "%s: has no certificate beside it",
                     uri);
    }
    if (rc == KS_OK && (!cli->globals.json || args_out(args->out) != NULL))
        rc = write_certs(cli, certs, args, err);
    if (rc == KS_OK && cli->globals.json)
        rc = certs_json(certs, &list, err);
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(cli,
                          json_pack("{s:o, s:o}", "key", cli_json_text(uri),
                                    "certificates", list),
                          err);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

static ks_rc keep(struct cli *cli, const struct ca_env *env, const char *uri,
                  const char *path, struct ks_err *err)
{
    EVP_PKEY *pkey = NULL;
    STACK_OF(X509) *certs = NULL;
    struct ks_buf der = {0};
    ks_rc rc = ca_key_load_public(env, uri, &pkey, err);

    if (rc == KS_OK && path != NULL)
        rc = certs_read("--in", path, &certs, err);
    if (rc == KS_OK && path != NULL)
        rc = ca_certs_check(certs, pkey, path, err);
    if (rc == KS_OK)
        rc = ca_certs_der(certs, &der, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = ca_key_certify(env, uri, &der, err);
    if (rc == KS_OK)
        cli_note(cli, "%s: keeps %d certificate%s", uri,
                 sk_X509_num(certs) < 0 ? 0 : sk_X509_num(certs),
                 sk_X509_num(certs) == 1 ? "" : "s");
    if (rc == KS_OK && cli->globals.json) {
        json_t *list = NULL;

        rc = certs_json(certs, &list, err);
        if (rc == KS_OK)
            rc = cli_out_json(cli,
                              json_pack("{s:o, s:o}", "key", cli_json_text(uri),
                                        "certificates", list),
                              err);
    }
    ks_buf_clear(&der);
    sk_X509_pop_free(certs, X509_free);
    EVP_PKEY_free(pkey);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct cert_args *cert = args->opts;
    const bool changes = cert->in != NULL || cert->remove;
    struct ca_env env = {0};
    char *uri = NULL;
    ks_rc rc;

    if ((cert->in != NULL) + cert->remove + (cert->out != NULL) > 1)
        return ks_fail(err, KS_E_INVALID,
                       "--in, --remove, --out: only one of them");
    rc = args_uri_canonical(cli, "key", args->argv[0], &uri, err);
    if (rc == KS_OK)
        rc = cli_env_keys(cli, changes ? KS_INVENTORY_WRITE : KS_INVENTORY_READ,
                          NULL, &env, err);
    if (rc == KS_OK && changes)
        rc = keep(cli, &env, uri, cert->in, err);
    else if (rc == KS_OK)
        rc = show(cli, &env, uri, cert, err);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_cert = {
    .noun = "key",
    .verb = "cert",
    .summary = "Show or change the certificates kept beside a key",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct cert_args),
    .run = run,
    .about = "A program that opens the key's URI gets them with the key. "
             "Tokens keep certificates of their own, which are shown; they "
             "are given none.",
    .example = "caadm key cert keystore://default/www --in www.pem",
};
