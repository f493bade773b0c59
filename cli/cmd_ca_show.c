/*
 * caadm ca show: one CA, or its certificate.
 */
#include "args.h"
#include "ca_row.h"
#include "cmd.h"
#include "env.h"
#include "show_cert.h"
#include "table.h"

static const struct cli_column fields[] = {
    {"name", "Name"},
    {"parent", "Parent"},
    {"subject", "Subject"},
    {"status", "Status"},
    {"serial", "Serial"},
    {"not_before", "Begins"},
    {"not_after", "Ends"},
    {"key_uri", "Key"},
    {"key_type", "Key type"},
    {"signature", "Signature"},
    {"path_length", "Path length"},
    {"extensions", "Extensions"},
    {"crl_url", "CRL URL"},
    {"ocsp_url", "OCSP URL"},
    {"issuer_url", "Issuer URL"},
    {"sha256", "SHA-256"},
    {"key_sha256", "Key SHA-256"},
    {NULL, NULL},
};

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct show_cert_args *show = args->opts;
    struct ks_ca_row row = {0};
    struct ca_env env;
    json_t *object = NULL;
    ks_rc rc = cli_env_open(cli, KS_INVENTORY_READ, false, NULL, &env, err);

    if (rc == KS_OK)
        rc = ks_ca_find(env.inv, args->argv[0], &row, err);
    if (rc != KS_OK) {
        (void)ks_fail(err, rc, "%s: no such CA", args->argv[0]);
        goto out;
    }
    if (show_cert_wanted(show)) {
        rc = show_cert(cli, &env, &row.cert, row.parent, show, err);
        goto out;
    }
    rc = ca_row_json(&row, true, &object, err);
    if (rc == KS_OK)
        rc = cli_show(cli, "ca", object, fields, err);
out:
    ks_ca_row_clear(&row);
    return rc;
}

const struct cmd cmd_ca_show = {
    .noun = "ca",
    .verb = "show",
    .summary = "Show a CA, or write its certificate",
    .args = "CA",
    .min_args = 1,
    .max_args = 1,
    .opts = show_cert_opts,
    .opts_size = sizeof(struct show_cert_args),
    .run = run,
    .example = "caadm ca show root --format pem --out root.pem",
};
