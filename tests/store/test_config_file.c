/* store/config/config_file.c */
#include "config/config_file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_scan.h"
#include "test.h"
#include "tmpdir.h"

static ks_rc read_it(const char *name, struct ks_err *err)
{
    struct ks_secret text = {0};
    struct stat status;
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = ks_config_read(test_path(name), &text, &status, err);
    ks_secret_clear(&text);
    return rc;
}

static void modes_that_let_others_write_are_refused(void)
{
    struct ks_err err;

    test_write("c", "[caadm]\n", 8, 0644);
    CHECK_OK(read_it("c", &err), &err);
    test_write("c", "[caadm]\n", 8, 0664); /* our own group */
    CHECK_OK(read_it("c", &err), &err);
    test_write("c", "[caadm]\n", 8, 0666);
    CHECK_RC(read_it("c", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "others may write it");
    CHECK_CONTAINS(err.hint, "chmod go-w ");
}

/* Root alone can make files of others; as anybody else there is none here. */
static void files_of_other_people_are_refused(void)
{
    struct ks_err err;

    if (geteuid() != 0)
        return;
    test_write("c", "[caadm]\n", 8, 0644);
    REQUIRE(chown(test_path("c"), 12345, (gid_t)-1) == 0);
    CHECK_RC(read_it("c", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "belongs to neither");
    test_write("d", "[caadm]\n", 8, 0664);
    REQUIRE(chown(test_path("d"), (uid_t)-1, 12345) == 0);
    REQUIRE(chmod(test_path("d"), 0664) == 0);
    CHECK_RC(read_it("d", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "others may write it");
}

static void only_regular_files_are_read(void)
{
    struct ks_err err;

    REQUIRE(mkdir(test_path("dir"), 0700) == 0);
    CHECK_RC(read_it("dir", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "not a regular file");
    REQUIRE(mkfifo(test_path("fifo"), 0600) == 0);
    CHECK_RC(read_it("fifo", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "not a regular file");
}

static void huge_files_are_refused_unread(void)
{
    struct ks_err err;

    test_write("c", "", 0, 0600);
    REQUIRE(truncate(test_path("c"), 1 << 30) == 0);
    CHECK_RC(read_it("c", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "larger than");
    REQUIRE(truncate(test_path("c"), KS_CONFIG_SIZE_MAX) == 0);
    CHECK_OK(read_it("c", &err), &err);
}

static const struct test_case cases[] = {
    TEST_CASE(modes_that_let_others_write_are_refused),
    TEST_CASE(files_of_other_people_are_refused),
    TEST_CASE(only_regular_files_are_read),
    TEST_CASE(huge_files_are_refused_unread),
};
TEST_MAIN("store.config_file", cases)
