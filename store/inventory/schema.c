/*
 * The tables, and the way from each older schema to the next. A schema is
 * named by user_version; application_id tells an inventory from any other
 * SQLite file. docs/formats.md describes the tables.
 *
 * Indexes are chosen so that issuing, finding and settling cost the same
 * with ten certificates as with millions: what is unfinished, revoked or
 * compromised has a partial index of its own.
 */
#include "inventory.h"

#define APPLICATION_ID 0x6361646d /* "cadm" */

static const char schema_1[] =
    "CREATE TABLE ca("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " key_uri TEXT NOT NULL,"
    " parent INTEGER REFERENCES ca(id),"
    " state INTEGER NOT NULL CHECK(state BETWEEN 1 AND 3),"
    " created INTEGER NOT NULL,"
    " owner INTEGER,"
    " cert_id INTEGER REFERENCES cert(id),"
    " spki_hash BLOB CHECK(length(spki_hash)=32),"
    " crl_url TEXT, ocsp_url TEXT, issuer_url TEXT,"
    " CHECK(state=1 OR (cert_id IS NOT NULL AND spki_hash IS NOT NULL))"
    ") STRICT;"
    "CREATE INDEX ca_key ON ca(spki_hash);"
    "CREATE INDEX ca_parent ON ca(parent);"
    "CREATE INDEX ca_cert ON ca(cert_id);"

    /* revoked_at, reason (RFC 5280, 5.3.1), invalid_at: an abandoned row has
     * them too, because a signature may have left the key. */
    "CREATE TABLE cert("
    " id INTEGER PRIMARY KEY,"
    " ca_id INTEGER NOT NULL REFERENCES ca(id),"
    " serial BLOB NOT NULL CHECK(length(serial) BETWEEN 1 AND 20),"
    " state INTEGER NOT NULL CHECK(state BETWEEN 1 AND 4),"
    " owner INTEGER,"
    " profile TEXT NOT NULL,"
    " profile_hash BLOB NOT NULL CHECK(length(profile_hash)=32),"
    " request_hash BLOB CHECK(length(request_hash)=32),"
    " key_uri TEXT,"
    " subject_ca INTEGER REFERENCES ca(id),"
    " subject TEXT,"
    " not_before INTEGER,"
    " not_after INTEGER,"
    " spki_hash BLOB CHECK(length(spki_hash)=32),"
    " reserved_at INTEGER NOT NULL,"
    " issued_at INTEGER,"
    " revoked_at INTEGER,"
    " reason INTEGER,"
    " invalid_at INTEGER,"
    " tbs BLOB,"
    " der BLOB,"
    " CHECK(state<>2 OR tbs IS NOT NULL),"
    " CHECK((state=3)=(der IS NOT NULL)),"
    " CHECK(state<>4 OR revoked_at IS NOT NULL)"
    ") STRICT;"
    "CREATE UNIQUE INDEX cert_serial ON cert(serial, ca_id);"
    "CREATE INDEX cert_ca ON cert(ca_id);"
    "CREATE INDEX cert_not_after ON cert(not_after)"
    " WHERE not_after IS NOT NULL;"
    "CREATE INDEX cert_unfinished ON cert(owner) WHERE state<3;"
    "CREATE INDEX cert_revoked ON cert(ca_id, revoked_at)"
    " WHERE revoked_at IS NOT NULL;"
    "CREATE INDEX cert_compromised ON cert(spki_hash) WHERE reason=1;"
    "CREATE INDEX cert_subject_ca ON cert(subject_ca)"
    " WHERE subject_ca IS NOT NULL;"

    /* key: lower case; DNS and mail names reversed, so that a domain and all
     * below it are one range. */
    "CREATE TABLE cert_name("
    " cert_id INTEGER NOT NULL REFERENCES cert(id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL,"
    " key TEXT NOT NULL,"
    " PRIMARY KEY(cert_id, kind, key)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX cert_name_key ON cert_name(key);"

    "CREATE TABLE intent("
    " id INTEGER PRIMARY KEY,"
    " key_uri TEXT NOT NULL UNIQUE,"
    " owner INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " spki_hash BLOB CHECK(length(spki_hash)=32)"
    ") STRICT;"

    "CREATE TABLE audit("
    " seq INTEGER PRIMARY KEY,"
    " time INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " act TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " digest BLOB NOT NULL CHECK(length(digest)=32),"
    " prev BLOB NOT NULL CHECK(length(prev)=32),"
    " hash BLOB NOT NULL CHECK(length(hash)=32)"
    ") STRICT;"
    "PRAGMA application_id=1667327085;"
    "PRAGMA user_version=1;";

static const char schema_2[] =
    /* Numbers are never used again: an older secret has a lower one. */
    "CREATE TABLE secret("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key_uri TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " secret TEXT NOT NULL CHECK(length(secret)=43)"
    ") STRICT;"
    "CREATE INDEX secret_key ON secret(key_uri);"

    /* act: 1 key_uri is being made; 2 it is being made as a copy of other_uri,
     * which is to be moved there; 3 it was moved to other_uri and is to be
     * removed. */
    "ALTER TABLE intent ADD COLUMN act INTEGER NOT NULL DEFAULT 1"
    " CHECK(act BETWEEN 1 AND 3);"
    "ALTER TABLE intent ADD COLUMN other_uri TEXT"
    " CHECK((act=1)=(other_uri IS NULL));"
    "CREATE INDEX cert_key ON cert(key_uri) WHERE key_uri IS NOT NULL;"
    "CREATE INDEX ca_key_uri ON ca(key_uri);"
    "PRAGMA user_version=2;";

/* steps[n] leads from schema n to n + 1. */
static const char *const steps[KS_INVENTORY_SCHEMA] = {schema_1, schema_2};

_Static_assert(APPLICATION_ID == 1667327085, "as in the SQL text");

struct version {
    int64_t application;
    int64_t schema;
    int64_t objects; /* in the file, 0 if it is empty */
};

static ks_rc read_version(struct ks_inventory *inv, struct version *version,
                          struct ks_err *err)
{
    static const struct {
        const char *sql;
        size_t offset;
    } reads[] = {
        {"PRAGMA application_id", offsetof(struct version, application)},
        {"PRAGMA user_version", offsetof(struct version, schema)},
        {"SELECT count(*) FROM sqlite_schema",
         offsetof(struct version, objects)},
    };

    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        int64_t *out = (int64_t *)(void *)((char *)version + reads[i].offset);
        sqlite3_stmt *stmt = NULL;
        ks_rc rc = inv_query_own(inv, reads[i].sql, NULL, 0, &stmt, err);

        if (rc == KS_OK)
            rc = inv_step(inv, stmt, err);
        if (rc == KS_OK)
            *out = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt);
        if (rc != KS_OK)
            return rc;
    }
    return KS_OK;
}

static ks_rc judge(struct ks_inventory *inv, const struct version *version,
                   struct ks_err *err)
{
    if (version->objects == 0 && version->application == 0)
        return KS_OK;
    if (version->application != APPLICATION_ID) {
        ks_hint(err, "see \"database\" in caadm.conf");
        return ks_fail(err, KS_E_IO,
                       "%s: an SQLite file, but not a caadm inventory",
                       inv->path);
    }
    if (version->schema > KS_INVENTORY_SCHEMA) {
        ks_hint(err, "use the newer caadm that wrote it");
        return ks_fail(err, KS_E_CONFIG,
                       "%s: schema %lld is newer than this program's (%d)",
                       inv->path, (long long)version->schema,
                       KS_INVENTORY_SCHEMA);
    }
    return KS_OK;
}

/* In one transaction, looking again: another process may have been first. */
static ks_rc migrate(struct ks_inventory *inv, struct ks_err *err)
{
    struct version version = {0};
    ks_rc rc = ks_inventory_begin(inv, err);

    if (rc != KS_OK)
        return rc;
    rc = read_version(inv, &version, err);
    if (rc == KS_OK)
        rc = judge(inv, &version, err);
    for (int64_t at = version.schema; rc == KS_OK && at < KS_INVENTORY_SCHEMA;
         at++) {
        int code = sqlite3_exec(inv->db, steps[at], NULL, NULL, NULL);

        if (code != SQLITE_OK)
            rc = inv_fail(inv, code, "migrate", err);
    }
    return inv_leave(inv, true, rc, err);
}

/* In one transaction, or what another process makes in between looks like a
 * file that is not ours. */
static ks_rc read_version_once(struct ks_inventory *inv,
                               struct version *version, struct ks_err *err)
{
    int code = sqlite3_exec(inv->db, "BEGIN", NULL, NULL, NULL);
    ks_rc rc;

    if (code != SQLITE_OK)
        return inv_fail(inv, code, "open", err);
    rc = read_version(inv, version, err);
    /* It has only read; ROLLBACK ends it whatever happened. */
    (void)sqlite3_exec(inv->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

ks_rc inv_schema(struct ks_inventory *inv, struct ks_err *err)
{
    struct version version = {0};
    ks_rc rc = read_version_once(inv, &version, err);

    if (rc == KS_OK)
        rc = judge(inv, &version, err);
    if (rc != KS_OK || version.schema == KS_INVENTORY_SCHEMA)
        return rc;
    if (!inv->read_only)
        return migrate(inv, err);
    ks_hint(err, "any command that writes brings it up to date");
    return ks_fail(err, KS_E_CONFIG, "%s: schema %lld is older than needed",
                   inv->path, (long long)version.schema);
}
