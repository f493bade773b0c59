/* store/file/list.c */
#include "file/list.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/dir.h"
#include "file/name.h"
#include "test.h"
#include "tmpdir.h"

static const struct ks_crypto ours = {NULL, NULL};

/* Names with a '|' after each. */
struct names {
    char text[2048];
    const char *stop_at;
};

static ks_rc add(void *arg, const char *name, struct ks_err *err)
{
    struct names *names = arg;
    size_t used = strlen(names->text);

    (void)err;
    if (names->stop_at != NULL && strcmp(names->stop_at, name) == 0)
        return KS_E_INTERRUPTED;
    (void)snprintf(names->text + used, sizeof(names->text) - used, "%s|", name);
    return KS_OK;
}

static ks_rc list(struct names *names)
{
    struct ks_file_dir dir = {.path = "keys", .fd = -1};
    ks_rc rc;

    (void)CHECK_RC(ks_file_dir_open(test_path("keys"), true, &dir.fd, NULL),
                   KS_OK);
    rc = ks_file_list(&ours, &dir, add, names, NULL);
    ks_file_close(dir.fd);
    return rc;
}

static void keys_are_listed_sorted_and_nothing_else(void)
{
    struct names names = {0};

    CHECK_RC(list(&names), KS_OK);
    CHECK_STR(names.text, "");
    test_write("keys/b.pem", "b", 1, 0600);
    test_write("keys/a%2Fc.pem", "", 0, 0600);
    test_write("keys/.lock", "", 0, 0600);
    test_write("keys/.tmp-7", "", 0, 0600);
    test_write("keys/README", "", 0, 0600);
    test_write("keys/b.pem.bak", "", 0, 0600);
    test_write("keys/not%20canoni%63al.pem", "", 0, 0600);
    CHECK_RC(list(&names), KS_OK);
    CHECK_STR(names.text, "a/c|b|");
}

/* The hash says nothing: the file has to, and is believed only if its own
 * hash is the file's name. */
static void long_names_are_read_from_their_files(void)
{
    struct names names = {0};
    char name[KS_KEY_NAME_MAX + 1], file_name[KS_FILE_NAME_SIZE], path[300],
        text[300];

    memset(name, 'l', sizeof(name));
    name[KS_KEY_NAME_MAX] = '\0';
    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    REQUIRE(ks_file_name(&ours, name, file_name, NULL) == KS_OK);
    (void)snprintf(path, sizeof(path), "keys/%s", file_name);
    (void)snprintf(text, sizeof(text), "Key: %s\n", name);
    test_write(path, text, strlen(text), 0600);
    CHECK_RC(list(&names), KS_OK);
    CHECK_INT(strlen(names.text), KS_KEY_NAME_MAX + 1);
    CHECK(strncmp(names.text, name, KS_KEY_NAME_MAX) == 0);
    test_write(path, "Key: other\n", 11, 0600);
    names.text[0] = '\0';
    CHECK_RC(list(&names), KS_OK);
    CHECK_STR(names.text, "");
    REQUIRE(unlink(test_path(path)) == 0 && mkfifo(test_path(path), 0600) == 0);
    CHECK_RC(list(&names), KS_OK);
    CHECK_STR(names.text, "");
}

static void whoever_is_told_can_stop(void)
{
    struct names names = {.stop_at = "b"};

    REQUIRE(mkdir(test_path("keys"), 0700) == 0);
    test_write("keys/a.pem", "", 0, 0600);
    test_write("keys/b.pem", "", 0, 0600);
    test_write("keys/c.pem", "", 0, 0600);
    CHECK_RC(list(&names), KS_E_INTERRUPTED);
    CHECK_STR(names.text, "a|");
}

static const struct test_case cases[] = {
    TEST_CASE(keys_are_listed_sorted_and_nothing_else),
    TEST_CASE(long_names_are_read_from_their_files),
    TEST_CASE(whoever_is_told_can_stop),
};
TEST_MAIN("store.file_list", cases)
