/* store/base/setting.c */
#include "ks_config.h"

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

static const struct test_case cases[] = {
    TEST_CASE(a_setting_is_found_by_its_whole_name),
    TEST_CASE(what_is_not_there_has_no_value),
};

TEST_MAIN("store.setting", cases)
