/*
 * Rows of the inventory as JSON objects.
 */
#include "ca_row.h"

#include "issued.h"
#include "when.h"

const char *ca_row_status(const struct ks_ca_row *row, time_t not_after,
                          time_t now)
{
    if (row->revoked)
        return "revoked";
    if (row->state == KS_CA_ACTIVE && not_after < now)
        return "expired";
    return ks_ca_state_text(row->state);
}

const char *cert_row_status(const struct ks_cert_row *row, time_t now)
{
    if (row->state != KS_CERT_ISSUED)
        return ks_cert_state_text(row->state);
    if (row->revoked)
        return "revoked";
    if (row->not_after < now)
        return "expired";
    return row->not_before > now ? "not-yet-valid" : "valid";
}

static ks_rc done(json_t *object, json_t **out, struct ks_err *err)
{
    if (object == NULL)
        return ks_fail(err, KS_E_NOMEM, "output: out of memory");
    *out = object;
    return KS_OK;
}

/* What only the certificate itself tells. Takes OBJECT. */
static json_t *add_details(json_t *object, const struct ca_cert_info *info)
{
    json_t *more = json_pack(
        "{s:o, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:s, s:s, s:o}", "issuer",
        cli_json_text(info->issuer), "serial", info->serial, "key_type",
        info->key_type, "signature", info->signature, "is_ca", (int)info->is_ca,
        "path_length",
        info->path_length >= 0 ? json_integer(info->path_length) : json_null(),
        "names", issued_strings(&info->names), "extensions",
        issued_strings(&info->exts), "sha256", info->sha256, "key_sha256",
        info->key_sha256, "ski",
        cli_json_text(info->ski[0] != '\0' ? info->ski : NULL));

    if (more == NULL || json_object_update(object, more) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(more);
    return object;
}

ks_rc ca_row_json(const struct ks_ca_row *row, bool whole, json_t **out,
                  struct ks_err *err)
{
    struct ca_cert_info info = {0};
    json_t *object;
    ks_rc rc = ca_cert_describe(&row->cert, &info, err);

    if (rc != KS_OK)
        return rc;
    object = json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name",
        row->name, "parent", cli_json_text(row->parent_name), "subject",
        cli_json_text(info.subject), "serial", info.serial, "not_before",
        cli_json_time(info.not_before), "not_after",
        cli_json_time(info.not_after), "status",
        ca_row_status(row, info.not_after, time(NULL)), "key_uri",
        cli_json_text(row->key_uri), "crl_url", cli_json_text(row->crl_url),
        "ocsp_url", cli_json_text(row->ocsp_url), "issuer_url",
        cli_json_text(row->issuer_url), "created", cli_json_time(row->created));
    if (object != NULL && whole)
        object = add_details(object, &info);
    ca_cert_info_clear(&info);
    return done(object, out, err);
}

ks_rc cert_row_json(const struct ks_cert_row *row, bool names, bool whole,
                    json_t **out, struct ks_err *err)
{
    struct ca_cert_info info = {0};
    json_t *object;
    ks_rc rc = KS_OK;

    if ((names || whole) && row->state == KS_CERT_ISSUED)
        rc = ca_cert_describe(&row->der, &info, err);
    if (rc != KS_OK)
        return rc;
    object = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "serial",
        row->serial, "ca", cli_json_text(row->ca_name), "profile",
        cli_json_text(row->profile), "subject", cli_json_text(row->subject),
        "not_before", cli_json_time(row->not_before), "not_after",
        cli_json_time(row->not_after), "status",
        cert_row_status(row, time(NULL)), "issued", cli_json_time(row->issued),
        "revoked_at", cli_json_time(row->revoked ? row->revoked_at : 0),
        "reason", row->reason >= 0 ? json_integer(row->reason) : json_null(),
        "key_uri", cli_json_text(row->key_uri));
    if (object != NULL && names && !whole &&
        json_object_set_new(object, "names", issued_strings(&info.names)) !=
            0) {
        json_decref(object);
        object = NULL;
    }
    if (object != NULL && whole && row->state == KS_CERT_ISSUED)
        object = add_details(object, &info);
    ca_cert_info_clear(&info);
    return done(object, out, err);
}
