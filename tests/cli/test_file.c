/* cli/file.c */
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tmpdir.h"

static struct cli cli = {.umask = 022};

static ks_rc write_file(const char *path, enum cli_file_mode mode, bool force,
                        const char *text, struct ks_err *err)
{
    struct cli_file file;
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = cli_file_open(&file, &cli, path, mode, force, err);
    if (rc == KS_OK)
        rc = cli_file_commit(&file, text, strlen(text), err);
    cli_file_abort(&file);
    return rc;
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 ? (unsigned)st.st_mode & 07777 : 0;
}

static int entries(void)
{
    DIR *folder = opendir(test_dir());
    int n = 0;

    while (folder != NULL && readdir(folder) != NULL)
        n++;
    if (folder != NULL)
        (void)closedir(folder);
    return n - 2;
}

static void a_new_file_has_its_mode_and_content(void)
{
    struct ks_err err;
    char *text;
    size_t len;

    CHECK_OK(write_file(test_path("cert"), CLI_FILE_PUBLIC, false, "x", &err),
             &err);
    CHECK_INT(mode_of(test_path("cert")), 0644);
    CHECK_OK(write_file(test_path("key"), CLI_FILE_SECRET, false, "y", &err),
             &err);
    CHECK_INT(mode_of(test_path("key")), 0600);
    text = test_read("key", &len);
    CHECK_STR(text, "y");
    free(text);
    CHECK_INT(entries(), 2);
}

static void a_file_is_not_overwritten_without_force(void)
{
    struct ks_err err;
    char *text;
    size_t len;

    test_write("a", "old", 3, 0600);
    CHECK_RC(write_file(test_path("a"), CLI_FILE_PUBLIC, false, "new", &err),
             KS_E_EXISTS);
    CHECK_CONTAINS(err.hint, "--force");
    text = test_read("a", &len);
    CHECK_STR(text, "old");
    free(text);
    CHECK_OK(write_file(test_path("a"), CLI_FILE_PUBLIC, true, "new", &err),
             &err);
    text = test_read("a", &len);
    CHECK_STR(text, "new");
    free(text);
    CHECK_INT(entries(), 1);
}

static void one_that_appears_in_the_meantime_stays(void)
{
    struct cli_file file;
    struct ks_err err = {0};
    char *text;
    size_t len;

    REQUIRE(CHECK_OK(cli_file_open(&file, &cli, test_path("a"), CLI_FILE_PUBLIC,
                                   false, &err),
                     &err));
    test_write("a", "theirs", 6, 0600);
    CHECK_RC(cli_file_commit(&file, "ours", 4, &err), KS_E_EXISTS);
    cli_file_abort(&file);
    text = test_read("a", &len);
    CHECK_STR(text, "theirs");
    free(text);
    CHECK_INT(entries(), 1);
}

static void an_abort_leaves_nothing(void)
{
    struct cli_file file;
    struct ks_err err = {0};

    REQUIRE(CHECK_OK(cli_file_open(&file, &cli, test_path("a"), CLI_FILE_PUBLIC,
                                   false, &err),
                     &err));
    cli_file_abort(&file);
    cli_file_abort(&file);
    CHECK_INT(entries(), 0);
}

static void links_folders_and_devices_are_refused(void)
{
    struct ks_err err;

    test_write("target", "t", 1, 0600);
    REQUIRE(symlink(test_path("target"), test_path("link")) == 0);
    REQUIRE(mkfifo(test_path("fifo"), 0600) == 0);
    CHECK_RC(write_file(test_path("link"), CLI_FILE_PUBLIC, true, "x", &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "symbolic link");
    CHECK_RC(write_file(test_path("fifo"), CLI_FILE_PUBLIC, true, "x", &err),
             KS_E_INVALID);
    CHECK_RC(write_file(test_dir(), CLI_FILE_PUBLIC, true, "x", &err),
             KS_E_INVALID);
    CHECK_RC(write_file("/dev/null", CLI_FILE_PUBLIC, true, "x", &err),
             KS_E_INVALID);
    CHECK_RC(write_file(test_path("none/x"), CLI_FILE_PUBLIC, true, "x", &err),
             KS_E_NOT_FOUND);
    CHECK_INT(entries(), 3);
}

static void a_uri_is_no_file_name(void)
{
    struct ks_err err;

    CHECK_RC(write_file("keystore://a/b", CLI_FILE_PUBLIC, false, "x", &err),
             KS_E_INVALID);
    CHECK_RC(write_file("pkcs11:object=a", CLI_FILE_PUBLIC, false, "x", &err),
             KS_E_INVALID);
    CHECK_RC(write_file("file:a", CLI_FILE_PUBLIC, false, "x", &err),
             KS_E_INVALID);
    CHECK_RC(write_file("", CLI_FILE_PUBLIC, false, "x", &err), KS_E_INVALID);
    CHECK_OK(cli_file_name_check("--out", "./a:b", &err), &err);
    CHECK_OK(cli_file_name_check("--out", "a/b:c", &err), &err);
    CHECK_OK(cli_file_name_check("--out", "9:b", &err), &err);
}

static void input_is_read_whole(void)
{
    struct ks_err err = {0};
    struct ks_buf content = {0};
    static char big[100000];

    memset(big, 'x', sizeof(big));
    test_write("big", big, sizeof(big), 0600);
    CHECK_OK(cli_file_read("--in", test_path("big"), &content, &err), &err);
    CHECK_BYTES(content.data, content.len, big, sizeof(big));
    cli_file_wipe(&content);
    cli_file_wipe(&content);
}

static void hostile_input_is_refused(void)
{
    struct ks_err err = {0};
    struct ks_buf content = {0};

    test_write("empty", "", 0, 0600);
    test_write("huge", "x", 1, 0600);
    REQUIRE(truncate(test_path("huge"), (off_t)1 << 30) == 0);
    REQUIRE(mkfifo(test_path("fifo"), 0600) == 0);
    CHECK_RC(cli_file_read("--in", test_path("empty"), &content, &err),
             KS_E_INVALID);
    err = (struct ks_err){0};
    CHECK_RC(cli_file_read("--in", test_path("huge"), &content, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "over");
    err = (struct ks_err){0};
    CHECK_RC(cli_file_read("--in", test_path("fifo"), &content, &err),
             KS_E_INVALID);
    err = (struct ks_err){0};
    CHECK_RC(cli_file_read("--in", test_dir(), &content, &err), KS_E_INVALID);
    err = (struct ks_err){0};
    CHECK_RC(cli_file_read("--in", "/dev/zero", &content, &err), KS_E_INVALID);
    err = (struct ks_err){0};
    CHECK_RC(cli_file_read("--in", test_path("none"), &content, &err),
             KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "none");
    CHECK(content.data == NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(a_new_file_has_its_mode_and_content),
    TEST_CASE(a_file_is_not_overwritten_without_force),
    TEST_CASE(one_that_appears_in_the_meantime_stays),
    TEST_CASE(an_abort_leaves_nothing),
    TEST_CASE(links_folders_and_devices_are_refused),
    TEST_CASE(a_uri_is_no_file_name),
    TEST_CASE(input_is_read_whole),
    TEST_CASE(hostile_input_is_refused),
};

TEST_MAIN("cli.file", cases)
