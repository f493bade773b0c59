/* store/sqlite/db.c, place.c and schema.c: files that are not as they should
 * be, and files that change while they are open */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include "sqlite/db.h"
#include "sqlite_rig.h"

#define NOBODY 65534

static ks_rc try_get(struct ks_err *err)
{
    void *store = rig_open();
    ks_rc rc = rig_get(store, "k", "a", err);

    rig_close(store);
    return rc;
}

static ks_rc try_put(struct ks_err *err)
{
    void *store = rig_open();
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = ks_sqlite_backend.put(store, "k", rig_record("a"), err);
    rig_close(store);
    return rc;
}

/* Refused by a reader and by a writer, with a text that has PART. */
static void check_refused(ks_rc want, const char *part)
{
    struct ks_err err;

    CHECK_RC(try_get(&err), want);
    CHECK_CONTAINS(err.text, part);
    CHECK_RC(try_put(&err), want);
    CHECK_CONTAINS(err.text, part);
}

static void make_key(void)
{
    void *store = rig_open();

    CHECK_RC(rig_put(store, "k", "a"), KS_OK);
    rig_close(store);
}

static void an_empty_file_is_an_empty_database(void)
{
    struct ks_err err;

    test_write(RIG_FILE, "", 0, 0600);
    CHECK_RC(try_get(&err), KS_E_NOT_FOUND);
    CHECK_STR(err.text, "");
    CHECK_RC(try_put(&err), KS_OK);
    CHECK_RC(try_get(&err), KS_OK);
}

static void a_file_that_is_no_database_is_refused(void)
{
    char text[5000];

    memset(text, 'x', sizeof(text));
    test_write(RIG_FILE, text, sizeof(text), 0600);
    check_refused(KS_E_CONFIG, RIG_FILE);
}

static void another_programs_database_is_refused_and_stays(void)
{
    rig_sql("CREATE TABLE mine(x); PRAGMA application_id=77");
    CHECK(chmod(test_path(RIG_FILE), 0600) == 0);
    check_refused(KS_E_CONFIG, "not a database of keys");
    CHECK_INT(rig_number("SELECT count(*) FROM sqlite_schema"), 1);
    rig_sql("PRAGMA application_id=0");
    check_refused(KS_E_CONFIG, "not a database of keys");
    CHECK_INT(rig_number("SELECT count(*) FROM sqlite_schema"), 1);
}

static void the_schema_of_a_newer_program_is_refused(void)
{
    make_key();
    rig_sql("PRAGMA user_version=2");
    check_refused(KS_E_CONFIG, "schema 2 is newer");
    rig_sql("PRAGMA user_version=0");
    check_refused(KS_E_CONFIG, "schema 0");
    rig_sql("PRAGMA user_version=-1");
    check_refused(KS_E_CONFIG, "schema -1");
}

static void a_database_that_lost_its_table_is_refused(void)
{
    struct ks_err err;

    make_key();
    rig_sql("DROP TABLE key");
    CHECK(try_get(&err) != KS_OK);
    CHECK_CONTAINS(err.text, "no such table");
}

static void a_strangers_trigger_does_not_run(void)
{
    void *store;

    make_key();
    rig_sql("CREATE TRIGGER t BEFORE INSERT ON key BEGIN"
            " SELECT raise(IGNORE); END");
    store = rig_open();
    CHECK_RC(rig_put(store, "l", "b"), KS_OK);
    CHECK_RC(rig_get(store, "l", "b", NULL), KS_OK);
    rig_close(store);
}

static void a_strangers_view_is_not_read(void)
{
    struct ks_err err;

    make_key();
    rig_sql("ALTER TABLE key RENAME TO real;"
            "CREATE VIEW key AS SELECT * FROM real");
    CHECK(try_get(&err) != KS_OK);
    CHECK_CONTAINS(err.text, RIG_FILE);
    CHECK(try_put(&err) != KS_OK);
}

/* No value of another type than its column's gets in, by whatever hand. */
static void its_table_is_strict(void)
{
    make_key();
    CHECK_INT(rig_number("SELECT strict FROM pragma_table_list"
                         " WHERE name='key'"),
              1);
}

static int number(struct ks_sqlite_db *db, const char *sql)
{
    struct ks_err err = {0};
    sqlite3_stmt *stmt = NULL;
    int found = -1;

    CHECK_OK(ks_sqlite_query(db, sql, &stmt, &err), &err);
    if (ks_sqlite_first(db, stmt, "look", &err) == KS_OK)
        found = sqlite3_column_int(stmt, 0);
    ks_sqlite_done(stmt);
    return found;
}

/* Nobody but a power loss would notice: with NORMAL (1) a commit in
 * write-ahead mode is not synced. */
static void every_connection_syncs_what_it_commits(void)
{
    struct ks_sqlite_db db = {.name = "db"};
    struct ks_err err = {0};

    make_key();
    db.path = OPENSSL_strdup(test_path(RIG_FILE));
    ks_sqlite_init(&db);
    for (int write = 0; write < 2; write++) {
        CHECK_OK(ks_sqlite_enter(&db, write != 0, &err), &err);
        CHECK(number(&db, "PRAGMA synchronous") >= 2);
        ks_sqlite_leave(&db);
    }
    ks_sqlite_clear(&db);
}

/* Cut anywhere: what is left is refused, or the key is as it was. */
static void a_truncated_database_gives_no_other_key(void)
{
    struct ks_err err;
    size_t len;
    char *text;

    make_key();
    text = test_read(RIG_FILE, &len);
    REQUIRE(text != NULL);
    for (size_t keep = 0; keep < len; keep += 511) {
        ks_rc rc;

        test_write(RIG_FILE, text, keep, 0600);
        rc = try_get(&err);
        CHECK(rc != KS_E_VERIFY &&
              (rc == KS_OK || keep == 0 || err.text[0] != '\0'));
    }
    free(text);
}

/* One bit of every byte in turn; in whole pages of zeros every 64th. */
static void a_flipped_bit_gives_no_other_key(void)
{
    struct ks_err err;
    size_t len;
    char *text;

    make_key();
    text = test_read(RIG_FILE, &len);
    REQUIRE(text != NULL);
    for (size_t i = 0; i < len; i += text[i] != 0 ? 1 : 61) {
        ks_rc rc;

        text[i] ^= (char)(1u << (i % 8));
        test_write(RIG_FILE, text, len, 0600);
        text[i] ^= (char)(1u << (i % 8));
        rc = try_get(&err);
        if (!CHECK(rc != KS_E_VERIFY))
            (void)fprintf(stderr, "byte %zu\n", i);
        (void)unlink(test_path(RIG_FILE "-wal"));
        (void)unlink(test_path(RIG_FILE "-shm"));
    }
    free(text);
}

static void a_symbolic_link_is_not_followed(void)
{
    make_key();
    CHECK(rename(test_path(RIG_FILE), test_path("real.db")) == 0);
    CHECK(symlink("real.db", test_path(RIG_FILE)) == 0);
    check_refused(KS_E_DENIED, "symbolic link");
    CHECK(unlink(test_path(RIG_FILE)) == 0);
    CHECK(symlink("nothing", test_path(RIG_FILE)) == 0);
    check_refused(KS_E_DENIED, "symbolic link");
    CHECK(access(test_path("nothing"), F_OK) != 0);
}

static void what_is_no_file_is_refused_and_not_waited_for(void)
{
    CHECK(mkdir(test_path(RIG_FILE), 0700) == 0);
    check_refused(KS_E_CONFIG, "not a regular file");
    CHECK(rmdir(test_path(RIG_FILE)) == 0);
    CHECK(mkfifo(test_path(RIG_FILE), 0600) == 0);
    check_refused(KS_E_CONFIG, "not a regular file");
}

static void a_file_that_others_may_use_is_refused(void)
{
    static const mode_t modes[] = {0666, 0640, 0602, 0604};

    make_key();
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        CHECK(chmod(test_path(RIG_FILE), modes[i]) == 0);
        check_refused(KS_E_DENIED, "others may");
    }
}

static void a_folder_that_others_may_write_is_refused(void)
{
    static const mode_t modes[] = {0777, 01777, 0770, 0702};

    make_key();
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        CHECK(chmod(test_dir(), modes[i]) == 0);
        check_refused(KS_E_DENIED, "others may write the directory");
    }
    CHECK(chmod(test_dir(), 0755) == 0);
    CHECK_RC(try_get(&(struct ks_err){0}), KS_OK);
    CHECK(chmod(test_dir(), 0700) == 0);
}

static void a_folder_that_is_not_there_is_named(void)
{
    static const struct ks_setting settings[] = {{"path", "no/where.db"}};
    const struct ks_backend_env env = {
        .name = "db", .dir = test_dir(), .settings = settings, .n_settings = 1};
    struct ks_err err = {0};
    void *store = NULL;

    CHECK_OK(ks_sqlite_backend.open(&env, &store, &err), &err);
    CHECK_RC(ks_sqlite_backend.put(store, "k", rig_record("a"), &err),
             KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "/no: directory of the keys");
    CHECK_CONTAINS(err.hint, "mkdir -m 700");
    CHECK_INT(rig_count(store), 0);
    rig_close(store);
}

/* As another user if we are root, whom no mode stops. 0: the child was glad. */
static int as_nobody(int (*work)(void))
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        if (geteuid() == 0 && setuid(NOBODY) != 0)
            _exit(100);
        _exit(work());
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static void give_away(void)
{
    if (geteuid() != 0)
        return;
    CHECK(chown(test_dir(), NOBODY, NOBODY) == 0);
    CHECK(chown(test_path(RIG_FILE), NOBODY, NOBODY) == 0);
}

static int reads_but_cannot_write(void)
{
    struct ks_err err = {0};
    void *store = rig_open();
    int result = 0;

    if (rig_get(store, "k", "a", &err) != KS_OK)
        return 1;
    if (ks_sqlite_backend.put(store, "new", rig_record("b"), &err) !=
            KS_E_DENIED ||
        strstr(err.text, "read-only") == NULL)
        return 2;
    if (ks_sqlite_backend.remove(store, "k", NULL, NULL) != KS_E_DENIED)
        return 3;
    if (ks_sqlite_backend.remove(store, "no", NULL, NULL) != KS_E_NOT_FOUND)
        return 4;
    if (rig_get(store, "k", "a", &err) != KS_OK)
        return 5;
    rig_close(store);
    return result;
}

static void a_read_only_folder_is_enough_to_read(void)
{
    make_key();
    give_away();
    CHECK(chmod(test_dir(), 0500) == 0);
    CHECK_INT(as_nobody(reads_but_cannot_write), 0);
    CHECK(chmod(test_dir(), 0700) == 0);
}

static void a_read_only_file_is_enough_to_read(void)
{
    make_key();
    give_away();
    CHECK(chmod(test_path(RIG_FILE), 0400) == 0);
    CHECK_INT(as_nobody(reads_but_cannot_write), 0);
}

static int is_denied(void)
{
    void *store = rig_open();
    struct ks_err err = {0};

    ks_rc rc = rig_get(store, "k", "a", &err);

    rig_close(store);
    return rc == KS_E_DENIED && strstr(err.text, "belongs to neither") != NULL
               ? 0
               : 1;
}

static void a_strangers_file_is_refused(void)
{
    if (geteuid() != 0)
        return; /* nothing could be given away */
    make_key();
    CHECK(chmod(test_dir(), 0755) == 0);
    CHECK(chown(test_path(RIG_FILE), 1, 1) == 0);
    CHECK_INT(as_nobody(is_denied), 0);
}

/* By the process' limit on sizes of files; full disks are in tests/contract.
 */
static void a_write_that_fails_loses_nothing(void)
{
    struct rlimit old, tight;
    struct ks_err err = {0};
    struct ks_record big = *rig_record("big");
    static uint8_t half[KS_PRIVATE_HALF_MAX];
    void *store;
    ks_rc rc = KS_OK;
    char name[20];

    make_key();
    store = rig_open();
    big.private_half.data = half;
    big.private_half.len = sizeof(half);
    (void)signal(SIGXFSZ, SIG_IGN);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
    tight = old;
    tight.rlim_cur = 200 * 1024;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    for (unsigned i = 0; i < 20 && rc == KS_OK; i++) {
        (void)snprintf(name, sizeof(name), "big-%u", i);
        rc = ks_sqlite_backend.put(store, name, &big, &err);
    }
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK_RC(rc, KS_E_IO);
    CHECK_CONTAINS(err.text, RIG_FILE);
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    CHECK_RC(rig_get(store, name, "x", NULL), KS_E_NOT_FOUND);
    CHECK_OK(ks_sqlite_backend.put(store, name, &big, &err), &err);
    rig_close(store);
}

/* A process that holds the write lock until it is killed. */
static pid_t lock_out(void)
{
    int ready[2];
    char c;
    pid_t child;

    if (pipe(ready) != 0)
        return -1;
    child = fork();
    if (child == 0) {
        sqlite3 *db = NULL;

        if (sqlite3_open(test_path(RIG_FILE), &db) != SQLITE_OK ||
            sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) !=
                SQLITE_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    CHECK(read(ready[0], &c, 1) == 1);
    (void)close(ready[0]);
    return child;
}

static void a_locked_database_is_busy_for_writers_alone(void)
{
    struct ks_sqlite_db db = {.name = "db"};
    struct ks_err err = {0};
    void *store;
    pid_t child;
    int status;

    make_key();
    child = lock_out();
    store = rig_open();
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    CHECK_INT(rig_count(store), 1);

    db.path = OPENSSL_strdup(test_path(RIG_FILE));
    ks_sqlite_init(&db);
    db.timeout_ms = 50;
    CHECK_OK(ks_sqlite_enter(&db, true, &err), &err);
    CHECK_RC(ks_sqlite_exec(&db, "DELETE FROM key", "remove", &err), KS_E_BUSY);
    CHECK_CONTAINS(err.hint, "another process");
    ks_sqlite_leave(&db);
    ks_sqlite_clear(&db);

    (void)kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_RC(rig_put(store, "new", "b"), KS_OK);
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    rig_close(store);
}

static void a_file_put_in_its_place_is_seen_at_once(void)
{
    void *store;

    make_key();
    CHECK(rename(test_path(RIG_FILE), test_path("backup.db")) == 0);
    store = rig_open();
    CHECK_RC(rig_put(store, "k", "b"), KS_OK);
    CHECK_RC(rig_get(store, "k", "b", NULL), KS_OK);
    /* A restore as people do it, with the store open. */
    CHECK(unlink(test_path(RIG_FILE "-wal")) == 0);
    CHECK(unlink(test_path(RIG_FILE "-shm")) == 0);
    CHECK(rename(test_path("backup.db"), test_path(RIG_FILE)) == 0);
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    CHECK_RC(rig_put(store, "more", "c"), KS_OK);
    CHECK_RC(rig_get(store, "more", "c", NULL), KS_OK);
    rig_close(store);
    CHECK_INT(rig_number("SELECT count(*) FROM key"), 2);
}

static void a_file_that_is_gone_holds_no_keys(void)
{
    void *store;

    make_key();
    store = rig_open();
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_OK);
    CHECK(unlink(test_path(RIG_FILE)) == 0);
    (void)unlink(test_path(RIG_FILE "-wal"));
    (void)unlink(test_path(RIG_FILE "-shm"));
    CHECK_RC(rig_get(store, "k", "a", NULL), KS_E_NOT_FOUND);
    CHECK_INT(rig_count(store), 0);
    CHECK_RC(rig_put(store, "k", "b"), KS_OK);
    CHECK_RC(rig_get(store, "k", "b", NULL), KS_OK);
    rig_close(store);
}

static void many_makers_make_one_database(void)
{
    enum {
        N = 8
    };
    pid_t children[N];
    void *store;
    char name[20];

    (void)test_dir();
    for (int i = 0; i < N; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        store = rig_open();
        (void)snprintf(name, sizeof(name), "key-%d", i);
        if (ks_sqlite_backend.put(store, name, rig_record(name), NULL) != KS_OK)
            _exit(1);
        rig_close(store);
        _exit(0);
    }
    for (int i = 0; i < N; i++) {
        int status = -1;

        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK_INT(status, 0);
    }
    store = rig_open();
    CHECK_INT(rig_count(store), N);
    rig_close(store);
}

struct told {
    char text[1000];
    size_t used;
};

static ks_rc tell(void *arg, const char *name, const char *value,
                  struct ks_err *err)
{
    struct told *told = arg;

    (void)err;
    told->used += (size_t)snprintf(told->text + told->used,
                                   sizeof(told->text) - told->used, "%s=%s\n",
                                   name, value);
    return KS_OK;
}

static ks_rc check_place(struct told *told, struct ks_err *err)
{
    static const struct ks_setting settings[] = {{"path", RIG_FILE}};
    const struct ks_backend_env env = {
        .name = "db", .dir = test_dir(), .settings = settings, .n_settings = 1};

    *told = (struct told){.used = 0};
    *err = (struct ks_err){0};
    return ks_sqlite_backend.check(&env, tell, told, err);
}

static void a_check_tells_what_is_there(void)
{
    struct told told;
    struct ks_err err;

    CHECK_OK(check_place(&told, &err), &err);
    CHECK_CONTAINS(told.text, "file=");
    CHECK(strstr(told.text, "keys=") == NULL);
    CHECK(access(test_path(RIG_FILE), F_OK) != 0);
    make_key();
    CHECK_OK(check_place(&told, &err), &err);
    CHECK_CONTAINS(told.text, "schema=1\njournal=wal\nkeys=1\n");
    rig_sql("PRAGMA user_version=7");
    CHECK_RC(check_place(&told, &err), KS_E_CONFIG);
}

static void a_check_finds_a_damaged_page(void)
{
    struct told told;
    struct ks_err err;
    size_t len;
    char *text;

    make_key();
    text = test_read(RIG_FILE, &len);
    REQUIRE(text != NULL && len > 2 * 4096);
    memset(text + 4096 + 8, 0xff, 100); /* the head of the second page */
    test_write(RIG_FILE, text, len, 0600);
    free(text);
    CHECK_RC(check_place(&told, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, RIG_FILE);
}

static const struct test_case cases[] = {
    TEST_CASE(an_empty_file_is_an_empty_database),
    TEST_CASE(a_file_that_is_no_database_is_refused),
    TEST_CASE(another_programs_database_is_refused_and_stays),
    TEST_CASE(the_schema_of_a_newer_program_is_refused),
    TEST_CASE(a_database_that_lost_its_table_is_refused),
    TEST_CASE(a_strangers_trigger_does_not_run),
    TEST_CASE(a_strangers_view_is_not_read),
    TEST_CASE(its_table_is_strict),
    TEST_CASE(every_connection_syncs_what_it_commits),
    TEST_CASE(a_truncated_database_gives_no_other_key),
    TEST_CASE(a_flipped_bit_gives_no_other_key),
    TEST_CASE(a_symbolic_link_is_not_followed),
    TEST_CASE(what_is_no_file_is_refused_and_not_waited_for),
    TEST_CASE(a_file_that_others_may_use_is_refused),
    TEST_CASE(a_folder_that_others_may_write_is_refused),
    TEST_CASE(a_folder_that_is_not_there_is_named),
    TEST_CASE(a_read_only_folder_is_enough_to_read),
    TEST_CASE(a_read_only_file_is_enough_to_read),
    TEST_CASE(a_strangers_file_is_refused),
    TEST_CASE(a_write_that_fails_loses_nothing),
    TEST_CASE(a_locked_database_is_busy_for_writers_alone),
    TEST_CASE(a_file_put_in_its_place_is_seen_at_once),
    TEST_CASE(a_file_that_is_gone_holds_no_keys),
    TEST_CASE(many_makers_make_one_database),
    TEST_CASE(a_check_tells_what_is_there),
    TEST_CASE(a_check_finds_a_damaged_page),
};
TEST_MAIN("store.sqlite_db", cases)
