/*
 * caadm key show: the public side of a key.
 */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "args.h"
#include "certs.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "file.h"
#include "key_facts.h"
#include "key_io.h"
#include "out.h"
#include "table.h"

struct show_args {
    const char *format;
    const char *out;
    bool force;
    struct args_pins pins;
};

static const struct opt opts[] = {
    {"format", 0, OPT_TEXT, offsetof(struct show_args, format), "pem|der|text",
     "the public key itself"},
    {"out", 'o', OPT_TEXT, offsetof(struct show_args, out), "FILE",
     "write the public key there; -: standard output"},
    {"force", 0, OPT_FLAG, offsetof(struct show_args, force), NULL,
     "overwrite FILE"},
    ARGS_PIN_ROWS(struct show_args, pins, ARGS_PIN_HELP),
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static const struct cli_column fields[] = {
    {"uri", "Key"},        {"type", "Type"}, {"bits", "Bits"},
    {"sha256", "SHA-256"}, {"ca", "CA"},     {"public_key", "Public key"},
    {NULL, NULL},
};

/* On a token. */
static const struct cli_column fact_fields[] = {
    {"label", "Label"},
    {"id", "Id"},
    {"usage", "Usage"},
    {"sensitive", "Sensitive"},
    {"always_sensitive", "Always sensitive"},
    {"extractable", "Extractable"},
    {"never_extractable", "Never extractable"},
    {"local", "Made on the token"},
    {"always_authenticate", "PIN for each use"},
    {NULL, NULL},
};

/* In a place that seals its keys. */
static const struct cli_column seal_fields[] = {
    {"sealing", "Sealed by"},
    {"kdf", "Cost"},
    {"random", "Random secret"},
    {"sealed_to", "Sealed to"},
    {"sealing_current", "As configured"},
    {"origin", "Origin"},
    {"created", "Created"},
    {NULL, NULL},
};

static const struct cli_column cert_fields[] = {
    {"subject", "Certificate"},
    {"not_after", "Not after"},
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

static ks_rc add_certs(const struct ca_env *env, const char *uri,
                       json_t *object, struct ks_err *err)
{
    STACK_OF(X509) *certs = NULL;
    json_t *list = NULL;
    ks_rc rc = ca_key_certs(env, uri, &certs, err);

    if (rc == KS_OK)
        rc = certs_json(certs, &list, err);
    if (rc == KS_OK && json_object_set_new(object, "certificates", list) != 0)
        rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", uri);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

/* What the place tells is of a token's object or of a seal. Takes FACTS. */
static ks_rc add_facts(const struct ca_env *env, const char *uri, json_t *facts,
                       json_t *object, struct ks_err *err)
{
    const bool token = ca_key_on_token(env, uri);

    if (json_object_set_new(object, token ? "token" : "sealing", facts) != 0 ||
        json_object_set_new(object, token ? "sealing" : "token",
                            json_object()) != 0)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", uri);
    return KS_OK;
}

static ks_rc show_parts(struct cli *cli, const json_t *object,
                        struct ks_err *err)
{
    json_t *certs = json_object_get(object, "certificates");
    json_t *cert;
    size_t i;
    ks_rc rc =
        cli_show(cli, "token", json_incref(json_object_get(object, "token")),
                 fact_fields, err);

    if (rc == KS_OK)
        rc = cli_show(cli, "sealing",
                      json_incref(json_object_get(object, "sealing")),
                      seal_fields, err);
    json_array_foreach(certs, i, cert)
    {
        if (rc == KS_OK)
            rc = cli_show(cli, "certificate", json_incref(cert), cert_fields,
                          err);
    }
    return rc;
}

/* The facts are asked for without a person: where the token wants a PIN that
 * nobody has given, what is visible is shown, and that there is more. */
static ks_rc show_all(struct cli *cli, const struct ca_env *env,
                      const char *full, const char *uri, EVP_PKEY *pkey,
                      struct ks_err *err)
{
    struct ca_env quiet = *env;
    struct ks_err why = {0};
    json_t *object = NULL, *facts = NULL;
    ks_rc facts_rc = KS_OK;
    ks_rc rc = key_io_json(env, uri, pkey, &object, err);

    quiet.ui = NULL;
    if (rc == KS_OK)
        key_facts_get(&quiet, full, &facts, &facts_rc, &why);
    if (rc == KS_OK)
        rc = add_facts(env, uri, facts, object, err);
    if (rc == KS_OK)
        rc = add_certs(env, uri, object, err);
    if (rc == KS_OK && cli->globals.json)
        rc = add_pem(object, pkey, err);
    if (rc != KS_OK) {
        json_decref(object);
        return rc;
    }
    rc = cli_show(cli, "key", json_incref(object), fields, err);
    if (rc == KS_OK && !cli->globals.json)
        rc = show_parts(cli, object, err);
    json_decref(object);
    if (rc != KS_OK || facts_rc == KS_OK)
        return rc;
    if (facts_rc == KS_E_SECRET_MISSING) {
        cli_note(cli, "the token tells the rest to those who have its PIN: "
                      "--user-pin SOURCE");
        return KS_OK;
    }
    *err = why;
    return facts_rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct show_args *show = args->opts;
    const char *full = args->argv[0];
    struct ca_env env = {0};
    EVP_PKEY *pkey = NULL;
    char *uri = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", full, &uri, err);

    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_READ, NULL, &env, err);
    if (rc == KS_OK)
        rc = args_pins(cli, &show->pins, full, &env.pins, err);
    if (rc == KS_OK)
        rc = ca_key_load_public(&env, uri, &pkey, err);
    if (rc == KS_OK && (show->format != NULL || show->out != NULL) &&
        (!cli->globals.json || args_out(show->out) != NULL)) {
        rc = write_public(cli, pkey, show, err);
        if (rc != KS_OK || !cli->globals.json)
            goto out;
    }
    if (rc == KS_OK)
        rc = show_all(cli, &env, full, uri, pkey, err);
out:
    EVP_PKEY_free(pkey);
    OPENSSL_free(uri);
    return rc;
}

const struct cmd cmd_key_show = {
    .noun = "key",
    .verb = "show",
    .summary = "Show the public side of a key, how it is sealed, and what its "
               "token tells",
    .args = "URI",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct show_args),
    .run = run,
    .about = "Asks nobody for a secret. What a token tells of a private key "
             "it tells after a login: with the user_pin of caadm.conf or with "
             "--user-pin.",
    .example = "caadm key show keystore://default/www --format pem",
};
