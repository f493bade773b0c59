/*
 * caadm ca create: a root, or a CA under another.
 */
#include <stdlib.h>

#include "args.h"
#include "cmd.h"
#include "env.h"
#include "file.h"
#include "issued.h"

struct create_args {
    const char *parent;
    const char *subject;
    struct args_key key;
    const char *passin;
    struct args_validity validity;
    bool clamp;
    struct opt_uint path_length;
    struct opt_list permit;
    struct opt_list exclude;
    const char *profile;
    struct opt_list ext;
    const char *crl_url;
    const char *ocsp_url;
    const char *issuer_url;
    bool dry_run;
    const char *out;
    const char *format;
    bool force;
};

#define AT(member) offsetof(struct create_args, member)
static const struct opt opts[] = {
    {"subject", 0, OPT_TEXT, AT(subject), "NAME",
     "its name, such as \"CN=Example Root CA,O=Example\""},
    {"parent", 0, OPT_TEXT, AT(parent), "CA",
     "the CA that signs it; absent: it signs itself"},
    {"key-type", 0, OPT_TEXT, AT(key.make.key_type), "TYPE",
     "of a new key: rsa:3072, rsa-pss:3072, ec:P-256, ec:P-384, ed25519, ..."},
    {"backend", 0, OPT_TEXT, AT(key.backend), "BACKEND",
     "make its key there, under the CA's name; default: default"},
    {"new-key", 0, OPT_TEXT, AT(key.new_key), "URI", "make its key there"},
    {"key", 0, OPT_TEXT, AT(key.key), "URI", "use this key, which exists"},
    {"passin", 0, OPT_TEXT, AT(passin), "SOURCE",
     "where the secret of a key that is loaded comes from"},
    ARGS_KEY_ROWS(struct create_args, key, "the CA's name",
                  "of a key on a token: where its user PIN comes from"),
    ARGS_VALIDITY_ROWS(struct create_args, validity),
    {"clamp", 0, OPT_FLAG, AT(clamp), NULL,
     "end with the parent rather than be refused"},
    {"path-length", 0, OPT_UINT, AT(path_length), "N",
     "at most N CAs below it; absent: no limit"},
    {"permit-name", 0, OPT_LIST, AT(permit), "NAME",
     "only names below this: dns:example.com, ip:10.0.0.0/8; repeatable"},
    {"exclude-name", 0, OPT_LIST, AT(exclude), "NAME",
     "no names below this; repeatable"},
    {"profile", 0, OPT_TEXT, AT(profile), "PROFILE", "default: ca"},
    {"ext", 0, OPT_LIST, AT(ext), "NAME=VALUE",
     "an extension, as in openssl's x509v3_config; repeatable"},
    {"crl-url", 0, OPT_TEXT, AT(crl_url), "URL",
     "where its CRL will be, put into what it issues"},
    {"ocsp-url", 0, OPT_TEXT, AT(ocsp_url), "URL",
     "where its OCSP responder will be, likewise"},
    {"issuer-url", 0, OPT_TEXT, AT(issuer_url), "URL",
     "where its certificate will be, likewise"},
    {"dry-run", 0, OPT_FLAG, AT(dry_run), NULL,
     "check and show everything, make nothing"},
    {"out", 'o', OPT_TEXT, AT(out), "FILE",
     "write the certificate and its chain there; -: standard output"},
    {"format", 0, OPT_TEXT, AT(format), "pem|der|text", "default: pem"},
    {"force", 0, OPT_FLAG, AT(force), NULL, "overwrite FILE"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static ks_rc parent_id(const struct ca_env *env, const char *parent,
                       int64_t *id, struct ks_err *err)
{
    struct ks_ca_row row = {0};
    ks_rc rc;

    if (parent == NULL)
        return KS_OK;
    rc = ks_ca_find(env->inv, parent, &row, err);
    if (rc == KS_OK)
        *id = row.id;
    ks_ca_row_clear(&row);
    return rc;
}

static ks_rc fill(const struct create_args *args, const char *name,
                  const struct args_key_choice *key,
                  struct ca_create_spec *spec, struct ks_err *err)
{
    struct ca_ext *exts = NULL;
    ks_rc rc;

    if (args->subject == NULL) {
        ks_hint(err, "--subject \"CN=Example Root CA,O=Example\"");
        return ks_fail(err, KS_E_INVALID, "--subject: missing");
    }
    *spec = (struct ca_create_spec){
        .name = name,
        .parent = args->parent,
        .subject = args->subject,
        .new_key = key->is_new ? &key->spec : NULL,
        .key_uri = key->is_new ? NULL : key->uri,
        .key_pins = key->pins,
        .clamp = args->clamp,
        .path_length =
            args->path_length.set ? (int)args->path_length.value : -1,
        .permit = args->permit.items,
        .n_permit = args->permit.count,
        .exclude = args->exclude.items,
        .n_exclude = args->exclude.count,
        .profile = args->profile,
        .crl_url = args->crl_url,
        .ocsp_url = args->ocsp_url,
        .issuer_url = args->issuer_url,
    };
    rc = args_validity(&args->validity, &spec->validity, err);
    if (rc == KS_OK)
        rc = args_exts(&args->ext, &exts, err);
    spec->exts = exts;
    spec->n_exts = rc == KS_OK ? args->ext.count : 0;
    return rc;
}

static ks_rc create(struct cli *cli, const struct create_args *args,
                    const struct ca_create_spec *spec, struct ks_err *err)
{
    struct ca_env env = {0};
    struct ca_issued created = {0};
    struct cli_file file = {0};
    struct issued_output output = {
        .ca = args->parent != NULL ? args->parent : spec->name,
        .path = args_out(args->out),
        .format = args->format,
        .dry_run = args->dry_run,
        .file = &file,
    };
    /* A first CA makes the inventory of a caadm.conf written by hand. */
    ks_rc rc = cli_env_open(
        cli, args->dry_run ? KS_INVENTORY_READ : KS_INVENTORY_CREATE, true,
        args->passin, &env, err);

    if (rc == KS_OK)
        rc = parent_id(&env, args->parent, &output.ca_id, err);
    if (rc == KS_OK && !args->dry_run)
        rc = cli_file_open(&file, cli, output.path, CLI_FILE_PUBLIC,
                           args->force, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = args->dry_run ? ca_create_preview(&env, spec, &created, err)
                           : ca_create(&env, spec, &created, err);
    if (rc == KS_OK)
        rc = issued_hand_out(cli, &env, &created, &output, err);
    cli_file_abort(&file);
    ca_issued_clear(&created);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *cmd_args,
                 struct ks_err *err)
{
    const struct create_args *args = cmd_args->opts;
    struct args_key_choice key = {0};
    struct ca_create_spec spec = {0};
    ks_rc rc =
        args_key(cli, &args->key, "default", cmd_args->argv[0], &key, err);

    if (rc == KS_OK)
        rc = fill(args, cmd_args->argv[0], &key, &spec, err);
    if (rc == KS_OK)
        rc = create(cli, args, &spec, err);
    args_exts_free((struct ca_ext *)spec.exts, spec.n_exts);
    args_key_clear(&key);
    return rc;
}

const struct cmd cmd_ca_create = {
    .noun = "ca",
    .verb = "create",
    .summary = "Create a CA: a root, or one under a parent",
    .args = "NAME",
    .min_args = 1,
    .max_args = 1,
    .opts = opts,
    .opts_size = sizeof(struct create_args),
    .run = run,
    .about = "Makes the key, signs the certificate and records both, wholly "
             "or not at all.",
    .example = "caadm ca create root --subject \"CN=Example Root "
               "CA,O=Example\" --key-type ec:P-384 --days 3650",
};
