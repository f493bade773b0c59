/*
 * Finding certificates; and that every question has an index.
 */
#include "rows.h"

#include <stdio.h>

#include <sqlite3.h>

static void a_unique_prefix_finds_a_certificate(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111);
    struct ks_cert_row row = {0};
    struct ks_err err = {0};

    (void)rows_issue(inv, ca, 0x3fa9c12222222222, "a.example.com");
    (void)rows_issue(inv, ca, 0x3fa9c13333333333, "b.example.com");
    (void)rows_issue(inv, ca, 0x0abcdef444444444, "c.example.com");
    (void)rows_issue(inv, ca, 0xffffffffffffff01, "d.example.com");
    CHECK_OK(ks_cert_find(inv, 0, "3FA9C12", &row, &err), &err);
    CHECK_STR(row.subject, "a.example.com");
    ks_cert_row_clear(&row);
    CHECK_OK(ks_cert_find(inv, ca, "3f:a9:c1:33", &row, &err), &err);
    CHECK_STR(row.subject, "b.example.com");
    ks_cert_row_clear(&row);
    CHECK_OK(ks_cert_find(inv, 0, "ffffffff", &row, &err), &err);
    CHECK_STR(row.subject, "d.example.com");
    ks_cert_row_clear(&row);
    /* leading zeros left out, whole and in part */
    CHECK_OK(ks_cert_find(inv, 0, "abcdef444444444", &row, &err), &err);
    CHECK_STR(row.subject, "c.example.com");
    ks_cert_row_clear(&row);
    CHECK_OK(ks_cert_find(inv, 0, "0abcdef4", &row, &err), &err);
    ks_cert_row_clear(&row);
    CHECK_OK(ks_cert_find(inv, 0, "abcdef4", &row, &err), &err);
    ks_cert_row_clear(&row);
    CHECK_RC(ks_cert_find(inv, 77, "3fa9c12", &row, &err), KS_E_NOT_FOUND);
    ks_inventory_close(inv);
}

static void a_prefix_of_several_lists_them(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111);
    struct ks_cert_row row = {0};
    struct ks_err err = {0};

    for (uint64_t i = 0; i < 6; i++)
        (void)rows_issue(inv, ca, 0x3fa9c12222222220 + i, "a.example.com");
    CHECK_RC(ks_cert_find(inv, 0, "3fa9c1", &row, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "3fa9c12222222221, 3fa9c12222222222");
    CHECK_CONTAINS(err.text, "...");
    ks_inventory_close(inv);
}

static void a_whole_serial_wins_over_those_it_begins(void)
{
    static const uint8_t octets[] = {0x3f, 0xa9, 0xc1, 0x22};
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    struct ks_cert_reserve reserve = {.ca = ca,
                                      .serial = octets,
                                      .serial_len = sizeof(octets),
                                      .profile = "server",
                                      .profile_hash = rows_hash};
    struct ks_cert_row row = {0};
    struct ks_err err = {0};

    (void)rows_issue(inv, ca, 0x3fa9c12222222220, "a.example.com");
    CHECK_OK(ks_cert_reserve(inv, &reserve, &id, &err), &err);
    CHECK_OK(ks_cert_find(inv, 0, "3fa9c122", &row, &err), &err);
    CHECK_INT(row.id, id);
    ks_cert_row_clear(&row);
    CHECK_RC(ks_cert_find(inv, 0, "3fa9c1", &row, &err), KS_E_INVALID);
    ks_inventory_close(inv);
}

static void what_is_no_serial_is_refused(void)
{
    static const char *const bad[] = {
        "",        ":",        "xyzxyz",  "3fa9",
        "3fa9c1 ", "0x3fa9c1", "-3fa9c1", "3fa9c1' OR 1=1 --"};
    struct ks_inventory *inv = rows_open();
    struct ks_cert_row row = {0};
    char longer[100];
    struct ks_err err = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&err, 0, sizeof(err));
        CHECK_RC(ks_cert_find(inv, 0, bad[i], &row, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    CHECK_RC(ks_cert_find(inv, 0, longer, &row, &err), KS_E_INVALID);
    memset(&err, 0, sizeof(err));
    CHECK_RC(ks_cert_find(inv, 0, "abcdef", &row, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "abcdef");
    ks_inventory_close(inv);
}

struct found {
    int n;
    char subjects[256];
};

static ks_rc collect(void *arg, const struct ks_cert_row *row,
                     struct ks_err *err)
{
    struct found *found = arg;

    (void)err;
    found->n++;
    (void)strcat(found->subjects, row->subject != NULL ? row->subject : "-");
    (void)strcat(found->subjects, " ");
    return KS_OK;
}

static struct found query(struct ks_inventory *inv, struct ks_cert_query q)
{
    struct found found = {0};
    struct ks_err err = {0};

    CHECK_OK(ks_cert_each(inv, &q, collect, &found, &err), &err);
    return found;
}

static void certificates_are_found_by_name_issuer_and_time(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    struct found found;

    (void)rows_issue(inv, ca, 0x2000000000000001, "a.example.com");
    (void)rows_issue(inv, ca, 0x2000000000000002, "b.example.com");
    (void)rows_issue(inv, ca, 0x2000000000000003, "badexample.com");
    (void)rows_issue(inv, ca, 0x2000000000000004, "Example.com");
    CHECK_RC(rows_reserve(inv, ca, 0x2000000000000005, 0, &id), KS_OK);
    found = query(inv, (struct ks_cert_query){.name = "A.EXAMPLE.COM"});
    CHECK_STR(found.subjects, "a.example.com ");
    found = query(inv, (struct ks_cert_query){.name = "*.example.com"});
    CHECK_STR(found.subjects, "Example.com b.example.com a.example.com ");
    found =
        query(inv, (struct ks_cert_query){.name = ".example.com", .limit = 2});
    CHECK_INT(found.n, 2);
    found = query(inv, (struct ks_cert_query){.name = "%"});
    CHECK_INT(found.n, 0);
    found = query(inv, (struct ks_cert_query){.ca = ca});
    CHECK_INT(found.n, 5); /* with the CA's own */
    found =
        query(inv, (struct ks_cert_query){.ca = ca, .with_unfinished = true});
    CHECK_INT(found.n, 6);
    found = query(inv, (struct ks_cert_query){.ca = ca + 1});
    CHECK_INT(found.n, 0);
    CHECK_INT(query(inv, (struct ks_cert_query){.valid_at = 1500}).n, 5);
    CHECK_INT(query(inv, (struct ks_cert_query){.valid_at = 2001}).n, 0);
    CHECK_INT(query(inv, (struct ks_cert_query){.expires_before = 2001}).n, 5);
    CHECK_INT(query(inv, (struct ks_cert_query){.expires_before = 2000}).n, 0);
    CHECK_INT(query(inv, (struct ks_cert_query){.revoked = true}).n, 0);
    ks_inventory_close(inv);
}

/* SCAN of cert or cert_name in a plan is what a million rows would feel. */
static int plan(void *arg, int n, char **values, char **names)
{
    (void)names;
    CHECK_INT(n, 4);
    if (strstr(values[3], "SCAN") != NULL &&
        strstr(values[3], "CONSTANT") == NULL)
        (void)strcat(arg, values[3]);
    return 0;
}

static void no_question_scans_the_table(void)
{
    static const char *const sqls[] = {
        "SELECT 1 FROM cert WHERE serial=x'01' LIMIT 1",
        "SELECT id FROM cert WHERE serial>=x'01' AND serial<x'02'",
        ("SELECT id,owner FROM cert INDEXED BY cert_unfinished"
         " WHERE state<3 ORDER BY +id"),
        "SELECT 1 FROM cert WHERE spki_hash=x'01' AND reason=1",
        "SELECT id FROM cert WHERE ca_id=1 AND state=3 ORDER BY id DESC",
        "SELECT cert_id FROM cert_name WHERE key='a'",
        "SELECT cert_id FROM cert_name WHERE key>='a' AND key<'b'",
        "SELECT id FROM cert WHERE not_after<5",
        "SELECT id FROM cert WHERE ca_id=1 AND revoked_at IS NOT NULL",
        "DELETE FROM cert WHERE ca_id=1 AND subject_ca=1",
        "SELECT seq FROM audit ORDER BY seq DESC LIMIT 1",
    };
    struct ks_inventory *inv = rows_open();
    sqlite3 *db = NULL;
    char sql[300], scans[500] = "";

    CHECK_INT(sqlite3_open(test_path("caadm.db"), &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
        scans[0] = '\0';
        (void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", sqls[i]);
        CHECK_INT(sqlite3_exec(db, sql, plan, scans, NULL), SQLITE_OK);
        if (strstr(sqls[i], "state<3") == NULL && /* scans a partial index */
            strstr(sqls[i], "audit") == NULL)     /* its last row only */
            CHECK_STR(scans, "");
        else
            CHECK(strstr(scans, "cert") == NULL ||
                  strstr(scans, "cert_unfinished") != NULL);
    }
    (void)sqlite3_close(db);
    ks_inventory_close(inv);
}

static const struct test_case cases[] = {
    TEST_CASE(a_unique_prefix_finds_a_certificate),
    TEST_CASE(a_prefix_of_several_lists_them),
    TEST_CASE(a_whole_serial_wins_over_those_it_begins),
    TEST_CASE(what_is_no_serial_is_refused),
    TEST_CASE(certificates_are_found_by_name_issuer_and_time),
    TEST_CASE(no_question_scans_the_table),
};
TEST_MAIN("inventory.cert_find", cases)
