/* store/config/config_find.c */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ks_config.h"
#include "test.h"

#define SYSTEM_CONFIG "/etc/caadm/caadm.conf"

static void check_found(const char *path, const char *want)
{
    char *found = NULL;

    if (CHECK_RC(ks_config_find(path, &found, NULL), KS_OK))
        CHECK_STR(found, want);
    OPENSSL_free(found);
}

static void clear_environment(void)
{
    static const char *const names[] = {"CAADM_CONFIG", "CAADM_HOME",
                                        "XDG_CONFIG_HOME", "HOME"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unsetenv(names[i]);
}

static void each_place_is_looked_at_in_turn(void)
{
    bool system_wide = access(SYSTEM_CONFIG, F_OK) == 0;

    clear_environment();
    (void)setenv("HOME", "/h", 1);
    check_found(NULL,
                system_wide ? SYSTEM_CONFIG : "/h/.config/caadm/caadm.conf");
    (void)setenv("XDG_CONFIG_HOME", "relative", 1);
    check_found(NULL,
                system_wide ? SYSTEM_CONFIG : "/h/.config/caadm/caadm.conf");
    (void)setenv("XDG_CONFIG_HOME", "/x", 1);
    check_found(NULL, system_wide ? SYSTEM_CONFIG : "/x/caadm/caadm.conf");
    (void)setenv("CAADM_HOME", "/pki/", 1);
    check_found(NULL, "/pki/caadm.conf");
    (void)setenv("CAADM_CONFIG", "/c.conf", 1);
    check_found(NULL, "/c.conf");
    check_found("/given.conf", "/given.conf");
    (void)setenv("CAADM_CONFIG", "", 1);
    check_found(NULL, "/pki/caadm.conf");
}

static void nowhere_to_look_is_said(void)
{
    struct ks_err err = {0};
    char *found = (char *)1;
    ks_rc rc;

    clear_environment();
    rc = ks_config_find(NULL, &found, &err);
    if (access(SYSTEM_CONFIG, F_OK) == 0) {
        CHECK_RC(rc, KS_OK);
        OPENSSL_free(found);
        return;
    }
    CHECK_RC(rc, KS_E_NOT_FOUND);
    CHECK(found == NULL);
    CHECK_CONTAINS(err.text, "HOME");
    CHECK_CONTAINS(err.hint, "CAADM_HOME");
}

static const struct test_case cases[] = {
    TEST_CASE(each_place_is_looked_at_in_turn),
    TEST_CASE(nowhere_to_look_is_said),
};
TEST_MAIN("store.config_find", cases)
