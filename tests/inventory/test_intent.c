/*
 * Keys about to be made.
 */
#include "rows.h"

static ks_rc note(void *arg, const struct ks_intent *intent, struct ks_err *err)
{
    (void)err;
    (void)strcat(arg, intent->key_uri);
    (void)strcat(arg, intent->made ? "+" : "-");
    return KS_OK;
}

static void the_living_keep_their_plans_and_those_of_the_dead_are_taken(void)
{
    struct ks_inventory *a = rows_open(), *b = rows_open();
    struct ks_err err = {0};
    char seen[100] = "";
    int64_t id = 0, other = 0;

    CHECK_OK(ks_intent_add(a, "keystore:///x", &id, &err), &err);
    CHECK_RC(ks_intent_add(b, "keystore:///x", &other, &err), KS_E_EXISTS);
    CHECK_RC(ks_intent_take(b, "keystore:///x", &other, &err), KS_E_EXISTS);
    CHECK_RC(ks_intent_take(b, "keystore:///y", &other, &err), KS_E_NOT_FOUND);
    memset(&err, 0, sizeof(err));
    CHECK_OK(ks_intent_each_dead(b, note, seen, &err), &err);
    CHECK_STR(seen, "");
    CHECK_OK(ks_intent_made(a, id, rows_hash, &err), &err);
    ks_inventory_close(a);
    CHECK_OK(ks_intent_each_dead(b, note, seen, &err), &err);
    CHECK_STR(seen, "keystore:///x+");
    CHECK_OK(ks_intent_take(b, "keystore:///x", &other, &err), &err);
    CHECK_INT(other, id);
    seen[0] = '\0';
    CHECK_OK(ks_intent_each_dead(b, note, seen, &err), &err);
    CHECK_STR(seen, "");
    CHECK_OK(ks_intent_remove(b, other, &err), &err);
    CHECK_OK(ks_intent_remove(b, other, &err), &err);
    CHECK_RC(ks_intent_take(b, "keystore:///x", &other, &err), KS_E_NOT_FOUND);
    ks_intent_clear(NULL);
    ks_inventory_close(b);
}

static const struct test_case cases[] = {
    TEST_CASE(the_living_keep_their_plans_and_those_of_the_dead_are_taken),
};
TEST_MAIN("inventory.intent", cases)
