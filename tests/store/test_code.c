/* store/code.c */
#include "ks_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "test.h"
#include "tmpdir.h"

/* The folder of the case may be reached through a symbolic link. */
static void real_path(const char *name, char *out, size_t size)
{
    char *dir = realpath(test_dir(), NULL);

    (void)snprintf(out, size, "%s/%s", dir != NULL ? dir : "?", name);
    free(dir);
}

/* Checks NAME below the folder of the case. */
static ks_rc check(const char *name, struct ks_err *err)
{
    memset(err, 0, sizeof(*err));
    return ks_code_check(test_path(name), NULL, err);
}

static void a_file_of_ours_is_found(void)
{
    struct ks_err err = {0};
    char want[4096], *real = NULL;

    test_write("x.so", "", 0, 0644);
    real_path("x.so", want, sizeof(want));
    CHECK_OK(ks_code_check(test_path("x.so"), &real, &err), &err);
    CHECK_STR(real, want);
    OPENSSL_free(real);
    CHECK_OK(check("x.so", &err), &err);
}

static void what_is_no_file_at_all_is_refused(void)
{
    struct ks_err err;
    char *real = NULL;

    CHECK_RC(check("none.so", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "none.so");
    CHECK_CONTAINS(err.text, "No such file");
    CHECK_RC(check("none/x.so", &err), KS_E_CONFIG);
    REQUIRE(mkdir(test_path("dir.so"), 0755) == 0);
    CHECK_RC(check("dir.so", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "not a regular file");
    CHECK_RC(check("dir.so/", &err), KS_E_CONFIG);
    REQUIRE(mkfifo(test_path("fifo.so"), 0644) == 0);
    CHECK_RC(check("fifo.so", &err), KS_E_CONFIG);
    test_write("x.so", "", 0, 0644);
    CHECK_RC(check("x.so/", &err), KS_E_CONFIG);
    CHECK_RC(ks_code_check("/", NULL, &err), KS_E_CONFIG);
    CHECK_RC(ks_code_check("/dev/null", &real, &err), KS_E_CONFIG);
    CHECK(real == NULL);
}

static void relative_paths_are_refused(void)
{
    static const char *const paths[] = {"", "x.so", "./x.so", "lib/x.so", "~"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct ks_err err = {0};

        CHECK_RC(ks_code_check(paths[i], NULL, &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, "not an absolute path");
        CHECK(err.hint[0] != '\0');
    }
}

static void files_that_others_may_write_are_refused(void)
{
    static const mode_t modes[] = {0666, 0664, 0646, 0620, 0602};
    struct ks_err err;

    test_write("x.so", "", 0, 0644);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        REQUIRE(chmod(test_path("x.so"), modes[i]) == 0);
        CHECK_RC(check("x.so", &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "others may write it");
        CHECK_CONTAINS(err.hint, "chmod go-w");
        CHECK_CONTAINS(err.hint, "x.so");
    }
    REQUIRE(chmod(test_path("x.so"), 0755) == 0);
    CHECK_RC(check("x.so", &err), KS_OK);
}

static void folders_that_others_may_write_are_refused(void)
{
    struct ks_err err;

    REQUIRE(mkdir(test_path("a"), 0755) == 0);
    REQUIRE(mkdir(test_path("a/b"), 0755) == 0);
    test_write("a/b/x.so", "", 0, 0644);
    CHECK_RC(check("a/b/x.so", &err), KS_OK);
    REQUIRE(chmod(test_path("a/b"), 0777) == 0);
    CHECK_RC(check("a/b/x.so", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "a/b: others may write it");
    /* It cannot be moved away there, nor another put in its place. */
    REQUIRE(chmod(test_path("a/b"), 01777) == 0);
    CHECK_RC(check("a/b/x.so", &err), KS_OK);
    REQUIRE(chmod(test_path("a/b"), 0755) == 0);
    REQUIRE(chmod(test_path("a"), 0775) == 0);
    CHECK_RC(check("a/b/x.so", &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "a: others may write it");
}

static void a_symbolic_link_is_refused(void)
{
    struct ks_err err;

    test_write("x.so", "", 0, 0644);
    REQUIRE(symlink("x.so", test_path("link.so")) == 0);
    CHECK_RC(check("link.so", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "is a symbolic link");
    REQUIRE(symlink("nowhere", test_path("loose.so")) == 0);
    CHECK_RC(check("loose.so", &err), KS_E_CONFIG);
    REQUIRE(symlink("loop", test_path("loop")) == 0);
    CHECK_RC(check("loop/x.so", &err), KS_E_CONFIG);
}

/* As /lib is on many systems. What counts is where it leads. */
static void a_folder_may_be_a_symbolic_link(void)
{
    struct ks_err err = {0};
    char want[4096], *real = NULL;

    REQUIRE(mkdir(test_path("a"), 0755) == 0);
    REQUIRE(symlink("a", test_path("b")) == 0);
    test_write("a/x.so", "", 0, 0644);
    real_path("a/x.so", want, sizeof(want));
    CHECK_OK(ks_code_check(test_path("b/x.so"), &real, &err), &err);
    CHECK_STR(real, want);
    OPENSSL_free(real);
    REQUIRE(chmod(test_path("a"), 0777) == 0);
    CHECK_RC(check("b/x.so", &err), KS_E_DENIED);
}

static void files_of_somebody_else_are_refused(void)
{
    struct ks_err err;

    test_write("x.so", "", 0, 0644);
    if (geteuid() == 0) {
        REQUIRE(chown(test_path("x.so"), 12345, 0) == 0);
        CHECK_RC(check("x.so", &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "belongs to neither root nor you");
        REQUIRE(chown(test_path("x.so"), 0, 0) == 0);
        REQUIRE(mkdir(test_path("a"), 01755) == 0);
        test_write("a/x.so", "", 0, 0644);
        REQUIRE(chown(test_path("a"), 12345, 0) == 0);
        CHECK_RC(check("a/x.so", &err), KS_E_DENIED);
        return;
    }
    /* Nobody else's file can be made by a user: root's is accepted. */
    CHECK_RC(check("x.so", &err), KS_OK);
    CHECK_RC(ks_code_check("/etc/passwd", NULL, &err), KS_OK);
}

static const struct test_case cases[] = {
    TEST_CASE(a_file_of_ours_is_found),
    TEST_CASE(what_is_no_file_at_all_is_refused),
    TEST_CASE(relative_paths_are_refused),
    TEST_CASE(files_that_others_may_write_are_refused),
    TEST_CASE(folders_that_others_may_write_are_refused),
    TEST_CASE(a_symbolic_link_is_refused),
    TEST_CASE(a_folder_may_be_a_symbolic_link),
    TEST_CASE(files_of_somebody_else_are_refused),
};
TEST_MAIN("store.code", cases)
