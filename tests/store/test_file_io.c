/* store/file/io.c */
#include "file/io.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/dir.h"
#include "file/key_file.h"
#include "test.h"
#include "tmpdir.h"

/* The folder "keys" of this case, open. */
static struct ks_file_dir open_keys(void)
{
    struct ks_file_dir dir = {.path = "keys", .fd = -1};

    (void)CHECK_RC(ks_file_dir_open(test_path("keys"), true, &dir.fd, NULL),
                   KS_OK);
    return dir;
}

static ks_rc read_it(const struct ks_file_dir *dir, const char *name,
                     struct ks_err *err)
{
    struct ks_secret text = {0};
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = ks_file_read(dir, name, &text, err);
    ks_secret_clear(&text);
    return rc;
}

static ks_rc write_it(const struct ks_file_dir *dir, const char *name,
                      const char *text, bool replace, struct ks_err *err)
{
    struct ks_secret secret = {0};
    ks_rc rc;

    *err = (struct ks_err){0};
    (void)CHECK_RC(ks_secret_set(&secret, text, strlen(text)), KS_OK);
    rc = ks_file_write(dir, name, &secret, replace, err);
    ks_secret_clear(&secret);
    return rc;
}

static void check_text(const char *name, const char *want)
{
    size_t len;
    char *text = test_read(name, &len);

    CHECK_STR(text, want);
    free(text);
}

static void what_is_written_is_private_whatever_the_umask(void)
{
    static const mode_t masks[] = {0, 022, 0777};
    struct ks_file_dir dir = open_keys();

    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        mode_t was = umask(masks[i]);
        struct ks_err err;
        struct stat status;

        CHECK_OK(write_it(&dir, "k.pem", "text", true, &err), &err);
        (void)umask(was);
        REQUIRE(stat(test_path("keys/k.pem"), &status) == 0);
        CHECK_INT(status.st_mode & 07777, 0600);
        CHECK_OK(read_it(&dir, "k.pem", &err), &err);
    }
    ks_file_close(dir.fd);
}

static void nothing_is_overwritten_unless_asked(void)
{
    struct ks_file_dir dir = open_keys();
    struct ks_err err;

    CHECK_OK(write_it(&dir, "k.pem", "one", false, &err), &err);
    CHECK_RC(write_it(&dir, "k.pem", "two", false, &err), KS_E_EXISTS);
    check_text("keys/k.pem", "one");
    CHECK_OK(write_it(&dir, "k.pem", "three", true, &err), &err);
    check_text("keys/k.pem", "three");
    REQUIRE(symlink("k.pem", test_path("keys/link.pem")) == 0);
    CHECK_RC(write_it(&dir, "link.pem", "four", false, &err), KS_E_EXISTS);
    check_text("keys/k.pem", "three");
    CHECK(!ks_file_exists(&dir, ".tmp-x"));
    ks_file_close(dir.fd);
}

static void only_private_regular_files_are_read(void)
{
    struct ks_file_dir dir = open_keys();
    struct ks_err err;

    CHECK_RC(read_it(&dir, "none.pem", &err), KS_E_NOT_FOUND);
    CHECK_STR(err.text, "");
    test_write("keys/k.pem", "text", 4, 0640);
    CHECK_RC(read_it(&dir, "k.pem", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "keys/k.pem: others may read or write it");
    CHECK_CONTAINS(err.hint, "chmod 600 keys/k.pem");
    REQUIRE(symlink("k.pem", test_path("keys/link.pem")) == 0);
    CHECK_RC(read_it(&dir, "link.pem", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "symbolic link");
    REQUIRE(mkfifo(test_path("keys/fifo.pem"), 0600) == 0);
    CHECK_RC(read_it(&dir, "fifo.pem", &err), KS_E_DAMAGED);
    REQUIRE(mkdir(test_path("keys/dir.pem"), 0700) == 0);
    CHECK_RC(read_it(&dir, "dir.pem", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "not a regular file");
    if (geteuid() == 0) { /* nobody else can give files away */
        test_write("keys/k.pem", "text", 4, 0600);
        REQUIRE(chown(test_path("keys/k.pem"), 12345, (gid_t)-1) == 0);
        CHECK_RC(read_it(&dir, "k.pem", &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "belongs to neither");
    }
    ks_file_close(dir.fd);
}

static void a_gigabyte_is_refused_unread(void)
{
    struct ks_file_dir dir = open_keys();
    struct ks_err err;

    test_write("keys/k.pem", "", 0, 0600);
    REQUIRE(truncate(test_path("keys/k.pem"), 1 << 30) == 0);
    CHECK_RC(read_it(&dir, "k.pem", &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "larger than 65536");
    REQUIRE(truncate(test_path("keys/k.pem"), KS_KEY_FILE_MAX) == 0);
    CHECK_OK(read_it(&dir, "k.pem", &err), &err);
    ks_file_close(dir.fd);
}

/* A limit of the process stands for a full disk here; a real one is filled in
 * tests/contract. */
static void what_does_not_fit_leaves_nothing(void)
{
    struct ks_file_dir dir = open_keys();
    struct rlimit was, small;
    struct ks_err err;
    char big[4096];

    REQUIRE(getrlimit(RLIMIT_FSIZE, &was) == 0);
    small = was;
    small.rlim_cur = 1000;
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    CHECK_OK(write_it(&dir, "old.pem", "old", false, &err), &err);
    (void)signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_RC(write_it(&dir, "k.pem", big, false, &err), KS_E_FULL);
    CHECK_CONTAINS(err.text, "keys/k.pem: cannot write");
    CHECK_RC(write_it(&dir, "old.pem", big, true, &err), KS_E_FULL);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &was) == 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    CHECK(!ks_file_exists(&dir, "k.pem"));
    check_text("keys/old.pem", "old");
    REQUIRE(unlink(test_path("keys/old.pem")) == 0);
    CHECK(rmdir(test_path("keys")) == 0); /* so it was empty */
    ks_file_close(dir.fd);
}

/* fsync(2) takes no descriptor of O_PATH, all else does. */
static void what_may_not_last_is_taken_back(void)
{
    struct ks_file_dir dir = open_keys();
    struct ks_err err = {0};

    CHECK_OK(write_it(&dir, "old.pem", "old", false, &err), &err);
    ks_file_close(dir.fd);
    dir.fd = open(test_path("keys"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(dir.fd >= 0);
    CHECK_RC(write_it(&dir, "k.pem", "k", false, &err), KS_E_IO);
    CHECK_CONTAINS(err.text, "cannot sync");
    CHECK(!ks_file_exists(&dir, "k.pem"));
    CHECK_RC(write_it(&dir, "old.pem", "new", true, &err), KS_E_IO);
    CHECK(ks_file_exists(&dir, "old.pem"));
    ks_file_close(dir.fd);
}

static void a_folder_of_the_temporary_name_is_told_by_it(void)
{
    struct ks_file_dir dir = open_keys();
    struct ks_err err;
    char temp[64];

    (void)snprintf(temp, sizeof(temp), "keys/.tmp-%ld", (long)getpid());
    REQUIRE(mkdir(test_path(temp), 0700) == 0);
    ks_file_sweep(&dir);
    CHECK_RC(write_it(&dir, "k.pem", "k", false, &err), KS_E_IO);
    CHECK_CONTAINS(err.text, temp);
    CHECK_CONTAINS(err.text, "is in the way");
    CHECK(!ks_file_exists(&dir, "k.pem"));
    REQUIRE(rmdir(test_path(temp)) == 0);
    CHECK_OK(write_it(&dir, "k.pem", "k", false, &err), &err);
    ks_file_close(dir.fd);
}

static void removal_is_of_that_file_alone(void)
{
    struct ks_file_dir dir = open_keys();
    struct ks_err err = {0};

    CHECK_OK(write_it(&dir, "a.pem", "a", false, &err), &err);
    CHECK_OK(write_it(&dir, "b.pem", "b", false, &err), &err);
    CHECK_OK(ks_file_remove(&dir, "a.pem", &err), &err);
    CHECK_RC(ks_file_remove(&dir, "a.pem", &err), KS_E_NOT_FOUND);
    CHECK_STR(err.text, "");
    check_text("keys/b.pem", "b");
    REQUIRE(symlink("b.pem", test_path("keys/link.pem")) == 0);
    CHECK_OK(ks_file_remove(&dir, "link.pem", &err), &err);
    check_text("keys/b.pem", "b");
    ks_file_close(dir.fd);
}

static void sweeping_takes_what_dead_writers_left(void)
{
    struct ks_file_dir dir = open_keys();

    test_write("keys/.tmp-1", "half", 4, 0600);
    test_write("keys/.tmp-2", "", 0, 0600);
    test_write("keys/a.pem", "a", 1, 0600);
    test_write("keys/.lock", "", 0, 0600);
    test_write("keys/.other", "o", 1, 0600);
    ks_file_sweep(&dir);
    CHECK(!ks_file_exists(&dir, ".tmp-1"));
    CHECK(!ks_file_exists(&dir, ".tmp-2"));
    CHECK(ks_file_exists(&dir, "a.pem"));
    CHECK(ks_file_exists(&dir, ".lock"));
    CHECK(ks_file_exists(&dir, ".other"));
    ks_file_close(dir.fd);
}

static const struct test_case cases[] = {
    TEST_CASE(what_is_written_is_private_whatever_the_umask),
    TEST_CASE(nothing_is_overwritten_unless_asked),
    TEST_CASE(only_private_regular_files_are_read),
    TEST_CASE(a_gigabyte_is_refused_unread),
    TEST_CASE(what_does_not_fit_leaves_nothing),
    TEST_CASE(what_may_not_last_is_taken_back),
    TEST_CASE(a_folder_of_the_temporary_name_is_told_by_it),
    TEST_CASE(removal_is_of_that_file_alone),
    TEST_CASE(sweeping_takes_what_dead_writers_left),
};
TEST_MAIN("store.file_io", cases)
