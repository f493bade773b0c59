/*
 * The table, and the way from each older schema to the next. A schema is named
 * by user_version; application_id tells a database of keys from any other
 * SQLite file. docs/formats.md describes the columns.
 */
#include "sqlite/db.h"

#define APPLICATION_ID 0x6361646b /* "cadk" */

/* The indexes are for searches by public half or certificate: with them one
 * key among millions is found as fast as among ten. */
static const char schema_1[] =
    "CREATE TABLE key("
    " id INTEGER PRIMARY KEY,"
    " label TEXT NOT NULL UNIQUE,"
    " created INTEGER NOT NULL,"
    " origin TEXT NOT NULL,"
    " spki BLOB NOT NULL,"
    " form INTEGER NOT NULL CHECK(form BETWEEN 1 AND 3),"
    " private BLOB NOT NULL,"
    " recipients TEXT,"
    " cert BLOB,"
    " chain BLOB,"
    " sum BLOB NOT NULL CHECK(length(sum)=32),"
    " spki_sha256 BLOB NOT NULL CHECK(length(spki_sha256)=32),"
    " spki_sha1 BLOB NOT NULL CHECK(length(spki_sha1)=20),"
    " cert_sha256 BLOB CHECK(length(cert_sha256)=32),"
    " cert_sha1 BLOB CHECK(length(cert_sha1)=20),"
    " subject_hash INTEGER"
    ") STRICT;"
    "CREATE INDEX key_spki_sha256 ON key(spki_sha256);"
    "CREATE INDEX key_spki_sha1 ON key(spki_sha1);"
    "CREATE INDEX key_cert_sha256 ON key(cert_sha256)"
    " WHERE cert_sha256 IS NOT NULL;"
    "CREATE INDEX key_cert_sha1 ON key(cert_sha1)"
    " WHERE cert_sha1 IS NOT NULL;"
    "CREATE INDEX key_subject ON key(subject_hash)"
    " WHERE subject_hash IS NOT NULL;"
    "PRAGMA application_id=1667327083;"
    "PRAGMA user_version=1;";

/* steps[n] leads from schema n to n + 1. */
static const char *const steps[KS_SQLITE_SCHEMA] = {schema_1};

_Static_assert(APPLICATION_ID == 1667327083, "as in the SQL text");

struct version {
    int64_t application;
    int64_t schema;
    int64_t objects; /* in the file, 0 if it is empty */
};

/* In one statement, or what another process makes in between would look like
 * a file that is not ours. */
static ks_rc read_version(struct ks_sqlite_db *db, struct version *version,
                          struct ks_err *err)
{
    static const char sql[] =
        "SELECT (SELECT application_id FROM pragma_application_id),"
        " (SELECT user_version FROM pragma_user_version),"
        " (SELECT count(*) FROM sqlite_schema)";
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = ks_sqlite_query(db, sql, &stmt, err);

    if (rc == KS_OK)
        rc = ks_sqlite_first(db, stmt, "open", err);
    if (rc == KS_OK) {
        version->application = sqlite3_column_int64(stmt, 0);
        version->schema = sqlite3_column_int64(stmt, 1);
        version->objects = sqlite3_column_int64(stmt, 2);
    }
    ks_sqlite_done(stmt);
    return rc;
}

static ks_rc judge(const struct ks_sqlite_db *db, const struct version *version,
                   struct ks_err *err)
{
    if (version->objects == 0 && version->application == 0)
        return KS_OK;
    if (version->application != APPLICATION_ID) {
        ks_hint(err, "see path in [backend %s] of caadm.conf", db->name);
        return ks_fail(err, KS_E_CONFIG,
                       "%s: an SQLite file, but not a database of keys",
                       db->path);
    }
    if (version->schema > KS_SQLITE_SCHEMA || version->schema < 1) {
        ks_hint(err, "use the newer version that wrote it");
        return ks_fail(err, KS_E_CONFIG,
                       "%s: schema %lld is newer than this program's (%d)",
                       db->path, (long long)version->schema, KS_SQLITE_SCHEMA);
    }
    return KS_OK;
}

static ks_rc take_steps(struct ks_sqlite_db *db, struct ks_err *err)
{
    struct version version = {0};
    /* Looking again: another process may have been first. */
    ks_rc rc = read_version(db, &version, err);

    if (rc == KS_OK)
        rc = judge(db, &version, err);
    for (int64_t at = version.schema; rc == KS_OK && at < KS_SQLITE_SCHEMA;
         at++) {
        int code = sqlite3_exec(db->handle, steps[at], NULL, NULL, NULL);

        if (code != SQLITE_OK)
            rc = ks_sqlite_fail(db, code, "migrate", err);
    }
    return rc;
}

static ks_rc migrate(struct ks_sqlite_db *db, struct ks_err *err)
{
    /* It is kept in the file, and cannot change within a transaction. */
    ks_rc rc = ks_sqlite_exec(db, "PRAGMA journal_mode=WAL", "open", err);

    if (rc == KS_OK)
        rc = ks_sqlite_exec(db, "BEGIN IMMEDIATE", "migrate", err);
    if (rc != KS_OK)
        return rc;
    rc = take_steps(db, err);
    if (rc == KS_OK)
        rc = ks_sqlite_exec(db, "COMMIT", "migrate", err);
    if (rc != KS_OK && sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

ks_rc ks_sqlite_schema(struct ks_sqlite_db *db, bool write, struct ks_err *err)
{
    struct version version = {0};
    ks_rc rc = read_version(db, &version, err);

    if (rc == KS_OK)
        rc = judge(db, &version, err);
    if (rc != KS_OK || version.schema == KS_SQLITE_SCHEMA)
        return rc;
    if (version.schema == 0 && !write)
        return KS_E_NOT_FOUND;
    if (sqlite3_db_readonly(db->handle, "main") == 0)
        return migrate(db, err);
    if (version.schema == 0)
        return KS_OK; /* whoever writes is told that it is read-only */
    ks_hint(err, "whoever may write there brings it up to date");
    return ks_fail(err, KS_E_CONFIG, "%s: schema %lld is older than needed",
                   db->path, (long long)version.schema);
}
