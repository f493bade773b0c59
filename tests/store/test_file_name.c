/* store/file/name.c */
#include "file/name.h"

#include <string.h>

#include "test.h"

/* A hash is written in small letters, so this is none of ours. */
#define LONG_IN_CAPITALS                                                       \
    "%sha256-"                                                                 \
    "E3B0C44298FC1C149AFBF4C8996FB924"                                         \
    "27AE41E4649B934CA495991B7852B855.pem"

static const struct ks_crypto ours = {NULL, NULL};

static void names_become_names_that_stay_in_the_folder(void)
{
    static const struct {
        const char *name, *file_name;
    } rows[] = {
        {"root", "root.pem"},
        {"www.example.com", "www.example.com.pem"},
        {".", "%2E.pem"},
        {"..", "%2E..pem"},
        {".hidden", "%2Ehidden.pem"},
        {"a/b", "a%2Fb.pem"},
        {"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.pem"},
        {"%41", "%2541.pem"},
        {"%sha256-x", "%25sha256-x.pem"},
        {"a b", "a%20b.pem"},
        {"ü", "%C3%BC.pem"},
        {"a\\b:c*d", "a%5Cb%3Ac%2Ad.pem"},
        {"-rf", "-rf.pem"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char file_name[KS_FILE_NAME_SIZE], name[KS_KEY_NAME_MAX + 1] = "";

        REQUIRE(ks_file_name(&ours, rows[i].name, file_name, NULL) == KS_OK);
        CHECK_STR(file_name, rows[i].file_name);
        CHECK_INT(ks_file_name_read(file_name, name), KS_FILE_KEY);
        CHECK_STR(name, rows[i].name);
    }
}

static void names_of_any_length_fit(void)
{
    char name[KS_KEY_NAME_MAX + 1], last[KS_FILE_NAME_SIZE] = "";

    for (size_t len = 1; len <= KS_KEY_NAME_MAX; len++) {
        char file_name[KS_FILE_NAME_SIZE], read[KS_KEY_NAME_MAX + 1] = "";
        enum ks_file_kind kind;

        memset(name, len % 2 == 0 ? 'n' : ' ', len);
        name[len] = '\0';
        REQUIRE(ks_file_name(&ours, name, file_name, NULL) == KS_OK);
        CHECK(strlen(file_name) < KS_FILE_NAME_SIZE);
        CHECK(strchr(file_name, '/') == NULL && file_name[0] != '.');
        CHECK(strcmp(file_name, last) != 0);
        kind = ks_file_name_read(file_name, read);
        CHECK(kind == KS_FILE_LONG ||
              (kind == KS_FILE_KEY && strcmp(read, name) == 0));
        memcpy(last, file_name, sizeof(last));
    }
    CHECK(strncmp(last, "%sha256-", 8) == 0);
}

/* docs/formats.md promises the number. */
static void the_hash_begins_above_251_bytes(void)
{
    char name[KS_KEY_NAME_MAX + 1], file_name[KS_FILE_NAME_SIZE];

    memset(name, 'n', sizeof(name));
    name[251] = '\0';
    REQUIRE(ks_file_name(&ours, name, file_name, NULL) == KS_OK);
    CHECK_INT(strlen(file_name), 255);
    CHECK(file_name[0] == 'n');
    name[251] = 'n';
    name[252] = '\0';
    REQUIRE(ks_file_name(&ours, name, file_name, NULL) == KS_OK);
    CHECK(strncmp(file_name, "%sha256-", 8) == 0);
}

static void files_that_we_do_not_name_so_are_no_keys(void)
{
    static const char *const others[] = {
        "",
        ".",
        "..",
        ".pem",
        ".lock",
        ".tmp-12",
        "root",
        "root.pem~",
        "root.PEM",
        ".root.pem",
        "%72oot.pem",
        "a%2fb.pem",
        "a b.pem",
        "%.pem",
        "%zz.pem",
        "%00.pem",
        "%0A.pem",
        "%FF.pem",
        "\xff.pem",
        "ü.pem",
        "%sha256-.pem",
        LONG_IN_CAPITALS,
    };
    char name[KS_KEY_NAME_MAX + 1], big[600];

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK_INT(ks_file_name_read(others[i], name), KS_FILE_OTHER);
    memset(big, 'x', sizeof(big));
    memcpy(big + sizeof(big) - 5, ".pem", 5);
    CHECK_INT(ks_file_name_read(big, name), KS_FILE_OTHER);
}

static const struct test_case cases[] = {
    TEST_CASE(names_become_names_that_stay_in_the_folder),
    TEST_CASE(names_of_any_length_fit),
    TEST_CASE(the_hash_begins_above_251_bytes),
    TEST_CASE(files_that_we_do_not_name_so_are_no_keys),
};
TEST_MAIN("store.file_name", cases)
