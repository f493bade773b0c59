/*
 * The states of a certificate's row, and what a dead process leaves.
 */
#include "rows.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

static enum ks_cert_state state_of(struct ks_inventory *inv, int64_t id)
{
    struct ks_cert_row row = {0};
    struct ks_err err = {0};
    enum ks_cert_state state;

    CHECK_OK(ks_cert_get(inv, id, &row, &err), &err);
    state = row.state;
    ks_cert_row_clear(&row);
    return state;
}

static void a_row_goes_through_its_states_once(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    struct ks_cert_row row = {0};
    struct ks_err err = {0};

    CHECK_RC(rows_reserve(inv, ca, 0x2222222222222222, 0, &id), KS_OK);
    CHECK_INT(state_of(inv, id), KS_CERT_RESERVED);
    CHECK_RC(ks_cert_finish(inv, id, (const uint8_t *)"d", 1, &err),
             KS_E_POLICY);
    CHECK_RC(rows_tbs(inv, id, "www.example.com"), KS_OK);
    CHECK_INT(state_of(inv, id), KS_CERT_TBS);
    CHECK_RC(rows_tbs(inv, id, "other.example.com"), KS_E_POLICY);
    CHECK_OK(ks_cert_finish(inv, id, (const uint8_t *)"d", 1, &err), &err);
    CHECK_RC(ks_cert_finish(inv, id, (const uint8_t *)"e", 1, &err),
             KS_E_POLICY);
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_cert_abandon(inv, id, &err), &err); /* nothing to abandon */
    CHECK_OK(ks_cert_get(inv, id, &row, &err), &err);
    CHECK_INT(row.state, KS_CERT_ISSUED);
    CHECK_STR(row.serial, "2222222222222222");
    CHECK_STR(row.subject, "www.example.com");
    CHECK_STR(row.ca_name, "root");
    CHECK_BYTES(row.der.data, row.der.len, "d", 1);
    CHECK_INT(row.tbs.len, 0);
    CHECK_INT(row.revoked, 0);
    CHECK_INT(row.reason, -1);
    ks_cert_row_clear(&row);
    ks_cert_row_clear(&row);
    ks_inventory_close(inv);
}

static void an_abandoned_row_counts_as_revoked_and_stays_so(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    struct ks_cert_row row = {0};
    struct ks_err err = {0};

    CHECK_RC(rows_reserve(inv, ca, 0x2222222222222222, 0, &id), KS_OK);
    CHECK_RC(rows_tbs(inv, id, "www.example.com"), KS_OK);
    CHECK_OK(ks_cert_abandon(inv, id, &err), &err);
    CHECK_OK(ks_cert_abandon(inv, id, &err), &err);
    CHECK_RC(ks_cert_finish(inv, id, (const uint8_t *)"d", 1, &err),
             KS_E_POLICY);
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_cert_get(inv, id, &row, &err), &err);
    CHECK_INT(row.state, KS_CERT_ABANDONED);
    CHECK(row.revoked && row.revoked_at > 0);
    CHECK_INT(row.reason, 0);
    CHECK_INT(row.tbs.len, 3); /* what may have been signed */
    ks_cert_row_clear(&row);
    ks_inventory_close(inv);
}

static void a_serial_is_used_once_in_the_whole_inventory(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t a = rows_ca(inv, "a", 0, 0x1111111111111111);
    int64_t b = rows_ca(inv, "b", 0, 0x1111111111111112), id = 0;

    CHECK_RC(rows_reserve(inv, a, 0x2222222222222222, 0, &id), KS_OK);
    CHECK_RC(rows_reserve(inv, a, 0x2222222222222222, 0, &id), KS_E_EXISTS);
    CHECK_RC(rows_reserve(inv, b, 0x2222222222222222, 0, &id), KS_E_EXISTS);
    ks_inventory_close(inv);
}

static void bad_serials_and_unknown_cas_are_refused(void)
{
    static const uint8_t zero[1] = {0}, one[21] = {1};
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    struct ks_cert_reserve reserve = {.ca = ca,
                                      .profile = "p",
                                      .profile_hash = rows_hash,
                                      .serial = zero,
                                      .serial_len = 1};
    struct ks_err err = {0};

    CHECK_RC(ks_cert_reserve(inv, &reserve, &id, &err), KS_E_INTERNAL);
    reserve.serial = one;
    reserve.serial_len = 21;
    CHECK_RC(ks_cert_reserve(inv, &reserve, &id, &err), KS_E_INTERNAL);
    reserve.serial_len = 0;
    CHECK_RC(ks_cert_reserve(inv, &reserve, &id, &err), KS_E_INTERNAL);
    reserve.serial_len = 5;
    reserve.ca = 4711;
    CHECK(ks_cert_reserve(inv, &reserve, &id, &err) != KS_OK);
    ks_inventory_close(inv);
}

static void a_group_is_recorded_wholly_or_not_at_all(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    struct ks_cert_row row = {0};
    struct ks_err err = {0};

    CHECK_OK(ks_inventory_begin(inv, &err), &err);
    CHECK_RC(rows_reserve(inv, ca, 0x2222222222222221, 0, &id), KS_OK);
    CHECK_RC(rows_reserve(inv, ca, 0x2222222222222222, 0, &id), KS_OK);
    ks_inventory_rollback(inv);
    CHECK_RC(ks_cert_find(inv, 0, "22222222", &row, &err), KS_E_NOT_FOUND);
    CHECK_OK(ks_inventory_begin(inv, &err), &err);
    CHECK_RC(rows_reserve(inv, ca, 0x2222222222222222, 0, &id), KS_OK);
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_inventory_commit(inv, &err), &err);
    CHECK_OK(ks_cert_find(inv, 0, "22222222", &row, &err), &err);
    ks_cert_row_clear(&row);
    ks_inventory_close(inv);
}

static ks_rc count(void *arg, const struct ks_cert_row *row, struct ks_err *err)
{
    (void)row;
    (void)err;
    ++*(int *)arg;
    return KS_OK;
}

static int dead(struct ks_inventory *inv)
{
    struct ks_err err = {0};
    int n = 0;

    CHECK_OK(ks_cert_each_dead(inv, 100, count, &n, &err), &err);
    return n;
}

static void rows_of_the_living_are_left_alone_those_of_the_dead_are_found(void)
{
    struct ks_inventory *inv = rows_open(), *other = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111), id = 0;
    int ready[2], status;
    pid_t child;
    char c;

    CHECK_RC(rows_reserve(inv, ca, 0x2222222222222222, 0, &id), KS_OK);
    CHECK_INT(dead(inv), 0);   /* its own */
    CHECK_INT(dead(other), 0); /* another handle's, alive */
    ks_inventory_close(inv);
    CHECK_INT(dead(other), 1);
    CHECK_INT(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct ks_inventory *own = rows_open();

        c = rows_reserve(own, ca, 0x3333333333333333, 0, &id) == KS_OK ? 'y'
                                                                       : 'n';
        (void)!write(ready[1], &c, 1);
        (void)pause();
        _exit(0);
    }
    CHECK_INT(read(ready[0], &c, 1), 1);
    CHECK_INT(c, 'y');
    CHECK_INT(dead(other), 1); /* the child lives */
    CHECK_INT(kill(child, SIGKILL), 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(dead(other), 2);
    (void)close(ready[0]);
    (void)close(ready[1]);
    ks_inventory_close(other);
}

static void a_compromised_key_is_known(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t ca = rows_ca(inv, "root", 0, 0x1111111111111111);
    struct ks_err err = {0};
    bool compromised = true;
    sqlite3 *db = NULL;

    (void)rows_issue(inv, ca, 0x2222222222222222, "www.example.com");
    CHECK_OK(ks_cert_key_compromised(inv, rows_hash, &compromised, &err), &err);
    CHECK(!compromised);
    CHECK_INT(sqlite3_open(test_path("caadm.db"), &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "UPDATE cert SET revoked_at=1,reason=1", NULL,
                           NULL, NULL),
              SQLITE_OK);
    (void)sqlite3_close(db);
    CHECK_OK(ks_cert_key_compromised(inv, rows_hash, &compromised, &err), &err);
    CHECK(compromised);
    ks_inventory_close(inv);
}

/* SQLite follows a link to the database; the marks of the living must be
 * found on both ways. */
static void a_link_to_the_inventory_leads_to_the_same_owners(void)
{
    struct ks_inventory *a = rows_open(), *b = NULL;
    struct ks_err err = {0};
    bool claimed = true;
    int64_t ca = rows_ca(a, "root", 0, 0x1111111111111111), id = 0;

    (void)unlink(test_path("link.db"));
    CHECK_INT(symlink(test_path("caadm.db"), test_path("link.db")), 0);
    CHECK_OK(
        ks_inventory_open(test_path("link.db"), KS_INVENTORY_WRITE, &b, &err),
        &err);
    CHECK_RC(rows_reserve(a, ca, 0x2222222222222222, 0, &id), KS_OK);
    CHECK_OK(ks_cert_claim(b, id, &claimed, &err), &err);
    CHECK(!claimed);
    ks_inventory_close(b);
    ks_inventory_close(a);
}

static const struct test_case cases[] = {
    TEST_CASE(a_link_to_the_inventory_leads_to_the_same_owners),
    TEST_CASE(a_row_goes_through_its_states_once),
    TEST_CASE(an_abandoned_row_counts_as_revoked_and_stays_so),
    TEST_CASE(a_serial_is_used_once_in_the_whole_inventory),
    TEST_CASE(bad_serials_and_unknown_cas_are_refused),
    TEST_CASE(a_group_is_recorded_wholly_or_not_at_all),
    TEST_CASE(rows_of_the_living_are_left_alone_those_of_the_dead_are_found),
    TEST_CASE(a_compromised_key_is_known),
};
TEST_MAIN("inventory.cert", cases)
