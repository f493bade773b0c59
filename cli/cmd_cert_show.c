/*
 * caadm cert show: one certificate, by serial or by name.
 */
#include <ctype.h>
#include <string.h>

#include "ca_row.h"
#include "cmd.h"
#include "env.h"
#include "show_cert.h"
#include "table.h"

static const struct cli_column fields[] = {
    {"serial", "Serial"},
    {"subject", "Subject"},
    {"names", "Names"},
    {"ca", "CA"},
    {"profile", "Profile"},
    {"status", "Status"},
    {"not_before", "Begins"},
    {"not_after", "Ends"},
    {"revoked_at", "Revoked"},
    {"reason", "Reason"},
    {"key_uri", "Key"},
    {"key_type", "Key type"},
    {"signature", "Signature"},
    {"extensions", "Extensions"},
    {"sha256", "SHA-256"},
    {"key_sha256", "Key SHA-256"},
    {NULL, NULL},
};

static bool looks_like_serial(const char *text)
{
    size_t digits = 0;

    for (; *text != '\0'; text++) {
        if (*text == ':')
            continue;
        if (!isxdigit((unsigned char)*text))
            return false;
        digits++;
    }
    return digits >= KS_SERIAL_PREFIX_MIN;
}

/* The newest of a name is the one that is meant. */
struct newest {
    int64_t id;
    size_t count;
};

static ks_rc take_newest(void *arg, const struct ks_cert_row *row,
                         struct ks_err *err)
{
    struct newest *newest = arg;

    (void)err;
    if (newest->count++ == 0)
        newest->id = row->id;
    return KS_OK;
}

static ks_rc find_by_name(struct cli *cli, const struct ca_env *env,
                          const char *name, struct ks_cert_row *row,
                          struct ks_err *err)
{
    struct ks_cert_query query = {.name = name, .limit = 100};
    struct newest newest = {0};
    ks_rc rc = ks_cert_each(env->inv, &query, take_newest, &newest, err);

    if (rc != KS_OK)
        return rc;
    if (newest.count == 0) {
        ks_hint(err, "a serial, at least %d hex digits of one, or a name",
                KS_SERIAL_PREFIX_MIN);
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no such certificate", name);
    }
    if (newest.count > 1)
        cli_note(cli, "%s: the newest of %zu", name, newest.count);
    return ks_cert_get(env->inv, newest.id, row, err);
}

static ks_rc find(struct cli *cli, const struct ca_env *env, const char *text,
                  struct ks_cert_row *row, struct ks_err *err)
{
    ks_rc rc = KS_E_NOT_FOUND;
    struct ks_err why = {0};

    if (looks_like_serial(text))
        rc = ks_cert_find(env->inv, 0, text, row, &why);
    if (rc == KS_E_NOT_FOUND)
        return find_by_name(cli, env, text, row, err);
    if (rc != KS_OK)
        *err = why;
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct show_cert_args *show = args->opts;
    struct ks_cert_row row = {0};
    struct ca_env env;
    json_t *object = NULL;
    ks_rc rc = cli_env_open(cli, KS_INVENTORY_READ, false, NULL, &env, err);

    if (rc == KS_OK)
        rc = find(cli, &env, args->argv[0], &row, err);
    if (rc != KS_OK)
        goto out;
    if (show_cert_wanted(show)) {
        if (row.state != KS_CERT_ISSUED)
            rc = ks_fail(err, KS_E_NOT_FOUND, "%s: never became a certificate",
                         row.serial);
        else
            rc = show_cert(cli, &env, &row.der,
                           row.subject_ca == row.ca ? 0 : row.ca, show, err);
        goto out;
    }
    rc = cert_row_json(&row, true, true, &object, err);
    if (rc == KS_OK)
        rc = cli_show(cli, "cert", object, fields, err);
out:
    ks_cert_row_clear(&row);
    return rc;
}

const struct cmd cmd_cert_show = {
    .noun = "cert",
    .verb = "show",
    .summary = "Show a certificate, or write it",
    .args = "SERIAL|NAME",
    .min_args = 1,
    .max_args = 1,
    .opts = show_cert_opts,
    .opts_size = sizeof(struct show_cert_args),
    .run = run,
    .about = "A serial may be given by its first 6 or more hex digits; of "
             "several certificates with the same name the newest is shown.",
    .example = "caadm cert show www.example.com --format pem --chain",
};
