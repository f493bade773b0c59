/*
 * caadm cert list.
 */
#include <string.h>

#include "ca_row.h"
#include "cmd.h"
#include "env.h"
#include "table.h"

#define PAGE 500 /* rows a query, so that a long listing blocks nobody */

struct list_args {
    const char *ca;
    const char *profile;
    const char *name;
    bool expired;
    bool revoked;
    bool all;
    const char *expiring;
    struct opt_uint limit;
};

#define AT(member) offsetof(struct list_args, member)
static const struct opt opts[] = {
    {"ca", 0, OPT_TEXT, AT(ca), "CA", "issued by this CA"},
    {"profile", 0, OPT_TEXT, AT(profile), "PROFILE", "of this profile"},
    {"name", 0, OPT_TEXT, AT(name), "NAME",
     "with this name; .example.com: and all below it"},
    {"expired", 0, OPT_FLAG, AT(expired), NULL, "whose time is over"},
    {"expiring", 0, OPT_TEXT, AT(expiring), "TIME",
     "valid now, and not any more then: 30d"},
    {"revoked", 0, OPT_FLAG, AT(revoked), NULL, "revoked ones"},
    {"all", 0, OPT_FLAG, AT(all), NULL, "also what never became a certificate"},
    {"limit", 0, OPT_UINT, AT(limit), "N", "the newest N only"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"serial", "SERIAL"},   {"subject", "SUBJECT"}, {"ca", "CA"},
    {"profile", "PROFILE"}, {"not_after", "ENDS"},  {"status", "STATUS"},
    {NULL, NULL},
};

struct listing {
    struct cli_table table;
    const struct list_args *args;
    struct ks_cert_query query;
    time_t now;
    size_t page; /* rows of this page so far */
    size_t shown;
};

static bool full(const struct listing *listing)
{
    return listing->args->limit.set &&
           listing->shown >= listing->args->limit.value;
}

static bool wanted(const struct listing *listing, const struct ks_cert_row *row)
{
    const struct list_args *args = listing->args;

    if (args->profile != NULL &&
        (row->profile == NULL || strcmp(row->profile, args->profile) != 0))
        return false;
    return !args->expired ||
           (row->state == KS_CERT_ISSUED && row->not_after < listing->now);
}

static ks_rc put_cert(void *arg, const struct ks_cert_row *row,
                      struct ks_err *err)
{
    struct listing *listing = arg;
    json_t *object = NULL;
    ks_rc rc;

    listing->page++;
    listing->query.below_id = row->id;
    if (full(listing) || !wanted(listing, row))
        return KS_OK;
    listing->shown++;
    rc = cert_row_json(row, listing->table.cli->globals.json, false, &object,
                       err);
    return rc != KS_OK ? rc : cli_table_row(&listing->table, object, err);
}

static ks_rc make_query(const struct ca_env *env, struct listing *listing,
                        struct ks_err *err)
{
    const struct list_args *args = listing->args;
    struct ks_cert_query *query = &listing->query;
    struct ks_ca_row ca = {0};
    ks_rc rc = KS_OK;

    query->limit = PAGE;
    query->name = args->name;
    query->revoked = args->revoked;
    query->with_unfinished = args->all;
    if (args->expired)
        query->expires_before = listing->now;
    if (args->expiring != NULL) {
        query->valid_at = listing->now;
        rc = ca_time_parse(args->expiring, listing->now, &query->expires_before,
                           err);
    }
    if (rc == KS_OK && args->ca != NULL) {
        rc = ks_ca_find(env->inv, args->ca, &ca, err);
        if (rc == KS_OK)
            query->ca = ca.id;
        else
            (void)ks_fail(err, rc, "%s: no such CA", args->ca);
        ks_ca_row_clear(&ca);
    }
    return rc;
}

static ks_rc list(const struct ca_env *env, struct listing *listing,
                  struct ks_err *err)
{
    ks_rc rc;

    do {
        struct ks_cert_query query = listing->query;

        listing->page = 0;
        rc = ks_cert_each(env->inv, &query, put_cert, listing, err);
        if (rc == KS_OK)
            rc = cli_check_interrupt(err);
    } while (rc == KS_OK && listing->page == PAGE && !full(listing));
    return rc != KS_OK ? rc : cli_table_end(&listing->table, err);
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    struct listing listing = {.args = args->opts, .now = time(NULL)};
    struct ca_env env;
    ks_rc rc;

    if (listing.args->expired && listing.args->expiring != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--expired, --expiring: only one of them");
    if (listing.args->limit.set && listing.args->limit.value == 0)
        return ks_fail(err, KS_E_INVALID, "--limit: 0: at least 1");
    cli_table_init(&listing.table, cli, "certs", columns);
    rc = cli_env_open(cli, KS_INVENTORY_READ, false, NULL, &env, err);
    if (rc == KS_OK)
        rc = make_query(&env, &listing, err);
    if (rc == KS_OK)
        rc = list(&env, &listing, err);
    cli_table_clear(&listing.table);
    return rc;
}

const struct cmd cmd_cert_list = {
    .noun = "cert",
    .verb = "list",
    .summary = "List certificates, newest first",
    .args = "",
    .opts = opts,
    .opts_size = sizeof(struct list_args),
    .run = run,
    .example = "caadm cert list --ca issuing --expiring 30d",
};
