/*
 * Handing out what was issued.
 */
#include "issued.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "args.h"
#include "when.h"

static time_t time_of(const ASN1_TIME *asn1)
{
    struct tm tm;

    return ASN1_TIME_to_tm(asn1, &tm) == 1 ? timegm(&tm) : 0;
}

/* The certificate; a group's results hold its bytes only. NULL: no memory.
 * Caller frees. */
static X509 *cert_of(const struct ca_issued *issued)
{
    const unsigned char *der = issued->der.data;

    if (issued->cert == NULL)
        return d2i_X509(NULL, &der, (long)issued->der.len);
    return X509_up_ref(issued->cert) == 1 ? issued->cert : NULL;
}

json_t *issued_strings(const struct ca_strings *strings)
{
    json_t *array = json_array();

    for (size_t i = 0; i < strings->n; i++)
        if (json_array_append_new(array, cli_json_text(strings->items[i])) !=
            0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

json_t *issued_json(const struct ca_issued *issued,
                    const struct issued_output *output, const char *pem,
                    const char *text)
{
    X509 *cert = cert_of(issued);
    char *subject =
        cert == NULL ? NULL : ca_name_text(X509_get_subject_name(cert));
    json_t *object = NULL;

    if (subject != NULL)
        object = json_pack(
            "{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
            "dry_run", (int)output->dry_run, "ca", cli_json_text(output->ca),
            "profile", cli_json_text(issued->profile), "serial",
            cli_json_text(issued->serial[0] != '\0' ? issued->serial : NULL),
            "subject", cli_json_text(subject), "names",
            issued_strings(&issued->names), "not_before",
            cli_json_time(time_of(X509_get0_notBefore(cert))), "not_after",
            cli_json_time(time_of(X509_get0_notAfter(cert))), "key_uri",
            cli_json_text(issued->key_uri), "file", cli_json_text(output->path),
            "dropped", issued_strings(&issued->dropped), "notes",
            issued_strings(&issued->notes));
    OPENSSL_free(subject);
    X509_free(cert);
    if ((pem != NULL &&
         json_object_set_new(object, "pem", cli_json_text(pem)) != 0) ||
        (text != NULL &&
         json_object_set_new(object, "text", cli_json_text(text)) != 0)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static void put_names(const struct cli *cli, const struct ca_issued *issued,
                      const X509 *cert, bool dry_run)
{
    char *subject = ca_name_text(X509_get_subject_name(cert));
    char list[512];
    size_t len = 0;

    list[0] = '\0';
    for (size_t i = 0; i < issued->names.n; i++) {
        int n = snprintf(list + len, sizeof(list) - len, "%s%s",
                         i > 0 ? ", " : "", issued->names.items[i]);

        if (n < 0 || (size_t)n >= sizeof(list) - len)
            break;
        len += (size_t)n;
    }
    cli_note(cli, "%s %s", dry_run ? "would issue" : "issued",
             subject != NULL && subject[0] != '\0' ? subject : list);
    if (list[0] != '\0')
        cli_note(cli, "  names    %s", list);
    OPENSSL_free(subject);
}

void issued_summary(const struct cli *cli, const struct ca_issued *issued,
                    const struct issued_output *output)
{
    X509 *cert = cert_of(issued);
    time_t end;
    char when[CLI_WHEN_MAX];
    char far[CLI_WHEN_MAX];

    if (cert == NULL)
        return; /* the result is handed out all the same */
    end = time_of(X509_get0_notAfter(cert));
    put_names(cli, issued, cert, output->dry_run);
    X509_free(cert);
    cli_note(cli, "  profile  %s", issued->profile);
    if (issued->serial[0] != '\0')
        cli_note(cli, "  serial   %s", issued->serial);
    cli_when(end, when);
    cli_when_far(end + 1, time(NULL), far); /* it is valid in that second */
    cli_note(cli, "  ends     %s (%s)", when, far);
    if (issued->key_uri != NULL)
        cli_note(cli, "  key      %s", issued->key_uri);
    if (output->path != NULL && strcmp(output->path, "-") != 0 &&
        !output->dry_run)
        cli_note(cli, "  file     %s", output->path);
    for (size_t i = 0; i < issued->dropped.n; i++)
        cli_note(cli, "  dropped  %s", issued->dropped.items[i]);
    for (size_t i = 0; i < issued->notes.n; i++)
        cli_note(cli, "  note     %s", issued->notes.items[i]);
}

static ks_rc cert_bytes(const struct ca_env *env,
                        const struct ca_issued *issued,
                        const struct issued_output *output,
                        enum ca_format format, struct ks_buf *out,
                        struct ks_err *err)
{
    return ca_cert_format(env, &issued->der, output->ca_id, format != CA_DER,
                          format, out, err);
}

/* The certificate as it would be, without a signature. */
static ks_rc preview_text(const struct ca_issued *issued, struct ks_buf *out,
                          struct ks_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;
    ks_rc rc = KS_E_NOMEM;

    if (bio != NULL &&
        X509_print_ex(bio, issued->cert, XN_FLAG_ONELINE,
                      X509_FLAG_NO_SIGDUMP | X509_FLAG_NO_SIGNAME) == 1 &&
        BIO_write(bio, "", 1) == 1) {
        len = BIO_get_mem_data(bio, &data);
        rc = ks_buf_set(out, data, (size_t)len);
        if (rc == KS_OK)
            out->len--; /* the NUL */
    }
    BIO_free(bio);
    return rc == KS_OK ? KS_OK
                       : ks_fail(err, rc, "certificate: %s", ks_rc_text(rc));
}

ks_rc issued_write(struct cli *cli, const struct ca_env *env,
                   const struct ca_issued *issued,
                   const struct issued_output *output, struct ks_err *err)
{
    struct ks_buf bytes = {0};
    ks_rc rc = cert_bytes(env, issued, output, args_format(output->format),
                          &bytes, err);

    (void)cli;
    if (rc == KS_OK)
        rc = cli_file_commit(output->file, bytes.data, bytes.len, err);
    if (rc != KS_OK)
        ks_hint(err,
                "the certificate is issued and recorded; "
                "caadm cert show %s --format pem prints it",
                issued->serial);
    ks_buf_clear(&bytes);
    return rc;
}

static ks_rc hand_out_preview(struct cli *cli, const struct ca_issued *issued,
                              const struct issued_output *output,
                              struct ks_err *err)
{
    struct ks_buf text = {0};
    ks_rc rc = preview_text(issued, &text, err);

    if (rc == KS_OK && cli->globals.json)
        rc = cli_out_json(
            cli,
            json_pack("{s:o}", "issued",
                      issued_json(issued, output, NULL, (char *)text.data)),
            err);
    else if (rc == KS_OK)
        rc = cli_out_bytes(cli, text.data, text.len, err);
    ks_buf_clear(&text);
    return rc;
}

static ks_rc hand_out_json(struct cli *cli, const struct ca_env *env,
                           const struct ca_issued *issued,
                           const struct issued_output *output,
                           struct ks_err *err)
{
    struct ks_buf pem = {0};
    ks_rc rc = cert_bytes(env, issued, output, CA_PEM, &pem, err);

    if (rc == KS_OK)
        rc = cli_out_json(
            cli,
            json_pack("{s:o}", "issued",
                      issued_json(issued, output, (char *)pem.data, NULL)),
            err);
    ks_buf_clear(&pem);
    return rc;
}

ks_rc issued_hand_out(struct cli *cli, const struct ca_env *env,
                      const struct ca_issued *issued,
                      const struct issued_output *output, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (output->dry_run) {
        rc = hand_out_preview(cli, issued, output, err);
    } else {
        /* With JSON on standard output there is no room for PEM. */
        if (output->path != NULL || !cli->globals.json)
            rc = issued_write(cli, env, issued, output, err);
        if (rc == KS_OK && cli->globals.json)
            rc = hand_out_json(cli, env, issued, output, err);
    }
    if (rc == KS_OK)
        issued_summary(cli, issued, output);
    return rc;
}
