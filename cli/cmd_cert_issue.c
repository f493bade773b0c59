/*
 * caadm cert issue: from requests, or with a key that is made or exists.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "env.h"
#include "file.h"
#include "issue_args.h"
#include "issued.h"

#define AT(member) offsetof(struct issue_args, member)
static const struct opt opts[] = {
    {"ca", 0, OPT_TEXT, AT(ca), "CA", "who issues"},
    {"profile", 0, OPT_TEXT, AT(profile), "PROFILE",
     "what kind of certificate; default: " CA_PROFILE_DEFAULT},
    {"csr", 0, OPT_LIST, AT(csr), "FILE",
     "a request, PEM or DER; -: standard input; repeatable with --out-dir"},
    {"backend", 0, OPT_TEXT, AT(key.backend), "BACKEND",
     "make a new key there, named after the first SAN"},
    {"new-key", 0, OPT_TEXT, AT(key.new_key), "URI", "make a new key there"},
    {"key", 0, OPT_TEXT, AT(key.key), "URI", "for this key, which exists"},
    {"key-type", 0, OPT_TEXT, AT(key.make.key_type), "TYPE",
     "of a new key: rsa:3072, ec:P-256, ed25519, ...; default: ec:P-256"},
    {"passin", 0, OPT_TEXT, AT(passin), "SOURCE",
     "where the secret of the CA's key comes from"},
    ARGS_KEY_ROWS(
        struct issue_args, key, "the first SAN",
        "of a token: where the user PIN of the new key or, without one, of the "
        "CA's key comes from"),
    {"san", 0, OPT_LIST, AT(san), "NAME",
     "a name: www.example.com, 192.0.2.7, a@example.com, or with a prefix "
     "dns: ip: email: uri: dirname: rid: other:; repeatable"},
    {"subject", 0, OPT_TEXT, AT(subject), "NAME",
     "default: the first name as CN"},
    ARGS_VALIDITY_ROWS(struct issue_args, validity),
    {"clamp", 0, OPT_FLAG, AT(clamp), NULL,
     "end with the CA rather than be refused"},
    {"copy", 0, OPT_LIST, AT(copy), "EXT",
     "copy this from the request: subject, subjectAltName, or an extension; "
     "repeatable"},
    {"ext", 0, OPT_LIST, AT(ext), "NAME=VALUE",
     "an extension, as in openssl's x509v3_config; repeatable"},
    {"dry-run", 0, OPT_FLAG, AT(dry_run), NULL,
     "check and show everything, issue nothing"},
    {"out", 'o', OPT_TEXT, AT(out), "FILE",
     "write the certificate and its chain up to, not including, the root "
     "there; -: standard output"},
    {"out-dir", 0, OPT_TEXT, AT(out_dir), "DIR",
     "write a file there for each request: host.csr gives host.pem"},
    {"format", 0, OPT_TEXT, AT(format), "pem|der|text", "default: pem"},
    {"force", 0, OPT_FLAG, AT(force), NULL, "overwrite files"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static ks_rc check(const struct issue_args *args, struct ks_err *err)
{
    bool key = args->key.key != NULL || args->key.new_key != NULL ||
               args->key.backend != NULL;

    if (args->ca == NULL) {
        ks_hint(err, "caadm ca list shows them");
        return ks_fail(err, KS_E_INVALID, "--ca: missing");
    }
    if (args->csr.count > 0 && key)
        return ks_fail(err, KS_E_INVALID,
                       "--csr: a request has its own key: no --key, "
                       "--new-key or --backend with it");
    if (args->csr.count == 0 && !key) {
        ks_hint(err, "--csr FILE, or --new-key keystore://BACKEND/KEY");
        return ks_fail(err, KS_E_INVALID,
                       "no key: neither request nor key "
                       "is named");
    }
    if (args->csr.count > 1 && args->out_dir == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--csr: several requests need --out-dir");
    if (args->out_dir == NULL)
        return KS_OK;
    if (args->csr.count == 0 || args->out != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--out-dir: goes with --csr, and without --out");
    if (args->csr.count > 1 && (args->san.count > 0 || args->subject != NULL))
        return ks_fail(err, KS_E_INVALID,
                       "%s: several requests would get the same name; "
                       "--copy takes it from each request",
                       args->san.count > 0 ? "--san" : "--subject");
    return KS_OK;
}

static bool has_prefix(const char *san, const char *prefix)
{
    return strncmp(san, prefix, strlen(prefix)) == 0;
}

/* What a key made with --backend is called: the first name. */
static const char *key_name(const struct issue_args *args)
{
    static const char *const prefixes[] = {"dns:", "ip:", "email:", "uri:"};
    const char *san = args->san.count > 0 ? args->san.items[0] : NULL;

    for (size_t i = 0;
         san != NULL && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (has_prefix(san, prefixes[i]))
            return san + strlen(prefixes[i]);
    return san;
}

static ks_rc issue_one(struct cli *cli, const struct ca_env *env,
                       struct ca_authority *authority,
                       const struct issue_args *args,
                       const struct ca_issue_spec *spec, struct ks_err *err)
{
    const struct ks_ca_row *ca = ca_authority_row(authority);
    struct ca_issued issued = {0};
    struct cli_file file = {0};
    struct issued_output output = {
        .ca = ca->name,
        .ca_id = ca->id,
        .path = args_out(args->out),
        .format = args->format,
        .dry_run = args->dry_run,
        .file = &file,
    };
    ks_rc rc = KS_OK;

    if (!args->dry_run)
        rc = cli_file_open(&file, cli, output.path, CLI_FILE_PUBLIC,
                           args->force, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = args->dry_run ? ca_preview(env, authority, spec, &issued, err)
                           : ca_issue(env, authority, spec, &issued, err);
    if (rc == KS_OK)
        rc = issued_hand_out(cli, env, &issued, &output, err);
    cli_file_abort(&file);
    ca_issued_clear(&issued);
    return rc;
}

static ks_rc issue(struct cli *cli, const struct ca_env *env,
                   const struct issue_args *args, struct ca_issue_spec *spec,
                   struct ks_err *err)
{
    struct ca_authority *authority = NULL;
    struct ca_csr *csr = NULL;
    ks_rc rc = KS_OK;

    /* What is wrong with a request shows before any secret is asked for. */
    if (args->csr.count == 1 && args->out_dir == NULL) {
        rc = args_csr(env, args->csr.items[0], &csr, err);
        spec->csr = csr;
    }
    if (rc == KS_OK)
        rc = ca_authority_open(env, args->ca, args->dry_run, &authority, err);
    if (rc == KS_OK)
        rc = args->out_dir != NULL
                 ? issue_batch(cli, env, authority, args, spec, err)
                 : issue_one(cli, env, authority, args, spec, err);
    ca_authority_close(authority);
    ca_csr_free(csr);
    return rc;
}

static ks_rc fill(const struct issue_args *args,
                  const struct args_key_choice *key, struct ca_issue_spec *spec,
                  struct ks_err *err)
{
    struct ca_ext *exts = NULL;
    ks_rc rc;

    *spec = (struct ca_issue_spec){
        .profile = args->profile,
        .new_key = key->is_new ? &key->spec : NULL,
        .key_uri = key->is_new ? NULL : key->uri,
        .subject = args->subject,
        .sans = args->san.items,
        .n_sans = args->san.count,
        .clamp = args->clamp,
        .copy = args->copy.items,
        .n_copy = args->copy.count,
    };
    rc = args_validity(&args->validity, &spec->validity, err);
    if (rc == KS_OK)
        rc = args_exts(&args->ext, &exts, err);
    spec->exts = exts;
    spec->n_exts = rc == KS_OK ? args->ext.count : 0;
    return rc;
}

/* Where no key is made, the PIN is that of the only key that is loaded. */
static ks_rc issuer_pins(struct cli *cli, const struct issue_args *args,
                         struct ca_env *env, struct ks_err *err)
{
    const struct args_pins *pins = &args->key.make.pins;
    const char *pin = args_pins_given(pins);
    struct ks_ca_row row = {0};
    ks_rc rc;

    if (pin == NULL)
        return KS_OK;
    if (args->passin != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--passin, %s: only one of them: both are of the CA's "
                       "key",
                       pin);
    rc = ks_ca_find(env->inv, args->ca, &row, err);
    if (rc == KS_OK)
        rc = args_pins(cli, pins, row.key_uri, &env->pins, err);
    ks_ca_row_clear(&row);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *cmd_args,
                 struct ks_err *err)
{
    const struct issue_args *args = cmd_args->opts;
    bool makes = args->key.new_key != NULL || args->key.backend != NULL;
    struct args_key key_args = args->key;
    struct args_key_choice key = {0};
    struct ca_issue_spec spec = {0};
    struct ca_env env = {0};
    ks_rc rc = check(args, err);

    if (!makes)
        key_args.make.pins = (struct args_pins){0};
    if (rc == KS_OK)
        rc = args_key(cli, &key_args, NULL, key_name(args), &key, err);
    if (rc == KS_OK)
        rc = fill(args, &key, &spec, err);
    if (rc == KS_OK)
        rc = cli_env_open(
            cli, args->dry_run ? KS_INVENTORY_READ : KS_INVENTORY_WRITE, true,
            args->passin, &env, err);
    if (rc == KS_OK && !makes)
        rc = issuer_pins(cli, args, &env, err);
    if (rc == KS_OK)
        rc = issue(cli, &env, args, &spec, err);
    args_exts_free((struct ca_ext *)spec.exts, spec.n_exts);
    args_key_clear(&key);
    return rc;
}

const struct cmd cmd_cert_issue = {
    .noun = "cert",
    .verb = "issue",
    .summary = "Issue certificates",
    .args = "",
    .opts = opts,
    .opts_size = sizeof(struct issue_args),
    .run = run,
    .about = "From a request only the public key is taken; names and "
             "extensions come from the options, the profile, and what --copy "
             "names. What was dropped is shown.",
    .example = "caadm cert issue --ca issuing --profile server --csr host.csr "
               "--san host.example.com --out host.pem",
};
