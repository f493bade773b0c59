/*
 * caadm key import: a key from a file, into a backend.
 */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "args.h"
#include "ask.h"
#include "certs.h"
#include "cmd.h"
#include "env.h"
#include "file.h"
#include "key_io.h"
#include "out.h"

struct import_args {
    const char *in;
    const char *passin;
    const char *cert;
    struct args_new key; /* of the type that FILE says */
};

#define AT(member) offsetof(struct import_args, member)
static const struct opt opts[] = {
    {"in", 0, OPT_TEXT, AT(in), "FILE",
     "a private key, PEM or DER, sealed or not; -: standard input"},
    {"passin", 0, OPT_TEXT, AT(passin), "SOURCE",
     "where the secret of FILE comes from"},
    {"passout", 0, OPT_TEXT, AT(key.passout), "SOURCE",
     "where its new secret comes from; default: as the backend says"},
    {"cert", 0, OPT_TEXT, AT(cert), "FILE",
     "certificates to keep beside it: its own, then its issuers"},
    ARGS_NEW_ROWS(struct import_args, key),
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* Why CONTENT gave no key. */
static ks_rc why_not(const char *path, const struct ks_buf *content,
                     struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = cli_ask_failure(&why);

    if (rc != KS_OK) {
        ks_hint(err, "%s", why.hint);
        ERR_clear_error();
        return ks_fail(err, rc, "%s: %s", path, why.text);
    }
    if (memmem(content->data, content->len, "ENCRYPTED", 9) != NULL) {
        ERR_clear_error();
        return ks_fail(err, KS_E_SECRET_WRONG, "%s: wrong passphrase", path);
    }
    ks_hint(err, "PEM or DER of one private key is understood");
    ERR_clear_error();
    return ks_fail(err, KS_E_INVALID, "%s: no private key in it", path);
}

/* The key in FILE, in the default provider. */
static ks_rc decode(const struct ca_env *env, const char *path,
                    const struct ks_buf *content, EVP_PKEY **out,
                    struct ks_err *err)
{
    const unsigned char *data = content->data;
    size_t len = content->len;
    EVP_PKEY *pkey = NULL;
    OSSL_DECODER_CTX *decoder;
    ks_rc rc = KS_E_INVALID;

    ERR_clear_error();
    decoder =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, NULL, NULL, NULL, EVP_PKEY_KEYPAIR,
                                      env->libctx, "provider=default");
    if (decoder == NULL || OSSL_DECODER_CTX_set_passphrase_ui(
                               decoder, env->ui, env->ui_data) != 1) {
        rc = ca_crypto_fail(KS_E_NOMEM, path, err);
        goto out;
    }
    if (OSSL_DECODER_from_data(decoder, &data, &len) != 1 || pkey == NULL) {
        rc = why_not(path, content, err);
        goto out;
    }
    *out = pkey;
    pkey = NULL; /* given to the caller */
    rc = KS_OK;
out:
    EVP_PKEY_free(pkey);
    OSSL_DECODER_CTX_free(decoder);
    return rc;
}

/* Those that are to be kept beside PKEY. */
static ks_rc read_certs(const struct import_args *args, EVP_PKEY *pkey,
                        struct ks_buf *der, struct ks_err *err)
{
    STACK_OF(X509) *certs = NULL;
    ks_rc rc;

    if (args->cert == NULL)
        return KS_OK;
    rc = certs_read("--cert", args->cert, &certs, err);
    if (rc == KS_OK)
        rc = ca_certs_check(certs, pkey, args->cert, err);
    if (rc == KS_OK)
        rc = ca_certs_der(certs, der, err);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

/* URI is the name of what SPEC says. */
static ks_rc import(struct cli *cli, const char *uri,
                    const struct ca_key_spec *spec,
                    const struct import_args *args, struct ks_err *err)
{
    struct ks_buf content = {0}, certs = {0};
    struct ca_env env = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = cli_env_keys(cli, KS_INVENTORY_WRITE, args->passin, &env, err);

    if (rc == KS_OK)
        rc = cli_file_read("--in", args->in, &content, err);
    if (rc == KS_OK)
        rc = decode(&env, args->in, &content, &pkey, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = read_certs(args, pkey, &certs, err);
    if (rc == KS_OK)
        rc = ca_key_import(&env, pkey, spec, &certs, err);
    if (rc == KS_OK)
        cli_note(cli, "imported %s from %s", uri, args->in);
    if (rc == KS_OK && cli->globals.json) {
        json_t *object = NULL;

        rc = key_io_json(&env, uri, pkey, &object, err);
        if (rc == KS_OK)
            rc = cli_out_json(cli, json_pack("{s:o}", "key", object), err);
    }
    EVP_PKEY_free(pkey);
    ks_buf_clear(&certs);
    cli_file_wipe(&content);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct import_args *import_args = args->opts;
    struct ca_key_spec spec = {0};
    char *uri = NULL, *name = NULL;
    ks_rc rc;

    if (import_args->in == NULL) {
        ks_hint(err, "--in FILE, or --in - for standard input");
        return ks_fail(err, KS_E_INVALID, "--in: missing");
    }
    rc = args_new(cli, &import_args->key, args->argv[0], &spec, &uri, err);
    if (rc == KS_OK)
        rc = ca_key_uri(uri, &name, err);
    if (rc == KS_OK)
        rc = import(cli, name, &spec, import_args, err);
    OPENSSL_free(name);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_import = {
    .noun = "key",
    .verb = "import",
    .summary = "Bring a key from a file into a backend",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct import_args),
    .run = run,
    .example = "caadm key import keystore://default/old --in old.key",
};
