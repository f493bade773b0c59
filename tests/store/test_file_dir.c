/* store/file/dir.c */
#include "file/dir.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "tmpdir.h"

static ks_rc open_it(const char *name, bool create, struct ks_err *err)
{
    int dir = -1;
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = ks_file_dir_open(test_path(name), create, &dir, err);
    CHECK((rc == KS_OK) == (dir >= 0));
    ks_file_close(dir);
    return rc;
}

static void it_is_made_private_when_asked(void)
{
    struct ks_err err;
    struct stat status;
    mode_t was = umask(0);

    CHECK_RC(open_it("keys", false, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "keys");
    CHECK_OK(open_it("keys", true, &err), &err);
    REQUIRE(stat(test_path("keys"), &status) == 0);
    CHECK_INT(status.st_mode & 07777, 0700);
    CHECK_OK(open_it("keys", true, &err), &err);
    (void)umask(was);
}

static void parents_are_not_made(void)
{
    struct ks_err err;

    CHECK_RC(open_it("no/such/keys", true, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "no/such/keys: cannot make");
}

static void modes_that_let_others_in_are_refused(void)
{
    static const struct {
        mode_t mode;
        ks_rc rc;
        const char *why;
    } rows[] = {
        {0700, KS_OK, ""},
        {0500, KS_OK, ""},
        {0755, KS_E_DENIED, "others may read"},
        {0750, KS_E_DENIED, "others may read"},
        {0711, KS_E_DENIED, "others may read"},
        {0722, KS_E_DENIED, "others may write"},
        {0777, KS_E_DENIED, "others may write"},
        {01777, KS_E_DENIED, "others may write"},
    };

    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_err err;

        REQUIRE(chmod(test_path("keys"), rows[i].mode) == 0);
        CHECK_RC(open_it("keys", false, &err), rows[i].rc);
        CHECK_CONTAINS(err.text, rows[i].why);
        if (rows[i].rc != KS_OK)
            CHECK_CONTAINS(err.hint, "chmod 700 ");
    }
}

static void links_files_and_fifos_are_no_directories(void)
{
    struct ks_err err;

    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    REQUIRE(symlink("keys", test_path("link")) == 0);
    CHECK_RC(open_it("link", true, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "symbolic link");
    REQUIRE(symlink("nowhere", test_path("dangling")) == 0);
    CHECK_RC(open_it("dangling", true, &err), KS_E_DENIED);
    CHECK(access(test_path("nowhere"), F_OK) != 0);
    test_write("file", "", 0, 0600);
    CHECK_RC(open_it("file", true, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "not a directory");
    REQUIRE(mkfifo(test_path("fifo"), 0600) == 0);
    CHECK_RC(open_it("fifo", true, &err), KS_E_CONFIG);
}

/* Root alone can make directories of others. */
static void those_of_other_people_are_refused(void)
{
    struct ks_err err;

    if (geteuid() != 0)
        return;
    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    REQUIRE(chown(test_path("keys"), 12345, (gid_t)-1) == 0);
    CHECK_RC(open_it("keys", true, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "belongs to neither");
}

static void the_lock_keeps_others_waiting(void)
{
    struct ks_err err = {0};
    int dir, lock, ends[2], status;
    char byte;
    pid_t child;

    REQUIRE(ks_file_dir_open(test_path("keys"), true, &dir, &err) == KS_OK);
    REQUIRE(ks_file_dir_lock("keys", dir, &lock, &err) == KS_OK);
    REQUIRE(pipe(ends) == 0);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int mine = -1;

        /* The lock is of the open file that the fork shares. */
        ks_file_close(lock);
        if (ks_file_dir_lock("keys", dir, &mine, NULL) != KS_OK ||
            write(ends[1], "x", 1) != 1)
            _exit(1);
        _exit(0); /* with the lock: the system gives it back */
    }
    (void)usleep(50000);
    CHECK(write(ends[1], "p", 1) == 1);
    ks_file_dir_unlock(lock);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'p');
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x');
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK_OK(ks_file_dir_lock("keys", dir, &lock, &err), &err);
    ks_file_dir_unlock(lock);
    ks_file_dir_unlock(-1);
    ks_file_close(dir);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* As when another thread of a server forks a worker just then. */
static void a_child_of_the_writer_does_not_keep_the_lock(void)
{
    struct ks_err err = {0};
    int dir, lock, again, ends[2], status;
    pid_t child;

    REQUIRE(ks_file_dir_open(test_path("keys"), true, &dir, &err) == KS_OK);
    REQUIRE(ks_file_dir_lock("keys", dir, &lock, &err) == KS_OK);
    REQUIRE(pipe(ends) == 0);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char byte;

        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1); /* lives till told */
    }
    ks_file_dir_unlock(lock);
    again = openat(dir, ".lock", O_RDWR | O_CLOEXEC);
    CHECK(again >= 0 && flock(again, LOCK_EX | LOCK_NB) == 0);
    ks_file_close(again);
    (void)close(ends[1]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    (void)close(ends[0]);
    ks_file_close(dir);
}

static void a_lock_that_is_a_link_is_not_followed(void)
{
    struct ks_err err = {0};
    int dir, lock = -1;

    REQUIRE(ks_file_dir_open(test_path("keys"), true, &dir, &err) == KS_OK);
    REQUIRE(symlink("../elsewhere", test_path("keys/.lock")) == 0);
    CHECK_RC(ks_file_dir_lock("keys", dir, &lock, &err), KS_E_DENIED);
    CHECK_INT(lock, -1);
    CHECK(access(test_path("elsewhere"), F_OK) != 0);
    ks_file_close(dir);
}

static const struct test_case cases[] = {
    TEST_CASE(it_is_made_private_when_asked),
    TEST_CASE(parents_are_not_made),
    TEST_CASE(modes_that_let_others_in_are_refused),
    TEST_CASE(links_files_and_fifos_are_no_directories),
    TEST_CASE(those_of_other_people_are_refused),
    TEST_CASE(the_lock_keeps_others_waiting),
    TEST_CASE(a_child_of_the_writer_does_not_keep_the_lock),
    TEST_CASE(a_lock_that_is_a_link_is_not_followed),
};
TEST_MAIN("store.file_dir", cases)
