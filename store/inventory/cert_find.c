/*
 * Finding certificates: by row, by serial or its prefix, by issuer, name and
 * state. Every question is answered from an index.
 */
#include "inventory.h"
#include "names.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#define LIST_MAX 4 /* serials shown when a prefix fits several */

#define SELECT                                                                 \
    "SELECT t.id,t.ca_id,c.name,t.serial,t.state,t.profile,t.subject,"         \
    "t.not_before,t.not_after,t.reserved_at,t.issued_at,t.key_uri,"            \
    "t.subject_ca,t.revoked_at,t.reason,t.profile_hash,t.tbs,t.der"            \
    " FROM cert t JOIN ca c ON c.id=t.ca_id"

void ks_cert_row_clear(struct ks_cert_row *row)
{
    if (row == NULL)
        return;
    OPENSSL_free(row->ca_name);
    OPENSSL_free(row->profile);
    OPENSSL_free(row->subject);
    OPENSSL_free(row->key_uri);
    ks_buf_clear(&row->tbs);
    ks_buf_clear(&row->der);
    memset(row, 0, sizeof(*row));
}

static void read_serial(sqlite3_stmt *stmt, int col, char out[KS_SERIAL_HEX])
{
    const void *data = sqlite3_column_blob(stmt, col);
    int len = sqlite3_column_bytes(stmt, col);

    inv_serial_hex(data, data != NULL && len > 0 ? (size_t)len : 0, out);
}

static ks_rc read_row(sqlite3_stmt *stmt, struct ks_cert_row *row,
                      struct ks_err *err)
{
    memset(row, 0, sizeof(*row));
    row->id = sqlite3_column_int64(stmt, 0);
    row->ca = sqlite3_column_int64(stmt, 1);
    read_serial(stmt, 3, row->serial);
    row->state = (enum ks_cert_state)sqlite3_column_int(stmt, 4);
    row->not_before = (time_t)sqlite3_column_int64(stmt, 7);
    row->not_after = (time_t)sqlite3_column_int64(stmt, 8);
    row->reserved = (time_t)sqlite3_column_int64(stmt, 9);
    row->issued = (time_t)sqlite3_column_int64(stmt, 10);
    row->subject_ca = sqlite3_column_int64(stmt, 12);
    row->revoked = sqlite3_column_type(stmt, 13) != SQLITE_NULL;
    row->revoked_at = (time_t)sqlite3_column_int64(stmt, 13);
    row->reason = row->revoked ? sqlite3_column_int(stmt, 14) : -1;
    inv_col_hash(stmt, 15, row->profile_hash);
    if (inv_col_text(stmt, 2, &row->ca_name) &&
        inv_col_text(stmt, 5, &row->profile) &&
        inv_col_text(stmt, 6, &row->subject) &&
        inv_col_text(stmt, 11, &row->key_uri) &&
        inv_col_blob(stmt, 16, &row->tbs) && inv_col_blob(stmt, 17, &row->der))
        return KS_OK;
    ks_cert_row_clear(row);
    return ks_fail(err, KS_E_NOMEM, "out of memory");
}

ks_rc ks_cert_get(struct ks_inventory *inv, int64_t id, struct ks_cert_row *row,
                  struct ks_err *err)
{
    static const char sql[] = SELECT " WHERE t.id=?";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_query(inv, sql, INV_ARGS(inv_int(id)), &stmt, err);

    if (rc == KS_OK)
        rc = inv_step(inv, stmt, err);
    if (rc == KS_OK)
        rc = read_row(stmt, row, err);
    inv_done(stmt);
    return rc;
}

/* --- by serial ----------------------------------------------------------- */

struct matches {
    size_t n;
    int64_t id; /* of the last one seen, or of the one that is exact */
    int exact;  /* how many have no more digits than were asked for */
    char list[LIST_MAX * (KS_SERIAL_HEX + 2)];
};

static void add_match(struct matches *matches, sqlite3_stmt *stmt,
                      size_t digits)
{
    char serial[KS_SERIAL_HEX];
    size_t used = strlen(matches->list);

    read_serial(stmt, 1, serial);
    if (strlen(serial) == digits)
        matches->exact++;
    if (strlen(serial) == digits || matches->exact == 0)
        matches->id = sqlite3_column_int64(stmt, 0);
    if (matches->n++ < LIST_MAX)
        (void)snprintf(matches->list + used, sizeof(matches->list) - used,
                       "%s%s", used == 0 ? "" : ", ", serial);
}

/* Serials that begin with HEX; ODD: with a zero digit before it, because
 * people leave leading zeros out. */
static ks_rc match(struct ks_inventory *inv, int64_t ca, const char *hex,
                   bool odd, struct matches *matches, struct ks_err *err)
{
    static const char sql[] =
        "SELECT id,serial FROM cert WHERE serial>=?1"
        " AND (?2 IS NULL OR serial<?2) AND (?3 IS NULL OR ca_id=?3) LIMIT 5";
    static const char sql_below[] =
        "SELECT id,serial FROM cert WHERE serial>=?1 AND serial<?2"
        " AND (?3 IS NULL OR ca_id=?3) LIMIT 5";
    struct inv_serial_range range;
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = inv_serial_range(hex, odd, &range, err);

    if (rc != KS_OK)
        return rc;
    rc = inv_query(inv, range.below_len == 0 ? sql : sql_below,
                   INV_ARGS(inv_blob(range.from, range.from_len),
                            inv_blob(range.below_len == 0 ? NULL : range.below,
                                     range.below_len),
                            inv_int_or_null(ca)),
                   &stmt, err);
    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK)
        add_match(matches, stmt, range.digits + (odd ? 1 : 0));
    inv_done(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

static size_t count_digits(const char *hex)
{
    size_t n = 0;

    for (; *hex != '\0'; hex++)
        n += *hex != ':';
    return n;
}

ks_rc ks_cert_find(struct ks_inventory *inv, int64_t ca, const char *hex,
                   struct ks_cert_row *row, struct ks_err *err)
{
    struct matches matches = {0};
    size_t digits = count_digits(hex);
    ks_rc rc = match(inv, ca, hex, false, &matches, err);

    if (rc == KS_OK && digits % 2 == 1)
        rc = match(inv, ca, hex, true, &matches, err);
    if (rc != KS_OK)
        return rc;
    if (matches.exact == 1) /* a whole serial, even if others go on from it */
        return ks_cert_get(inv, matches.id, row, err);
    if (digits < KS_SERIAL_PREFIX_MIN)
        return ks_fail(err, KS_E_INVALID,
                       "%.64s: too short; give %d digits of a serial or more",
                       hex, KS_SERIAL_PREFIX_MIN);
    if (matches.n == 0)
        return ks_fail(err, KS_E_NOT_FOUND,
                       "%.64s: no certificate has this serial", hex);
    if (matches.n > 1)
        return ks_fail(err, KS_E_INVALID, "%.64s: fits several: %s%s", hex,
                       matches.list, matches.n > LIST_MAX ? " ..." : "");
    return ks_cert_get(inv, matches.id, row, err);
}

/* --- listings --------------------------------------------------------------
 */

#define CLAUSES_MAX 512
#define ARGS_MAX 12

/* A WHERE clause made of constant texts only; values are bound. */
struct clauses {
    char sql[sizeof(SELECT) + CLAUSES_MAX];
    struct inv_arg args[ARGS_MAX];
    size_t n;
    char *key; /* owned: the name's key, and its upper end */
    char *below;
    char *plain;
};

static void add(struct clauses *clauses, const char *text)
{
    size_t used = strlen(clauses->sql);

    (void)snprintf(clauses->sql + used, sizeof(clauses->sql) - used, "%s",
                   text);
}

static void add_value(struct clauses *clauses, const char *text,
                      struct inv_arg arg)
{
    add(clauses, text);
    clauses->args[clauses->n++] = arg;
}

/* The name itself, and all that ends in it after a dot (or an at sign). */
static ks_rc add_tree(struct clauses *clauses, const char *domain)
{
    size_t len;

    clauses->key = inv_name_key(KS_NAME_DNS, domain);
    if (clauses->key == NULL)
        return KS_E_NOMEM;
    len = strlen(clauses->key);
    clauses->plain = OPENSSL_malloc(len + 2);
    clauses->below = OPENSSL_malloc(len + 2);
    if (clauses->plain == NULL || clauses->below == NULL)
        return KS_E_NOMEM;
    (void)snprintf(clauses->plain, len + 2, "%s.", clauses->key);
    (void)snprintf(clauses->below, len + 2, "%s/", clauses->key); /* '.' + 1 */
    add_value(clauses,
              " AND t.id IN (SELECT cert_id FROM cert_name WHERE key=?",
              inv_text(clauses->key));
    add_value(clauses, " UNION SELECT cert_id FROM cert_name WHERE key>=?",
              inv_text(clauses->plain));
    add_value(clauses, " AND key<?)", inv_text(clauses->below));
    return KS_OK;
}

static ks_rc add_name(struct clauses *clauses, const char *name)
{
    if (strncmp(name, "*.", 2) == 0)
        name++;
    if (name[0] == '.')
        return add_tree(clauses, name + 1);
    clauses->key = inv_name_key(KS_NAME_DNS, name);
    clauses->plain = inv_name_key(KS_NAME_OTHER, name);
    if (clauses->key == NULL || clauses->plain == NULL)
        return KS_E_NOMEM;
    add_value(clauses,
              " AND t.id IN (SELECT cert_id FROM cert_name WHERE key=?",
              inv_text(clauses->key));
    add_value(clauses, " UNION SELECT cert_id FROM cert_name WHERE key=?)",
              inv_text(clauses->plain));
    return KS_OK;
}

static ks_rc build(struct clauses *clauses, const struct ks_cert_query *query)
{
    ks_rc rc = KS_OK;

    add(clauses, SELECT " WHERE 1");
    if (query->ca != 0)
        add_value(clauses, " AND t.ca_id=?", inv_int(query->ca));
    if (!query->with_unfinished)
        add(clauses, " AND t.state=3");
    if (query->revoked)
        add(clauses, " AND t.revoked_at IS NOT NULL");
    if (query->valid_at != 0) {
        add(clauses, " AND t.state=3 AND t.revoked_at IS NULL");
        add_value(clauses, " AND t.not_before<=?", inv_int(query->valid_at));
        add_value(clauses, " AND t.not_after>=?", inv_int(query->valid_at));
    }
    if (query->expires_before != 0)
        add_value(clauses, " AND t.not_after<?",
                  inv_int(query->expires_before));
    if (query->below_id != 0)
        add_value(clauses, " AND t.id<?", inv_int(query->below_id));
    if (query->name != NULL)
        rc = add_name(clauses, query->name);
    add(clauses, " ORDER BY t.id DESC");
    if (query->limit != 0)
        add_value(clauses, " LIMIT ?", inv_int((int64_t)query->limit));
    return rc;
}

ks_rc ks_cert_each(struct ks_inventory *inv, const struct ks_cert_query *query,
                   ks_cert_fn *each, void *arg, struct ks_err *err)
{
    struct clauses clauses = {0};
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = build(&clauses, query);

    if (rc != KS_OK)
        (void)ks_fail(err, rc, "out of memory");
    else
        rc = inv_query_own(inv, clauses.sql, clauses.args, clauses.n, &stmt,
                           err);
    while (rc == KS_OK && (rc = inv_step(inv, stmt, err)) == KS_OK) {
        struct ks_cert_row row;

        rc = read_row(stmt, &row, err);
        if (rc != KS_OK)
            break;
        rc = each(arg, &row, err);
        ks_cert_row_clear(&row);
    }
    (void)sqlite3_finalize(stmt);
    OPENSSL_free(clauses.key);
    OPENSSL_free(clauses.below);
    OPENSSL_free(clauses.plain);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

ks_rc ks_cert_each_dead(struct ks_inventory *inv, size_t limit,
                        ks_cert_fn *each, void *arg, struct ks_err *err)
{
    static const char sql[] =
        "SELECT id,owner FROM cert INDEXED BY cert_unfinished"
        " WHERE state<3 ORDER BY +id";
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;
    ks_rc rc = inv_query_own(inv, sql, NULL, 0, &stmt, err);

    while (rc == KS_OK && n < limit &&
           (rc = inv_step(inv, stmt, err)) == KS_OK) {
        struct ks_cert_row row = {0};
        bool alive = false;

        rc = inv_owner_alive(inv, sqlite3_column_int64(stmt, 1), &alive, err);
        if (rc != KS_OK || alive)
            continue;
        rc = ks_cert_get(inv, sqlite3_column_int64(stmt, 0), &row, err);
        if (rc == KS_OK)
            rc = each(arg, &row, err);
        ks_cert_row_clear(&row);
        n++;
    }
    (void)sqlite3_finalize(stmt);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}
