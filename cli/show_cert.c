/*
 * Writing a certificate that exists.
 */
#include "show_cert.h"

#include "args.h"
#include "file.h"
#include "out.h"

#define AT(member) offsetof(struct show_cert_args, member)
const struct opt show_cert_opts[] = {
    {"format", 0, OPT_TEXT, AT(format), "pem|der|text",
     "the certificate itself"},
    {"chain", 0, OPT_FLAG, AT(chain), NULL,
     "its issuers too, up to, not including, the root"},
    {"out", 'o', OPT_TEXT, AT(out), "FILE",
     "write the certificate there; -: standard output"},
    {"force", 0, OPT_FLAG, AT(force), NULL, "overwrite FILE"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

bool show_cert_wanted(const struct show_cert_args *args)
{
    return args->format != NULL || args->out != NULL || args->chain;
}

ks_rc show_cert(struct cli *cli, const struct ca_env *env,
                const struct ks_buf *der, int64_t issuer,
                const struct show_cert_args *args, struct ks_err *err)
{
    const char *path = args_out(args->out);
    enum ca_format format = args_format(args->format);
    struct cli_file file = {0};
    struct ks_buf bytes = {0};
    ks_rc rc;

    if (args->chain && format == CA_DER)
        return ks_fail(err, KS_E_INVALID, "--chain: DER holds one certificate");
    rc = cli_file_open(&file, cli, path, CLI_FILE_PUBLIC, args->force, err);
    if (rc == KS_OK)
        rc = ca_cert_format(env, der, issuer, args->chain, format, &bytes, err);
    if (rc == KS_OK && (path != NULL || !cli->globals.json))
        rc = cli_file_commit(&file, bytes.data, bytes.len, err);
    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(cli,
                          json_pack("{s:o, s:o}", "certificate",
                                    format == CA_DER
                                        ? json_null()
                                        : cli_json_text((char *)bytes.data),
                                    "file", cli_json_text(path)),
                          err);
    cli_file_abort(&file);
    ks_buf_clear(&bytes);
    return rc;
}
