/*
 * caadm key list: the keys of one backend, or of all.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "args.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "key_io.h"
#include "ks_uri.h"
#include "out.h"
#include "table.h"

static const struct cli_column columns[] = {
    {"uri", "KEY"},       {"type", "TYPE"}, {"ca", "CA"},
    {"error", "PROBLEM"}, {NULL, NULL},
};

struct listing {
    struct cli *cli;
    struct ca_env env;
    struct cli_table table;
    size_t listed;
    ks_rc failed; /* of a backend that could not be listed */
    struct ks_err why;
};

/* A key that cannot be read is in the list, and says why. */
static ks_rc put_key(void *arg, const char *uri, struct ks_err *err)
{
    struct listing *listing = arg;
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    json_t *object = NULL;
    ks_rc rc = ca_key_load_public(&listing->env, uri, &pkey, &why);

    cli_progress(listing->cli, "reading keys", ++listing->listed, 0);
    if (rc == KS_OK)
        rc = key_io_json(&listing->env, uri, pkey, &object, &why);
    EVP_PKEY_free(pkey);
    /* Deleted by another process since the listing began. */
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc != KS_OK) {
        cli_warn(listing->cli, "%s", why.text);
        object = json_pack("{s:o, s:n, s:n, s:n, s:n, s:s}", "uri",
                           cli_json_text(uri), "type", "bits", "sha256", "ca",
                           "error", ks_rc_text(rc));
    }
    return cli_table_row(&listing->table, object, err);
}

static ks_rc list_backend(struct listing *listing, const char *name,
                          struct ks_err *err)
{
    char *uri = NULL;
    ks_rc rc = ks_uri_format(name, NULL, &uri);

    if (rc != KS_OK)
        return ks_fail(err, rc, "%s: %s", name, ks_rc_text(rc));
    rc = cli_key_each(listing->cli, uri, put_key, listing, err);
    OPENSSL_free(uri);
    return rc;
}

/* A pkcs11: URI: a token's keys, or those of all tokens, or one key. */
static ks_rc list_pkcs11(struct listing *listing, const char *uri,
                         struct ks_err *err)
{
    char *canonical = NULL;
    ks_rc rc = ca_key_uri(uri, &canonical, err);

    if (rc == KS_OK)
        rc = args_uri_is_listing(canonical)
                 ? cli_key_each(listing->cli, canonical, put_key, listing, err)
                 : put_key(listing, canonical, err);
    OPENSSL_free(canonical);
    return rc;
}

/* One place that cannot be reached, such as a token that is taken out, keeps
 * nobody from seeing the others. */
static ks_rc list_all(struct listing *listing, struct ks_err *err)
{
    struct ks_config *config = NULL;
    ks_rc rc = cli_config(listing->cli, &config, err);

    for (size_t i = 0; rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);
        struct ks_err why = {0};
        ks_rc one = KS_OK;

        if (section->kind == KS_SECTION_BACKEND)
            one = list_backend(listing, section->name, &why);
        if (one == KS_E_INTERRUPTED || one == KS_E_NOMEM) {
            *err = why;
            return one;
        }
        if (one != KS_OK && listing->failed != KS_OK) {
            cli_warn(listing->cli, "%s", why.text);
        } else if (one != KS_OK) {
            listing->failed = one;
            listing->why = why;
        }
    }
    return rc;
}

/* WHAT is a backend's name, its URI, or the URI of one key. */
static ks_rc list_one(struct listing *listing, const char *what,
                      struct ks_err *err)
{
    struct ks_uri uri = {0};
    char *canonical = NULL;
    ks_rc rc;

    if (ca_key_uri_is_pkcs11(what))
        return list_pkcs11(listing, what, err);
    if (!ks_uri_is_keystore(what)) {
        struct ks_config *config = NULL;

        rc = cli_config(listing->cli, &config, err);
        if (rc == KS_OK &&
            ks_config_section(config, KS_SECTION_BACKEND, what) == NULL) {
            ks_hint(err, "caadm backend list shows them");
            rc = ks_fail(err, KS_E_NOT_FOUND, "%s: no such backend", what);
        }
        return rc != KS_OK ? rc : list_backend(listing, what, err);
    }
    rc = ks_uri_parse(what, &uri, err);
    if (rc == KS_OK && uri.key[0] == '\0')
        rc = list_backend(listing, uri.backend, err);
    else if (rc == KS_OK)
        rc = ks_uri_format(uri.backend, uri.key, &canonical);
    if (rc == KS_OK && canonical != NULL)
        rc = put_key(listing, canonical, err);
    OPENSSL_free(canonical);
    ks_uri_clear(&uri);
    return rc;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct listing listing = {.cli = cli};
    ks_rc rc;

    cli_table_init(&listing.table, cli, "keys", columns);
    rc = cli_env_keys(cli, KS_INVENTORY_READ, NULL, &listing.env, err);
    if (rc == KS_OK)
        rc = args->argc == 0 ? list_all(&listing, err)
                             : list_one(&listing, args->argv[0], err);
    cli_progress_end();
    if (rc == KS_OK)
        rc = cli_table_end(&listing.table, err);
    if (rc == KS_OK && listing.failed != KS_OK) {
        rc = listing.failed;
        *err = listing.why;
    }
    cli_table_clear(&listing.table);
    return rc;
}

const struct cmd cmd_key_list = {
    .noun = "key",
    .verb = "list",
    .summary = "List keys; asks for no secret",
    .args = "[BACKEND|URI]",
    .max_args = 1,
    .run = run,
    .example = "caadm key list default",
};
