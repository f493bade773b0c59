/*
 * Rows of CAs.
 */
#include "rows.h"

#include <openssl/crypto.h>

static void a_ca_being_made_is_not_found_until_it_is_active(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_ca_row row = {.name = (char *)(uintptr_t) "root",
                            .key_uri = (char *)(uintptr_t) "keystore:///root"};
    struct ks_ca_row found = {0};
    struct ks_err err = {0};
    int64_t id = 0, again = 0;

    CHECK_OK(ks_ca_add(inv, &row, &id, &err), &err);
    CHECK_RC(ks_ca_find(inv, "root", &found, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "root");
    memset(&err, 0, sizeof(err));
    CHECK_RC(ks_ca_add(inv, &row, &again, &err), KS_E_EXISTS);
    CHECK_CONTAINS(err.text, "root");
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_ca_get(inv, id, &found, &err), &err);
    CHECK_INT(found.state, KS_CA_MAKING);
    ks_ca_row_clear(&found);
    CHECK_OK(ks_ca_undo(inv, id, &err), &err);
    CHECK_RC(ks_ca_get(inv, id, &found, &err), KS_E_NOT_FOUND);
    CHECK_INT(rows_ca(inv, "root", 0, 0x1111111111111111) > 0, 1);
    CHECK_OK(ks_ca_find(inv, "root", &found, &err), &err);
    CHECK_STR(found.name, "root");
    CHECK_INT(found.state, KS_CA_ACTIVE);
    CHECK_INT(found.cert.len, 6);
    CHECK_INT(found.revoked, 0);
    ks_ca_row_clear(&found);
    ks_ca_row_clear(&found);
    ks_ca_row_clear(NULL);
    ks_inventory_close(inv);
}

static void an_active_ca_cannot_be_undone(void)
{
    struct ks_inventory *inv = rows_open();
    int64_t id = rows_ca(inv, "root", 0, 0x1111111111111111);
    struct ks_ca_row found = {0};
    struct ks_err err = {0};

    CHECK_OK(ks_ca_undo(inv, id, &err), &err);
    CHECK_OK(ks_ca_find(inv, "root", &found, &err), &err);
    CHECK_INT(found.cert.len, 6);
    ks_ca_row_clear(&found);
    ks_inventory_close(inv);
}

static void names_that_could_be_paths_or_options_are_refused(void)
{
    static const char *const bad[] = {
        "",
        "-x",
        ".",
        "a/b",
        "a b",
        "a\nb",
        "..",
        "é",
        "a;b",
        "'; DROP TABLE ca; --",
        "0123456789012345678901234567890123456789012345678901234567890123x"};
    struct ks_inventory *inv = rows_open();

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_ca_row row = {.name = (char *)(uintptr_t)bad[i],
                                .key_uri = (char *)(uintptr_t) "k"};
        struct ks_err err = {0};
        int64_t id = 0;

        CHECK_RC(ks_ca_add(inv, &row, &id, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
    }
    ks_inventory_close(inv);
}

static ks_rc collect(void *arg, const struct ks_ca_row *row, struct ks_err *err)
{
    char *names = arg;

    (void)err;
    (void)strcat(names, row->name);
    (void)strcat(names, row->parent_name != NULL ? row->parent_name : "-");
    return KS_OK;
}

static ks_rc stop(void *arg, const struct ks_ca_row *row, struct ks_err *err)
{
    (void)arg;
    return ks_fail(err, KS_E_INTERRUPTED, "%s", row->name);
}

static void parents_are_listed_before_their_children(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    char names[64] = "";
    int64_t root = rows_ca(inv, "r", 0, 0x1111111111111111);
    int64_t mid = rows_ca(inv, "m", root, 0x2222222222222222);

    (void)rows_ca(inv, "a", mid, 0x3333333333333333);
    CHECK_OK(ks_ca_each(inv, collect, names, &err), &err);
    CHECK_STR(names, "r-mram");
    CHECK_RC(ks_ca_each(inv, stop, NULL, &err), KS_E_INTERRUPTED);
    CHECK_STR(err.text, "r");
    ks_inventory_close(inv);
}

static void a_key_of_a_ca_is_known(void)
{
    static const uint8_t other[KS_HASH_LEN] = {9};
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    char *name = NULL;

    (void)rows_ca(inv, "root", 0, 0x1111111111111111);
    CHECK_OK(ks_ca_of_key(inv, rows_hash, &name, &err), &err);
    CHECK_STR(name, "root");
    OPENSSL_free(name);
    CHECK_RC(ks_ca_of_key(inv, other, &name, &err), KS_E_NOT_FOUND);
    CHECK_STR(err.text, "");
    CHECK_OK(ks_ca_of_key_uri(inv, "keystore:///k", &name, &err), &err);
    CHECK_STR(name, "root");
    OPENSSL_free(name);
    CHECK_RC(ks_ca_of_key_uri(inv, "keystore:///x", &name, &err),
             KS_E_NOT_FOUND);
    ks_inventory_close(inv);
}

static void a_ca_can_be_retired(void)
{
    struct ks_inventory *inv = rows_open();
    struct ks_err err = {0};
    struct ks_ca_row row = {0};
    int64_t id = rows_ca(inv, "root", 0, 0x1111111111111111);

    CHECK_OK(ks_ca_set_state(inv, id, KS_CA_RETIRED, &err), &err);
    CHECK_OK(ks_ca_find(inv, "root", &row, &err), &err);
    CHECK_STR(ks_ca_state_text(row.state), "retired");
    ks_ca_row_clear(&row);
    CHECK_RC(ks_ca_set_state(inv, 77, KS_CA_RETIRED, &err), KS_E_NOT_FOUND);
    CHECK_STR(ks_ca_state_text((enum ks_ca_state)99), "unknown");
    ks_inventory_close(inv);
}

static const struct test_case cases[] = {
    TEST_CASE(a_ca_being_made_is_not_found_until_it_is_active),
    TEST_CASE(an_active_ca_cannot_be_undone),
    TEST_CASE(names_that_could_be_paths_or_options_are_refused),
    TEST_CASE(parents_are_listed_before_their_children),
    TEST_CASE(a_key_of_a_ca_is_known),
    TEST_CASE(a_ca_can_be_retired),
};
TEST_MAIN("inventory.ca", cases)
