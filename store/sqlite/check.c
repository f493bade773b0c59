/*
 * Looking at a database as a whole.
 */
#include "sqlite/check.h"

#include <string.h>

#include <openssl/crypto.h>

/* The facts that SQLite tells, each by the only column of the only row. */
static const struct {
    const char *name;
    const char *sql;
} facts[] = {
    {"schema", "PRAGMA user_version"},
    {"journal", "PRAGMA journal_mode"},
    {"keys", "SELECT count(*) FROM key"},
};

/* Not the contents of indexes against the rows: that takes minutes with
 * millions of keys. */
static const char damage_sql[] = "PRAGMA quick_check(1)";

/* Caller frees *value. */
static ks_rc read_text(struct ks_sqlite_db *db, const char *sql, char **value,
                       struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    const unsigned char *text;
    ks_rc rc = ks_sqlite_enter(db, false, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_sqlite_query(db, sql, &stmt, err);
    if (rc == KS_OK)
        rc = ks_sqlite_first(db, stmt, "check", err);
    if (rc == KS_OK) {
        text = sqlite3_column_text(stmt, 0);
        *value = text != NULL ? OPENSSL_strdup((const char *)text) : NULL;
        rc = *value != NULL ? KS_OK : KS_E_NOMEM;
    }
    ks_sqlite_done(stmt);
    ks_sqlite_leave(db);
    return rc;
}

static ks_rc check_damage(struct ks_sqlite_db *db, struct ks_err *err)
{
    char *found = NULL;
    ks_rc rc = read_text(db, damage_sql, &found, err);

    if (rc == KS_OK && strcmp(found, "ok") != 0) {
        ks_hint(err, "restore a backup, or see \".recover\" of sqlite3");
        rc = ks_fail(err, KS_E_DAMAGED, "%s: is damaged: %s", db->path, found);
    }
    OPENSSL_free(found);
    return rc;
}

ks_rc ks_sqlite_check(struct ks_sqlite_db *db, ks_fact_fn *each, void *arg,
                      struct ks_err *err)
{
    ks_rc rc = each(arg, "file", db->path, err);

    for (size_t i = 0; rc == KS_OK && i < sizeof(facts) / sizeof(facts[0]);
         i++) {
        char *value = NULL;

        rc = read_text(db, facts[i].sql, &value, err);
        if (rc == KS_E_NOT_FOUND) /* no key was made yet */
            return KS_OK;
        if (rc == KS_OK)
            rc = each(arg, facts[i].name, value, err);
        OPENSSL_free(value);
    }
    return rc == KS_OK ? check_damage(db, err) : rc;
}
