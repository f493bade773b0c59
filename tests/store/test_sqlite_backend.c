/* store/sqlite/backend.c: what is its own; the rest is in tests/contract */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_rig.h"

static const struct ks_backend *const backend = &ks_sqlite_backend;

static void without_a_path_it_is_a_configuration_error(void)
{
    const struct ks_backend_env env = {.name = "db", .dir = "/"};
    struct ks_err err = {0};
    void *store = NULL;

    CHECK_RC(backend->open(&env, &store, &err), KS_E_CONFIG);
    CHECK_STR(err.text, "[backend db] path: is missing");
    CHECK(store == NULL);
    backend->close(NULL);
}

static void looking_makes_no_file(void)
{
    struct ks_key_info info = {0};
    struct ks_err err = {0};
    void *store = rig_open();

    CHECK_INT(rig_count(store), 0);
    CHECK_RC(backend->info(store, "k", &info, &err), KS_E_NOT_FOUND);
    CHECK_RC(backend->remove(store, "k", NULL, &err), KS_E_NOT_FOUND);
    CHECK_RC(
        backend->replace(store, "k", rig_record("a"), rig_record("b"), &err),
        KS_E_NOT_FOUND);
    CHECK_STR(err.text, "");
    rig_close(store);
    CHECK(access(test_path(RIG_FILE), F_OK) != 0);
}

static void the_file_is_private_whatever_the_umask(void)
{
    struct stat status;
    mode_t mask = umask(0);
    void *store = rig_open();

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    (void)umask(mask);
    CHECK(stat(test_path(RIG_FILE), &status) == 0);
    CHECK_INT(status.st_mode & 07777, 0600);
    CHECK(stat(test_path(RIG_FILE "-wal"), &status) == 0);
    CHECK_INT(status.st_mode & 07777, 0600);
    rig_close(store);
}

static void a_record_comes_back_whole(void)
{
    struct ks_record bare = *rig_record("x"), back = {0};
    struct ks_err err = {0};
    void *store = rig_open();

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    bare.info.cert = bare.info.chain = (struct ks_buf){0};
    bare.info.created = 0;
    bare.info.origin[0] = '\0';
    bare.recipients = NULL;
    bare.form = KS_FORM_PLAIN;
    CHECK_OK(backend->put(store, "bare", &bare, &err), &err);
    CHECK_OK(backend->get(store, "bare", &back, &err), &err);
    CHECK_INT(back.form, KS_FORM_PLAIN);
    CHECK(back.recipients == NULL && back.info.cert.data == NULL &&
          back.info.chain.data == NULL && back.info.created == 0 &&
          back.info.origin[0] == '\0');
    ks_record_clear(&back);
    rig_close(store);
}

static void a_name_is_taken_once(void)
{
    struct ks_err err = {0};
    void *store = rig_open();

    CHECK_RC(rig_put(store, "a key", "a"), KS_OK);
    CHECK_RC(backend->put(store, "a key", rig_record("b"), &err), KS_E_EXISTS);
    CHECK_STR(err.text, "keystore://db/a%20key: there is a key of that name");
    CHECK_RC(rig_get(store, "a key", "a", NULL), KS_OK);
    CHECK_RC(rig_put(store, "A key", "b"), KS_OK);
    rig_close(store);
}

static void a_record_of_no_material_key_is_refused(void)
{
    struct ks_record record = *rig_record("a");
    struct ks_err err = {0};
    void *store = rig_open();

    record.form = KS_FORM_INSIDE;
    CHECK_RC(backend->put(store, "k", &record, &err), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "keystore://db/k: ");
    record = *rig_record("a");
    record.private_half.len = 0;
    CHECK_RC(backend->put(store, "k", &record, NULL), KS_E_INVALID);
    record.private_half.len = KS_PRIVATE_HALF_MAX + 1;
    CHECK_RC(backend->put(store, "k", &record, NULL), KS_E_INVALID);
    record = *rig_record("a");
    record.info.spki.len = 0;
    CHECK_RC(backend->put(store, "k", &record, NULL), KS_E_INVALID);
    CHECK_INT(rig_count(store), 0);
    rig_close(store);
}

static void only_what_was_got_is_replaced(void)
{
    struct ks_err err = {0};
    struct ks_record old = {0};
    void *store = rig_open();

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    CHECK_OK(backend->get(store, "k", &old, &err), &err);
    CHECK_OK(backend->replace(store, "k", &old, rig_record("b"), &err), &err);
    CHECK_RC(rig_get(store, "k", "b", NULL), KS_OK);
    CHECK_RC(backend->replace(store, "k", &old, rig_record("c"), &err),
             KS_E_BUSY);
    CHECK_STR(err.text, "keystore://db/k: key was changed meanwhile");
    CHECK_RC(rig_get(store, "k", "b", NULL), KS_OK);
    CHECK_RC(backend->remove(store, "k", NULL, &err), KS_OK);
    CHECK_RC(backend->replace(store, "k", &old, rig_record("c"), &err),
             KS_E_NOT_FOUND);
    ks_record_clear(&old);
    rig_close(store);
}

static void a_removed_key_is_gone_from_the_file(void)
{
    char *text;
    size_t len;
    void *store = rig_open();

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    CHECK_OK(backend->remove(store, "k", NULL, NULL), NULL);
    rig_close(store); /* empties the log, too */
    text = test_read(RIG_FILE, &len);
    REQUIRE(text != NULL);
    CHECK(memmem(text, len, "half of a", 9) == NULL);
    free(text);
    store = rig_open();
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_E_NOT_FOUND);
    CHECK_RC(backend->remove(store, "k", NULL, NULL), KS_E_NOT_FOUND);
    rig_close(store);
}

/* Whatever a hand can do to a row, one column at a time. */
static void no_change_of_a_row_gives_another_key(void)
{
    static const char *const changes[] = {
        "label = 'l'",
        "created = created + 1",
        "origin = 'imported'",
        "origin = cast(x'670065' AS TEXT)",
        "origin = hex(randomblob(40))",
        "spki = (SELECT spki FROM key WHERE label='other')",
        "spki = x''",
        "form = 2",
        "private = (SELECT private FROM key WHERE label='other')",
        "private = x''",
        "private = zeroblob(70000)",
        "recipients = 'keystore://db/mine'",
        "recipients = NULL",
        "recipients = recipients || cast(x'00' AS TEXT)",
        "cert = NULL",
        "cert = (SELECT cert FROM key WHERE label='other')",
        "chain = x'00'",
        "sum = zeroblob(32)",
        "cert = chain, chain = cert",
    };
    char sql[200];
    struct ks_err err;

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        void *store = rig_open();
        ks_rc rc;

        CHECK_RC(rig_put(store, "k", "a"), KS_OK);
        CHECK_RC(rig_put(store, "other", "b"), KS_OK);
        (void)snprintf(sql, sizeof(sql), "UPDATE key SET %s WHERE label='k'",
                       changes[i]);
        rig_sql(sql);
        rc = rig_get(store, "k", "a", &err);
        if (i == 0)
            CHECK_RC(rc, KS_E_NOT_FOUND);
        else if (CHECK_RC(rc, KS_E_DAMAGED))
            CHECK_CONTAINS(err.text, "keystore://db/k: its row is damaged: ");
        if (i == 0)
            CHECK_RC(rig_get(store, "l", "a", NULL), KS_E_DAMAGED);
        CHECK_RC(rig_get(store, "other", "b", NULL), KS_OK);
        CHECK_OK(backend->remove(store, i == 0 ? "l" : "k", NULL, NULL), NULL);
        CHECK_OK(backend->remove(store, "other", NULL, NULL), NULL);
        rig_close(store);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(without_a_path_it_is_a_configuration_error),
    TEST_CASE(looking_makes_no_file),
    TEST_CASE(the_file_is_private_whatever_the_umask),
    TEST_CASE(a_record_comes_back_whole),
    TEST_CASE(a_name_is_taken_once),
    TEST_CASE(a_record_of_no_material_key_is_refused),
    TEST_CASE(only_what_was_got_is_replaced),
    TEST_CASE(a_removed_key_is_gone_from_the_file),
    TEST_CASE(no_change_of_a_row_gives_another_key),
};
TEST_MAIN("store.sqlite_backend", cases)
