/* The SQLite backend under test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "contract.h"
#include "tmpdir.h"

static const struct ks_setting settings[] = {
    {"type", "sqlite"}, {"path", "keys/keys.db"}, {"kdf", "scrypt:2:1:1"}};

/* The backend makes the file, not its folder. */
static void prepare(void)
{
    (void)mkdir(test_path("keys"), 0700); /* or it is there */
}

/* A bit in the middle of the sealed key. */
static void damage(void *store, const char *name)
{
    static const char get[] = "SELECT private FROM key WHERE label=?1",
                      put[] = "UPDATE key SET private=?2 WHERE label=?1";
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    unsigned char *half = NULL;
    int len = 0;

    (void)store;
    if (sqlite3_open(test_path("keys/keys.db"), &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, get, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        abort();
    len = sqlite3_column_bytes(stmt, 0);
    half = malloc((size_t)len);
    if (half == NULL)
        abort();
    memcpy(half, sqlite3_column_blob(stmt, 0), (size_t)len);
    half[len / 2] ^= 1;
    (void)sqlite3_finalize(stmt);
    if (sqlite3_prepare_v2(db, put, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_blob(stmt, 2, half, len, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_DONE)
        abort();
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    free(half);
}

/* Besides SQLite's own files. */
static unsigned leftovers(void)
{
    DIR *dir = opendir(test_path("keys"));
    const struct dirent *entry;
    unsigned n = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        n += entry->d_name[0] != '.' &&
             strncmp(entry->d_name, "keys.db", 7) != 0;
    if (dir == NULL || closedir(dir) != 0)
        abort();
    return n;
}

const struct contract_subject subject = {
    .backend = &ks_sqlite_backend,
    .prepare = prepare,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .damage = damage,
    .leftovers = leftovers,
    .disk = "size=512k,mode=0700",
};
