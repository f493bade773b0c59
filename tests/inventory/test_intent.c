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

static void a_dead_plan_is_claimed_by_one_only(void)
{
    struct ks_inventory *a = rows_open(), *b = rows_open(), *c = rows_open();
    struct ks_intent plan = {.key_uri = (char *)(uintptr_t) "keystore:///x"};
    struct ks_intent wrong = {.key_uri = (char *)(uintptr_t) "keystore:///y"};
    struct ks_err err = {0};
    bool claimed = true;
    int64_t id = 0;

    CHECK_OK(ks_intent_add(a, plan.key_uri, &id, &err), &err);
    plan.id = wrong.id = id;
    CHECK_OK(ks_intent_claim(b, &plan, &claimed, &err), &err);
    CHECK(!claimed);
    ks_inventory_close(a);
    CHECK_OK(ks_intent_claim(b, &wrong, &claimed, &err), &err);
    CHECK(!claimed);
    CHECK_OK(ks_intent_claim(b, &plan, &claimed, &err), &err);
    CHECK(claimed);
    CHECK_OK(ks_intent_claim(c, &plan, &claimed, &err), &err);
    CHECK(!claimed);
    CHECK_RC(ks_intent_take(c, plan.key_uri, &id, &err), KS_E_EXISTS);
    CHECK_OK(ks_intent_take(b, plan.key_uri, &id, &err), &err);
    ks_inventory_close(b);
    ks_inventory_close(c);
}

static const struct test_case cases[] = {
    TEST_CASE(a_dead_plan_is_claimed_by_one_only),
    TEST_CASE(the_living_keep_their_plans_and_those_of_the_dead_are_taken),
};
TEST_MAIN("inventory.intent", cases)
