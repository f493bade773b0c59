/*
 * Every bit of every column of a key's row changed in turn, by another hand
 * in the database that heeds no constraint.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "flip.h"

#define FILE_NAME "keys.db"

static void must(bool held, sqlite3 *db, const char *what)
{
    if (held)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    abort();
}

static sqlite3 *hand(void)
{
    sqlite3 *db = NULL;

    must(sqlite3_open(test_path(FILE_NAME), &db) == SQLITE_OK, db, "open");
    must(sqlite3_exec(db,
                      "PRAGMA ignore_check_constraints=ON;"
                      "PRAGMA synchronous=OFF; PRAGMA busy_timeout=5000;",
                      NULL, NULL, NULL) == SQLITE_OK,
         db, "set up");
    return db;
}

/* A column of the key's row, and the statement that changes it. */
struct column {
    sqlite3 *db;
    sqlite3_stmt *update;
    sqlite3_value *was;
};

static void put(struct column *column)
{
    must(sqlite3_step(column->update) == SQLITE_DONE, column->db, "update");
    (void)sqlite3_reset(column->update);
}

/* Each bit of its bytes; SQLite would refuse no bytes as a text. */
static void flip_bytes(struct flip *flip, struct column *column)
{
    int len = sqlite3_value_bytes(column->was);
    bool text = sqlite3_value_type(column->was) == SQLITE_TEXT;
    unsigned char *bytes = malloc((size_t)len + 1);

    must(bytes != NULL && len > 0, column->db, "value");
    memcpy(bytes, sqlite3_value_blob(column->was), (size_t)len);
    for (int i = 0; i < len * 8; i++) {
        bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        if (text)
            (void)sqlite3_bind_text(column->update, 1, (const char *)bytes, len,
                                    SQLITE_STATIC);
        else
            (void)sqlite3_bind_blob(column->update, 1, bytes, len,
                                    SQLITE_STATIC);
        put(column);
        flip_look(flip);
        bytes[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    free(bytes);
}

static void flip_number(struct flip *flip, struct column *column)
{
    sqlite3_int64 was = sqlite3_value_int64(column->was);

    for (unsigned bit = 0; bit < 64; bit++) {
        (void)sqlite3_bind_int64(
            column->update, 1,
            (sqlite3_int64)((sqlite3_uint64)was ^ (sqlite3_uint64)1 << bit));
        put(column);
        flip_look(flip);
    }
}

/* What had nothing has something, of the type that the table allows. */
static void fill_null(struct flip *flip, struct column *column,
                      const char *type)
{
    if (strcmp(type, "INTEGER") == 0)
        (void)sqlite3_bind_int64(column->update, 1, 1);
    else if (strcmp(type, "TEXT") == 0)
        (void)sqlite3_bind_text(column->update, 1, "x", 1, SQLITE_STATIC);
    else
        (void)sqlite3_bind_blob(column->update, 1, "x", 1, SQLITE_STATIC);
    put(column);
    flip_look(flip);
}

static void flip_column(struct flip *flip, sqlite3 *db, const char *name,
                        const char *type)
{
    struct column column = {.db = db};
    sqlite3_stmt *select = NULL;
    char *sql = sqlite3_mprintf(
        "SELECT \"%w\" FROM key WHERE label='" FLIP_NAME "'", name);

    must(sqlite3_prepare_v2(db, sql, -1, &select, NULL) == SQLITE_OK &&
             sqlite3_step(select) == SQLITE_ROW,
         db, sql);
    column.was = sqlite3_value_dup(sqlite3_column_value(select, 0));
    (void)sqlite3_finalize(select);
    sqlite3_free(sql);
    /* By the id: the label may be what is changed. */
    sql = sqlite3_mprintf("UPDATE key SET \"%w\"=?1 WHERE id=(SELECT min(id)"
                          " FROM key)",
                          name);
    must(sqlite3_prepare_v2(db, sql, -1, &column.update, NULL) == SQLITE_OK, db,
         sql);
    sqlite3_free(sql);
    switch (sqlite3_value_type(column.was)) {
    case SQLITE_INTEGER:
        flip_number(flip, &column);
        break;
    case SQLITE_NULL:
        fill_null(flip, &column, type);
        break;
    default:
        flip_bytes(flip, &column);
        break;
    }
    (void)sqlite3_bind_value(column.update, 1, column.was);
    put(&column);
    (void)sqlite3_finalize(column.update);
    sqlite3_value_free(column.was);
}

static void flip_all(struct flip *flip, const char *what)
{
    sqlite3 *db = hand();
    sqlite3_stmt *columns = NULL;
    unsigned n = 0;

    must(sqlite3_prepare_v2(db,
                            "SELECT name, type FROM pragma_table_info('key')"
                            " WHERE name<>'id'",
                            -1, &columns, NULL) == SQLITE_OK,
         db, "columns");
    while (sqlite3_step(columns) == SQLITE_ROW) {
        flip_column(flip, db, (const char *)sqlite3_column_text(columns, 0),
                    (const char *)sqlite3_column_text(columns, 1));
        n++;
    }
    CHECK(n > 8);
    (void)sqlite3_finalize(columns);
    (void)sqlite3_close(db);
    flip_check(flip, what);
}

static void no_bit_of_a_row_under_a_passphrase_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_sqlite_backend, FILE_NAME, FLIP_PASSPHRASE, "P-256");
    flip_all(&flip, "passphrase");
    flip_clear(&flip);
}

static void no_bit_of_a_row_without_a_seal_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_sqlite_backend, FILE_NAME, FLIP_PLAIN, "ED25519");
    flip_all(&flip, "plain");
    flip_clear(&flip);
}

static void no_bit_of_a_row_sealed_to_a_key_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_sqlite_backend, FILE_NAME, FLIP_TO_EC, "ED25519");
    flip_all(&flip, "sealed to EC");
    flip_clear(&flip);
}

static const struct test_case cases[] = {
    TEST_CASE(no_bit_of_a_row_under_a_passphrase_gives_another_key),
    TEST_CASE(no_bit_of_a_row_without_a_seal_gives_another_key),
    TEST_CASE(no_bit_of_a_row_sealed_to_a_key_gives_another_key),
};
TEST_MAIN("damage.flip_row", cases)
