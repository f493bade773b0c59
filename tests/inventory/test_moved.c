/*
 * Keys on their way from one URI to another.
 */
#include <stdio.h>

#include "rows.h"

static const struct ks_key_move move = {
    .from = "keystore://a/k", .to = "keystore://b/k", .spki_hash = {7, 8, 9}};

static ks_rc note(void *arg, const struct ks_intent *intent, struct ks_err *err)
{
    char *seen = arg;
    size_t len = strlen(seen);

    (void)err;
    (void)snprintf(seen + len, 200 - len, "%d %s %s %d;", (int)intent->act,
                   intent->key_uri,
                   intent->other_uri != NULL ? intent->other_uri : "-",
                   intent->made && memcmp(intent->spki_hash, move.spki_hash,
                                          KS_HASH_LEN) == 0);
    return KS_OK;
}

/* All plans, as a process finds them that comes after the death of INV's. */
static const char *left(struct ks_inventory *inv)
{
    static char seen[200];
    struct ks_inventory *other = rows_open();
    struct ks_err err = {0};

    ks_inventory_close(inv);
    seen[0] = '\0';
    CHECK_OK(ks_intent_each_dead(other, note, seen, &err), &err);
    ks_inventory_close(other);
    return seen;
}

static void a_plan_of_a_move_is_found_after_its_death(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_OK(ks_intent_copy(inv, &move, &id, &err), &err);
    CHECK_STR(left(inv), "2 keystore://b/k keystore://a/k 1;");
    inv = rows_open();
    CHECK_OK(ks_intent_take_copy(inv, &move, &id, &err), &err);
    CHECK_OK(ks_intent_drop(inv, id, &move, &err), &err);
    CHECK_STR(left(inv), "3 keystore://a/k keystore://b/k 1;");
    inv = rows_open();
    CHECK_OK(ks_intent_remove(inv, id, &err), &err);
    CHECK_STR(left(inv), "");
}

static void a_key_is_moved_by_one_process_at_a_time(void)
{
    static const struct ks_key_move others[] = {
        {.from = "keystore://a/k", .to = "keystore://c/k"},
        {.from = "keystore://b/k", .to = "keystore://c/k"},
        {.from = "keystore://c/k", .to = "keystore://b/k"},
        {.from = "keystore://c/k", .to = "keystore://a/k"},
    };
    struct ks_inventory *a = rows_open(), *b = rows_open();
    struct ks_err err = {0};
    int64_t id = 0, other = 0;

    CHECK_OK(ks_intent_copy(a, &move, &id, &err), &err);
    for (size_t i = 0; i < 4; i++) {
        memset(&err, 0, sizeof(err));
        CHECK_RC(ks_intent_copy(b, &others[i], &other, &err), KS_E_EXISTS);
        CHECK_CONTAINS(err.text, "keystore://b/k");
    }
    CHECK_RC(ks_intent_take_copy(b, &move, &other, &err), KS_E_EXISTS);
    CHECK_RC(ks_intent_add(b, move.to, &other, &err), KS_E_EXISTS);
    ks_inventory_close(a);
    CHECK_OK(ks_intent_copy(b, &others[0], &other, &err), &err);
    ks_inventory_close(b);
}

static void only_the_very_move_is_taken_up(void)
{
    struct ks_key_move other = move;
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_RC(ks_intent_take_copy(inv, &move, &id, &err), KS_E_NOT_FOUND);
    CHECK_OK(ks_intent_copy(inv, &move, &id, &err), &err);
    ks_inventory_close(inv);
    inv = rows_open();
    other.spki_hash[0]++;
    CHECK_RC(ks_intent_take_copy(inv, &other, &id, &err), KS_E_NOT_FOUND);
    other = move;
    other.from = "keystore://a/k2";
    CHECK_RC(ks_intent_take_copy(inv, &other, &id, &err), KS_E_NOT_FOUND);
    /* a copy is no new key, which a command to make one could take up */
    CHECK_RC(ks_intent_take(inv, move.to, &id, &err), KS_E_NOT_FOUND);
    CHECK_OK(ks_intent_take_copy(inv, &move, &id, &err), &err);
    CHECK_STR(left(inv), "2 keystore://b/k keystore://a/k 1;");
}

static void a_new_key_takes_the_place_of_a_dead_move(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_OK(ks_intent_copy(inv, &move, &id, &err), &err);
    ks_inventory_close(inv);
    inv = rows_open();
    CHECK_OK(ks_intent_add(inv, move.to, &id, &err), &err);
    CHECK_STR(left(inv), "1 keystore://b/k - 0;");
}

static void the_note_of_a_removal_replaces_older_plans(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    int64_t id = 0, old = 0;

    CHECK_OK(ks_intent_add(inv, move.from, &old, &err), &err);
    ks_inventory_close(inv);
    inv = rows_open();
    CHECK_OK(ks_intent_copy(inv, &move, &id, &err), &err);
    CHECK_OK(ks_intent_drop(inv, id, &move, &err), &err);
    CHECK_STR(left(inv), "3 keystore://a/k keystore://b/k 1;");
}

static int64_t add_ca(struct ks_inventory *inv, const char *name,
                      const char *uri)
{
    struct ks_ca_row row = {.name = (char *)(uintptr_t)name,
                            .key_uri = (char *)(uintptr_t)uri};
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_OK(ks_ca_add(inv, &row, &id, &err), &err);
    return id;
}

static void what_has_the_key_finds_it_in_its_new_place(void)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"keystore://a/k", "keystore://b/k"},
        {"keystore://a/k?pin-source=file:/p", "keystore://b/k"},
        {"keystore://a/k2", "keystore://a/k2"},
        {"keystore://a/k%3F", "keystore://a/k%3F"},
        {"keystore://a/", "keystore://a/"},
        {"keystore://a/kA", "keystore://a/kA"},
        {"keystore://a/k@", "keystore://a/k@"},
    };
    enum {
        N = sizeof(rows) / sizeof(rows[0])
    };
    struct ks_inventory *inv = rows_open();
    struct ks_cert_reserve reserve = {.serial = (const uint8_t *)"\x01",
                                      .serial_len = 1,
                                      .profile = "server",
                                      .profile_hash = rows_hash,
                                      .key_uri = move.from};
    struct ks_cert_row cert = {0};
    struct ks_err err = {0};
    int64_t ids[N], cas = 0, certs = 0, id = 0;
    char name[] = "ca0";

    for (size_t i = 0; i < N; i++, name[2]++)
        ids[i] = add_ca(inv, name, rows[i].before);
    reserve.ca = ids[0];
    CHECK_OK(ks_cert_reserve(inv, &reserve, &id, &err), &err);
    CHECK_OK(ks_key_moved(inv, move.from, move.to, &cas, &certs, &err), &err);
    CHECK_INT(cas, 2);
    CHECK_INT(certs, 1);
    for (size_t i = 0; i < N; i++) {
        struct ks_ca_row row = {0};

        CHECK_OK(ks_ca_get(inv, ids[i], &row, &err), &err);
        CHECK_STR(row.key_uri, rows[i].after);
        ks_ca_row_clear(&row);
    }
    CHECK_OK(ks_cert_get(inv, id, &cert, &err), &err);
    CHECK_STR(cert.key_uri, move.to);
    ks_cert_row_clear(&cert);
    ks_inventory_close(inv);
}

static const struct test_case cases[] = {
    TEST_CASE(a_key_is_moved_by_one_process_at_a_time),
    TEST_CASE(a_new_key_takes_the_place_of_a_dead_move),
    TEST_CASE(a_plan_of_a_move_is_found_after_its_death),
    TEST_CASE(only_the_very_move_is_taken_up),
    TEST_CASE(the_note_of_a_removal_replaces_older_plans),
    TEST_CASE(what_has_the_key_finds_it_in_its_new_place),
};
TEST_MAIN("inventory.moved", cases)
