/* store/inventory/secret.c, and the way to the schema that has it. */
#include "ks_inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "rows.h"
#include "test.h"
#include "tmpdir.h"

#define URI "keystore://default/ocsp"
#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static int64_t add(struct ks_inventory *inv, const char *uri, const char *text)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_RC(ks_secret_set(&secret, text, strlen(text)), KS_OK);
    CHECK_OK(ks_random_add(inv, uri, &secret, &id, &err), &err);
    ks_secret_clear(&secret);
    return id;
}

static void settle(struct ks_inventory *inv, int64_t id, const char *text)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};

    CHECK_RC(ks_secret_set(&secret, text, strlen(text)), KS_OK);
    CHECK_OK(ks_random_settle(inv, URI, id, &secret, &err), &err);
    ks_secret_clear(&secret);
}

/* The one before *ID is TEXT; NULL: there is none. */
static void check_before(struct ks_inventory *inv, const char *uri, int64_t *id,
                         const char *text)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    ks_rc rc = ks_random_before(inv, uri, id, &secret, &err);

    if (text == NULL) {
        CHECK_RC(rc, KS_E_NOT_FOUND);
        CHECK(secret.data == NULL);
    } else if (CHECK_OK(rc, &err)) {
        CHECK_STR((const char *)secret.data, text);
        CHECK_INT(secret.len, KS_RANDOM_LEN);
        CHECK(secret.random);
    }
    ks_secret_clear(&secret);
}

static int64_t count(struct ks_inventory *inv, const char *uri)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    int64_t id = 0, n = 0, told = -1;

    while (ks_random_before(inv, uri, &id, &secret, NULL) == KS_OK)
        n++;
    ks_secret_clear(&secret);
    CHECK_OK(ks_random_count(inv, uri, &told, &err), &err);
    CHECK_INT(told, n);
    return n;
}

static void secrets_are_given_newest_first(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t first = add(inv, URI, A), second = add(inv, URI, B), at = 0;

    CHECK(second > first);
    check_before(inv, URI, &at, B);
    CHECK_INT(at, second);
    check_before(inv, URI, &at, A);
    CHECK_INT(at, first);
    check_before(inv, URI, &at, NULL);
    CHECK_INT(at, first);
    ks_inventory_close(inv);
}

static void a_key_has_its_own_secrets_only(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t at = 0;

    (void)add(inv, URI, A);
    check_before(inv, "keystore://default/ocs", &at, NULL);
    check_before(inv, "keystore://default/OCSP", &at, NULL);
    check_before(inv, "keystore://default/%", &at, NULL);
    check_before(inv, "", &at, NULL);
    CHECK_RC(ks_random_remove(inv, "keystore://other/ocsp", 0, INT64_MAX, NULL),
             KS_OK);
    CHECK_INT(count(inv, URI), 1);
    ks_inventory_close(inv);
}

static void settling_removes_what_is_older_and_nothing_else(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t old = add(inv, URI, A), mine = add(inv, URI, B);
    int64_t other = add(inv, "keystore://default/other", A);
    int64_t newer = add(inv, URI, A), at = 0;

    settle(inv, mine, B);
    check_before(inv, URI, &at, A);
    CHECK_INT(at, newer);
    check_before(inv, URI, &at, B);
    CHECK_INT(at, mine);
    check_before(inv, URI, &at, NULL);
    CHECK(old < mine);
    CHECK_INT(count(inv, "keystore://default/other"), 1);
    (void)other;
    settle(inv, mine, B);
    CHECK_INT(count(inv, URI), 2);
    ks_inventory_close(inv);
}

static void settling_brings_back_what_another_removed(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t mine = add(inv, URI, A), at = 0;

    CHECK_RC(ks_random_remove(inv, URI, 0, INT64_MAX, NULL), KS_OK);
    CHECK_INT(count(inv, URI), 0);
    settle(inv, mine, A);
    check_before(inv, URI, &at, A);
    CHECK_INT(at, mine);
    ks_inventory_close(inv);
}

static void numbers_are_never_used_again(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t first = add(inv, URI, A);

    CHECK_RC(ks_random_remove(inv, URI, first, first, NULL), KS_OK);
    CHECK_RC(ks_random_remove(inv, URI, first, first, NULL), KS_OK);
    CHECK(add(inv, URI, A) > first);
    ks_inventory_close(inv);
}

static void what_is_no_secret_of_ours_is_not_kept(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    int64_t id = 7;

    CHECK_RC(ks_secret_set(&secret, "short", 5), KS_OK);
    CHECK(ks_random_add(inv, URI, &secret, &id, &err) != KS_OK);
    CHECK_INT(id, 7);
    CHECK(strstr(err.text, "short") == NULL);
    CHECK_INT(count(inv, URI), 0);
    ks_secret_clear(&secret);
    ks_inventory_close(inv);
}

/* Nothing of a removed secret is in the file, or beside it. */
static void what_was_removed_is_overwritten(void)
{
    struct ks_inventory *inv = rows_open();
    static const char *const files[] = {"caadm.db", "caadm.db-wal"};
    int64_t id = add(inv, URI, B);

    ks_inventory_close(inv);
    inv = rows_open();
    CHECK_RC(ks_random_remove(inv, URI, id, id, NULL), KS_OK);
    ks_inventory_close(inv);
    for (size_t i = 0; i < 2; i++) {
        size_t len = 0;
        char *data = access(test_path(files[i]), F_OK) == 0
                         ? test_read(files[i], &len)
                         : NULL;

        CHECK(data == NULL || memmem(data, len, B, strlen(B)) == NULL);
        free(data);
    }
}

static ks_rc note(void *arg, const char *key_uri, int64_t n, struct ks_err *err)
{
    char *text = arg;

    (void)err;
    (void)sprintf(text + strlen(text), "%s %d\n", key_uri, (int)n);
    return n == 3 ? KS_E_INTERRUPTED : KS_OK;
}

static void keys_with_secrets_are_listed_once(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    char text[512] = "";

    CHECK_OK(ks_random_each(inv, note, text, &err), &err);
    CHECK_STR(text, "");
    (void)add(inv, URI, A);
    (void)add(inv, URI, B);
    (void)add(inv, "keystore://a/b", A);
    CHECK_OK(ks_random_each(inv, note, text, &err), &err);
    CHECK_STR(text, "keystore://a/b 1\n" URI " 2\n");
    (void)add(inv, URI, A);
    CHECK_RC(ks_random_each(inv, note, text, &err), KS_E_INTERRUPTED);
    ks_inventory_close(inv);
}

/* A reader that finds a database in the hands of a writer, and the like. */
static void a_reader_reads_and_does_not_write(void)
{
    struct ks_inventory *inv = rows_open(), *reader = NULL;
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    int64_t id = add(inv, URI, A), at = 0;

    CHECK_OK(ks_inventory_begin(inv, &err), &err);
    CHECK_OK(ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_READ,
                               &reader, &err),
             &err);
    check_before(reader, URI, &at, A);
    CHECK_RC(ks_random_remove(reader, URI, id, id, &err), KS_E_DENIED);
    CHECK_RC(ks_secret_set(&secret, A, KS_RANDOM_LEN), KS_OK);
    CHECK_RC(ks_random_add(reader, URI, &secret, &at, &err), KS_E_DENIED);
    ks_secret_clear(&secret);
    ks_inventory_close(reader);
    ks_inventory_close(inv);
}

/* Four processes add, settle and remove for one key; the last settled secret
 * is there at the end. */
static void many_processes_seal_one_key_anew(void)
{
    enum {
        PROCESSES = 4,
        ROUNDS = 20
    };
    struct ks_inventory *inv = rows_open();
    int64_t mine, at = 0;
    int status;

    ks_inventory_close(inv);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() != 0)
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            inv = rows_open();
            settle(inv, add(inv, URI, A), A);
            ks_inventory_close(inv);
        }
        _exit(CU_get_number_of_failures() > 0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        CHECK(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
    inv = rows_open();
    CHECK(count(inv, URI) >= 1);
    mine = add(inv, URI, B);
    CHECK(mine > PROCESSES * ROUNDS);
    settle(inv, mine, B);
    check_before(inv, URI, &at, B);
    CHECK_INT(count(inv, URI), 1);
    ks_inventory_close(inv);
}

/* --- older and newer ------------------------------------------------------ */

/* Of schema 1, with a CA, two certificates and a plan of a dead process. */
static void write_schema_1(void)
{
    sqlite3 *db = NULL;
    char *why = NULL, *text = NULL;
    FILE *file = fopen(SCHEMA_1, "r");
    size_t size = 0;

    REQUIRE(file != NULL && getdelim(&text, &size, '\0', file) > 0);
    (void)fclose(file);
    CHECK_INT(sqlite3_open(test_path("caadm.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, text, NULL, NULL, &why), SQLITE_OK);
    CHECK_STR(why, NULL);
    sqlite3_free(why);
    (void)sqlite3_close(db);
    free(text);
}

static ks_rc count_intent(void *arg, const struct ks_intent *intent,
                          struct ks_err *err)
{
    (void)intent;
    (void)err;
    (*(int *)arg)++;
    return KS_OK;
}

static void schema_1_is_brought_up_to_date_with_its_rows(void)
{
    struct ks_inventory *inv;
    struct ks_err err = {0};
    struct ks_ca_row ca = {0};
    int64_t acts = 0;
    int intents = 0;

    write_schema_1();
    inv = rows_open();
    REQUIRE(inv != NULL);
    CHECK_OK(ks_intent_each_dead(inv, count_intent, &intents, &err), &err);
    CHECK_INT(intents, 1);
    CHECK_OK(ks_ca_find(inv, "root", &ca, &err), &err);
    CHECK_STR(ca.key_uri, "keystore://default/root");
    ks_ca_row_clear(&ca);
    CHECK_OK(ks_audit_verify(inv, &acts, &err), &err);
    CHECK_INT(acts, 6);
    (void)add(inv, URI, A);
    CHECK_INT(count(inv, URI), 1);
    CHECK_OK(ks_inventory_check(inv, &err), &err);
    ks_inventory_close(inv);
    inv = rows_open(); /* not migrated twice */
    CHECK_INT(count(inv, URI), 1);
    ks_inventory_close(inv);
}

static void schema_1_is_not_read_as_it_is(void)
{
    struct ks_inventory *inv = NULL;
    struct ks_err err = {0};

    write_schema_1();
    CHECK_RC(
        ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_READ, &inv, &err),
        KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "schema 1 is older");
    CHECK_CONTAINS(err.hint, "writes brings it up to date");
}

static void many_processes_bring_it_up_to_date_once(void)
{
    int status;

    write_schema_1();
    for (int i = 0; i < 4; i++) {
        struct ks_inventory *inv;

        if (fork() != 0)
            continue;
        inv = rows_open();
        (void)add(inv, URI, A);
        ks_inventory_close(inv);
        _exit(CU_get_number_of_failures() > 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
    {
        struct ks_inventory *inv = rows_open();

        CHECK_INT(count(inv, URI), 4);
        ks_inventory_close(inv);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(secrets_are_given_newest_first),
    TEST_CASE(a_key_has_its_own_secrets_only),
    TEST_CASE(settling_removes_what_is_older_and_nothing_else),
    TEST_CASE(settling_brings_back_what_another_removed),
    TEST_CASE(numbers_are_never_used_again),
    TEST_CASE(what_is_no_secret_of_ours_is_not_kept),
    TEST_CASE(what_was_removed_is_overwritten),
    TEST_CASE(keys_with_secrets_are_listed_once),
    TEST_CASE(a_reader_reads_and_does_not_write),
    TEST_CASE(many_processes_seal_one_key_anew),
    TEST_CASE(schema_1_is_brought_up_to_date_with_its_rows),
    TEST_CASE(schema_1_is_not_read_as_it_is),
    TEST_CASE(many_processes_bring_it_up_to_date_once),
};
TEST_MAIN("inventory.secret", cases)
