/*
 * The chain of audit rows.
 */
#include "rows.h"

#include <sqlite3.h>

static void add(struct ks_inventory *inv, int n)
{
    struct ks_err err = {0};

    for (int i = 0; i < n; i++)
        CHECK_OK(ks_audit_add(inv, 1000 + i, "uid 0", "cert.issue", "serial",
                              rows_hash, &err),
                 &err);
}

static ks_rc verify_after(const char *sql, struct ks_err *err)
{
    struct ks_inventory *inv = rows_open();
    sqlite3 *db = NULL;
    int64_t rows = 0;
    ks_rc rc;

    memset(err, 0, sizeof(*err));
    add(inv, 5);
    CHECK_INT(sqlite3_open(test_path("caadm.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    rc = ks_audit_verify(inv, &rows, err);
    CHECK_INT(sqlite3_exec(db, "DELETE FROM audit", NULL, NULL, NULL),
              SQLITE_OK);
    (void)sqlite3_close(db);
    ks_inventory_close(inv);
    return rc;
}

static void an_untouched_log_verifies(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    int64_t rows = -1;
    time_t when = 0;

    CHECK_OK(ks_audit_verify(inv, &rows, &err), &err);
    CHECK_INT(rows, 0);
    add(inv, 3);
    CHECK_OK(ks_audit_verify(inv, &rows, &err), &err);
    CHECK_INT(rows, 3);
    CHECK_OK(ks_audit_last_time(inv, &when, &err), &err);
    CHECK_INT(when, 1002);
    ks_inventory_close(inv);
}

static void an_edit_a_deletion_and_a_swap_are_found(void)
{
    struct ks_err err;

    CHECK_OK(verify_after("SELECT 1", &err), &err);
    CHECK_RC(verify_after("UPDATE audit SET object='x' WHERE seq=3", &err),
             KS_E_VERIFY);
    CHECK_CONTAINS(err.text, "row 3");
    CHECK_RC(verify_after("UPDATE audit SET time=9 WHERE seq=2", &err),
             KS_E_VERIFY);
    CHECK_RC(
        verify_after("UPDATE audit SET digest=zeroblob(32) WHERE seq=4", &err),
        KS_E_VERIFY);
    CHECK_RC(verify_after("DELETE FROM audit WHERE seq=2", &err), KS_E_VERIFY);
    CHECK_CONTAINS(err.text, "row 2");
    CHECK_RC(verify_after("DELETE FROM audit WHERE seq=1", &err), KS_E_VERIFY);
    CHECK_RC(
        verify_after("UPDATE audit SET prev=zeroblob(32) WHERE seq=3", &err),
        KS_E_VERIFY);
    CHECK_CONTAINS(err.text, "row 3");
    CHECK_RC(verify_after("UPDATE audit SET actor=actor||char(0)||'x'"
                          " WHERE seq=5",
                          &err),
             KS_E_VERIFY);
    CHECK_RC(verify_after("UPDATE audit SET seq=99 WHERE seq=2;"
                          "UPDATE audit SET seq=2 WHERE seq=3;"
                          "UPDATE audit SET seq=3 WHERE seq=99",
                          &err),
             KS_E_VERIFY);
}

static const struct test_case cases[] = {
    TEST_CASE(an_untouched_log_verifies),
    TEST_CASE(an_edit_a_deletion_and_a_swap_are_found),
};
TEST_MAIN("inventory.audit", cases)
