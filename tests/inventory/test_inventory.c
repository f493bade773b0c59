/*
 * Opening the inventory: what is no inventory, what is newer, what is busy.
 */
#include "ks_inventory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "test.h"
#include "tmpdir.h"

static struct ks_inventory *create(void)
{
    struct ks_inventory *inv = NULL;
    struct ks_err err = {0};

    CHECK_OK(ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_CREATE, &inv,
                               &err),
             &err);
    return inv;
}

static ks_rc open_rc(enum ks_inventory_mode mode, struct ks_err *err)
{
    struct ks_inventory *inv = NULL;
    ks_rc rc;

    memset(err, 0, sizeof(*err));
    rc = ks_inventory_open(test_path("caadm.db"), mode, &inv, err);
    ks_inventory_close(inv);
    return rc;
}

static void sql(const char *text)
{
    sqlite3 *db = NULL;

    CHECK_INT(sqlite3_open(test_path("caadm.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void a_new_inventory_is_private_and_opens_again(void)
{
    struct ks_err err;
    struct stat st;

    ks_inventory_close(create());
    CHECK_INT(stat(test_path("caadm.db"), &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK_OK(open_rc(KS_INVENTORY_WRITE, &err), &err);
    CHECK_OK(open_rc(KS_INVENTORY_READ, &err), &err);
    CHECK_OK(open_rc(KS_INVENTORY_CREATE, &err), &err);
}

static void what_is_not_there_is_not_found_with_a_hint(void)
{
    struct ks_err err;

    CHECK_RC(open_rc(KS_INVENTORY_WRITE, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "caadm.db");
    CHECK_CONTAINS(err.hint, "caadm init");
    CHECK_RC(open_rc(KS_INVENTORY_READ, &err), KS_E_NOT_FOUND);
}

static void a_newer_schema_is_refused(void)
{
    struct ks_err err;

    ks_inventory_close(create());
    sql("PRAGMA user_version=99");
    CHECK_RC(open_rc(KS_INVENTORY_WRITE, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "newer");
    CHECK_RC(open_rc(KS_INVENTORY_READ, &err), KS_E_CONFIG);
}

static void another_sqlite_file_is_refused(void)
{
    struct ks_err err;

    sql("CREATE TABLE t(x)");
    CHECK_RC(open_rc(KS_INVENTORY_CREATE, &err), KS_E_IO);
    CHECK_CONTAINS(err.text, "not a caadm inventory");
}

static void what_is_no_database_is_refused(void)
{
    static const char text[] =
        "this is text, long enough to be taken for a header, or is it not? "
        "0123456789012345678901234567890123456789";
    struct ks_err err;

    test_write("caadm.db", text, sizeof(text), 0600);
    CHECK_RC(open_rc(KS_INVENTORY_WRITE, &err), KS_E_IO);
    CHECK_CONTAINS(err.text, "not a database");
    CHECK_CONTAINS(err.hint, "no inventory");
}

static void a_damaged_file_is_an_error_not_a_crash(void)
{
    struct ks_err err;
    size_t len = 0;
    char *data;

    ks_inventory_close(create());
    data = test_read("caadm.db", &len);
    REQUIRE(data != NULL && len > 8192);
    memset(data + 100, 0xa5, 3000);
    test_write("caadm.db", data, len, 0600);
    free(data);
    CHECK_RC(open_rc(KS_INVENTORY_WRITE, &err), KS_E_IO);
    CHECK_CONTAINS(err.text, "caadm.db");
}

static void a_truncated_file_is_found_by_the_check(void)
{
    struct ks_inventory *inv = NULL;
    struct ks_err err = {0};
    size_t len = 0;
    char *data;
    ks_rc rc;

    ks_inventory_close(create());
    data = test_read("caadm.db", &len);
    REQUIRE(data != NULL);
    test_write("caadm.db", data, len - 4096, 0600);
    free(data);
    rc =
        ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_READ, &inv, &err);
    if (rc == KS_OK)
        rc = ks_inventory_check(inv, &err);
    CHECK_RC(rc, KS_E_IO);
    ks_inventory_close(inv);
}

static void a_good_file_passes_the_check(void)
{
    struct ks_inventory *inv = create();
    struct ks_err err = {0};

    CHECK_OK(ks_inventory_check(inv, &err), &err);
    ks_inventory_close(inv);
}

static void a_directory_or_link_is_refused(void)
{
    struct ks_err err;

    CHECK_INT(mkdir(test_path("caadm.db"), 0700), 0);
    CHECK(open_rc(KS_INVENTORY_WRITE, &err) != KS_OK);
    CHECK_CONTAINS(err.text, "caadm.db");
    CHECK(open_rc(KS_INVENTORY_CREATE, &err) != KS_OK);
    CHECK_INT(rmdir(test_path("caadm.db")), 0);
    CHECK_INT(symlink("elsewhere", test_path("caadm.db")), 0);
    CHECK(open_rc(KS_INVENTORY_CREATE, &err) != KS_OK);
    CHECK(access(test_path("elsewhere"), F_OK) != 0);
}

static void a_locked_inventory_is_busy_after_the_timeout(void)
{
    struct ks_inventory *a = create(), *b = create();
    struct ks_err err = {0};

    CHECK_OK(ks_inventory_begin(a, &err), &err);
    ks_inventory_set_timeout(b, 50);
    CHECK_RC(ks_inventory_begin(b, &err), KS_E_BUSY);
    CHECK_CONTAINS(err.text, "caadm.db");
    CHECK_CONTAINS(err.hint, "another process");
    ks_inventory_rollback(a);
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_inventory_begin(b, &err), &err);
    CHECK_OK(ks_inventory_commit(b, &err), &err);
    ks_inventory_close(a);
    ks_inventory_close(b);
}

static void transactions_do_not_nest_and_close_rolls_back(void)
{
    struct ks_inventory *inv = create();
    struct ks_err err = {0};
    time_t when = 1;

    CHECK_OK(ks_inventory_begin(inv, &err), &err);
    CHECK_RC(ks_inventory_begin(inv, &err), KS_E_INTERNAL);
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_audit_add(inv, 5, "a", "b", "c", NULL, &err), &err);
    ks_inventory_close(inv);
    inv = create();
    CHECK_OK(ks_audit_last_time(inv, &when, &err), &err);
    CHECK_INT(when, 0);
    CHECK_RC(ks_inventory_commit(inv, &err), KS_E_INTERNAL);
    ks_inventory_rollback(inv);
    ks_inventory_close(inv);
    ks_inventory_close(NULL);
}

static void a_reader_cannot_write(void)
{
    struct ks_inventory *inv = NULL;
    struct ks_err err = {0};

    ks_inventory_close(create());
    CHECK_OK(
        ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_READ, &inv, &err),
        &err);
    CHECK_RC(ks_audit_add(inv, 0, "a", "b", "c", NULL, &err), KS_E_DENIED);
    ks_inventory_close(inv);
}

/* Every process adds rows to one chain; none is lost, none is out of place. */
static void many_processes_make_and_write_one_inventory(void)
{
    enum {
        PROCESSES = 4,
        ROWS = 25
    };
    struct ks_inventory *inv;
    struct ks_err err = {0};
    int64_t rows = 0;
    int status;

    (void)test_dir(); /* one for all of them */
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() != 0)
            continue;
        for (int row = 0; row < ROWS; row++) {
            struct ks_inventory *own = NULL;

            if (ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_CREATE,
                                  &own, &err) != KS_OK ||
                ks_audit_add(own, 0, "test", "act", "object", NULL, &err) !=
                    KS_OK) {
                (void)fprintf(stderr, "process %d, row %d: %s\n", i, row,
                              err.text);
                _exit(1);
            }
            ks_inventory_close(own);
        }
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        CHECK(wait(&status) > 0);
        CHECK_INT(status, 0);
    }
    inv = create();
    CHECK_OK(ks_audit_verify(inv, &rows, &err), &err);
    CHECK_INT(rows, PROCESSES * ROWS);
    ks_inventory_close(inv);
}

static const struct test_case cases[] = {
    TEST_CASE(a_new_inventory_is_private_and_opens_again),
    TEST_CASE(what_is_not_there_is_not_found_with_a_hint),
    TEST_CASE(a_newer_schema_is_refused),
    TEST_CASE(another_sqlite_file_is_refused),
    TEST_CASE(what_is_no_database_is_refused),
    TEST_CASE(a_damaged_file_is_an_error_not_a_crash),
    TEST_CASE(a_truncated_file_is_found_by_the_check),
    TEST_CASE(a_good_file_passes_the_check),
    TEST_CASE(a_directory_or_link_is_refused),
    TEST_CASE(a_locked_inventory_is_busy_after_the_timeout),
    TEST_CASE(transactions_do_not_nest_and_close_rolls_back),
    TEST_CASE(a_reader_cannot_write),
    TEST_CASE(many_processes_make_and_write_one_inventory),
};
TEST_MAIN("inventory.inventory", cases)
