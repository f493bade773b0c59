/* store/base/setting.c */
#include "ks_setting.h"

#include <openssl/crypto.h>

#include "test.h"

static const struct ks_setting settings[] = {
    {"path", "keys"}, {"pathname", "b"}, {"kdf", ""}, {"path", "again"}};
#define N (sizeof(settings) / sizeof(settings[0]))

static void a_setting_is_found_by_its_whole_name(void)
{
    CHECK_STR(ks_setting_get(settings, N, "path"), "keys");
    CHECK_STR(ks_setting_get(settings, N, "pathname"), "b");
    CHECK_STR(ks_setting_get(settings, N, "kdf"), "");
}

static void what_is_not_there_has_no_value(void)
{
    static const char *const keys[] = {"", "pat", "PATH", "path ", "kdf="};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        CHECK(ks_setting_get(settings, N, keys[i]) == NULL);
    CHECK(ks_setting_get(settings, 2, "kdf") == NULL);
    CHECK(ks_setting_get(settings, 0, "path") == NULL);
    CHECK(ks_setting_get(NULL, 0, "path") == NULL);
}

static void a_section_may_be_none(void)
{
    const struct ks_section section = {.settings = settings, .n_settings = N};

    CHECK_STR(ks_section_get(&section, "path"), "keys");
    CHECK(ks_section_get(&section, "nothing") == NULL);
    CHECK(ks_section_get(NULL, "path") == NULL);
}

static void yes_and_no_have_many_words(void)
{
    static const char *const yes[] = {"yes", "YES", "True", "on", "1"};
    static const char *const no[] = {"no", "No", "FALSE", "off", "0"};
    static const char *const neither[] = {"", "y", "yes ", "2", "onn"};
    bool out = false;

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        CHECK(ks_bool_parse(yes[i], &out) && out);
        CHECK(ks_bool_parse(no[i], &out) && !out);
        out = true;
        CHECK(!ks_bool_parse(neither[i], &out) && out);
    }
}

static void paths_are_joined_with_one_slash(void)
{
    static const struct {
        const char *dir, *path, *want;
    } rows[] = {
        {"/a", "b", "/a/b"}, {"/a/", "b", "/a/b"}, {"/", "b", "/b"},
        {"/a", "/b", "/b"},  {"", "b", "/b"},      {"/a", "", "/a/"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *joined = ks_path_below(rows[i].dir, rows[i].path);

        CHECK_STR(joined, rows[i].want);
        OPENSSL_free(joined);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(a_setting_is_found_by_its_whole_name),
    TEST_CASE(what_is_not_there_has_no_value),
    TEST_CASE(a_section_may_be_none),
    TEST_CASE(yes_and_no_have_many_words),
    TEST_CASE(paths_are_joined_with_one_slash),
};

TEST_MAIN("store.setting", cases)
