/*
 * hsm/p11_kit.c: with the system's configuration, and one below HOME, which
 * p11-kit reads too unless it runs as root: what is checked holds either way.
 */
#include "uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

#define PATHS_MAX 16

struct seen {
    char paths[PATHS_MAX][512];
    size_t n;
};

static ks_rc note(void *arg, const char *path, struct ks_err *err)
{
    struct seen *seen = arg;

    (void)err;
    if (seen->n < PATHS_MAX)
        (void)snprintf(seen->paths[seen->n++], sizeof(seen->paths[0]), "%s",
                       path);
    return KS_OK;
}

static size_t count(const struct seen *seen, const char *part)
{
    size_t i, n = 0;

    for (i = 0; i < seen->n; i++)
        n += strstr(seen->paths[i], part) != NULL;
    return n;
}

/* The user's own configuration: HOME/.config/pkcs11/modules/NAME.module. */
static void configure(const char *name, const char *module, const char *more)
{
    char text[1024], file[256];

    (void)setenv("HOME", test_path("."), 1);
    (void)unsetenv("XDG_CONFIG_HOME");
    (void)mkdir(test_path(".config"), 0700);
    (void)mkdir(test_path(".config/pkcs11"), 0700);
    (void)mkdir(test_path(".config/pkcs11/modules"), 0700);
    (void)snprintf(file, sizeof(file), ".config/pkcs11/modules/%s.module",
                   name);
    (void)snprintf(text, sizeof(text), "module: %s\n%s", module, more);
    test_write(file, text, strlen(text), 0600);
}

/* Debian's softhsm2 registers itself. */
static void configured_modules_are_listed(void)
{
    struct seen seen = {.n = 0};
    struct ks_err err = {0};
    size_t i;

    CHECK_OK(hsm_p11_kit_modules(NULL, note, &seen, &err), &err);
    CHECK(count(&seen, "softhsm") >= 1);
    for (i = 0; i < seen.n; i++)
        CHECK(seen.paths[i][0] == '/');
}

static void modules_have_the_name_of_their_file_too(void)
{
    static const char *const names[] = {"libsofthsm2", "softhsm2", "SoftHSM2"};

    configure("mine", test_softhsm(), "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct seen seen = {.n = 0};
        struct ks_err err = {0};

        CHECK_OK(hsm_p11_kit_modules(names[i], note, &seen, &err), &err);
        CHECK(seen.n >= 1);
        CHECK_INT(count(&seen, "softhsm"), seen.n);
    }
}

static void no_module_has_an_unknown_name(void)
{
    struct seen seen = {.n = 0};
    struct ks_err err = {0};

    configure("mine", test_softhsm(), "");
    CHECK_OK(hsm_p11_kit_modules("soft", note, &seen, &err), &err);
    CHECK_OK(hsm_p11_kit_modules("", note, &seen, &err), &err);
    CHECK_INT(seen.n, 0);
}

static void trust_modules_are_left_out(void)
{
    struct seen seen = {.n = 0};
    struct ks_err err = {0};

    configure("roots", test_softhsm(), "trust-policy: yes\n");
    CHECK_OK(hsm_p11_kit_modules(NULL, note, &seen, &err), &err);
    CHECK_INT(count(&seen, "p11-kit-trust"), 0);
    CHECK_OK(hsm_p11_kit_modules("roots", note, &seen, &err), &err);
    CHECK_INT(count(&seen, "p11-kit-trust"), 0);
}

static void a_broken_module_hides_no_other(void)
{
    struct seen seen = {.n = 0};
    struct ks_err err = {0};

    test_write("broken.so", "no library", 10, 0700);
    configure("broken", test_path("broken.so"), "");
    configure("mine", test_softhsm(), "");
    CHECK_OK(hsm_p11_kit_modules(NULL, note, &seen, &err), &err);
    CHECK(count(&seen, "softhsm") >= 1);
    CHECK_INT(count(&seen, "broken"), 0);
}

static ks_rc stop(void *arg, const char *path, struct ks_err *err)
{
    (void)note(arg, path, err);
    return ks_fail(err, KS_E_INTERRUPTED, "enough");
}

static void the_walk_can_be_ended(void)
{
    struct seen seen = {.n = 0};
    struct ks_err err = {0};

    configure("a", test_softhsm(), "");
    configure("b", test_softhsm(), "");
    CHECK_RC(hsm_p11_kit_modules(NULL, stop, &seen, &err), KS_E_INTERRUPTED);
    CHECK_INT(seen.n, 1);
    CHECK_STR(err.text, "enough");
}

static void names_are_compared_without_lib_and_suffix(void)
{
    CHECK(hsm_module_name_is("/usr/lib/libfoo.so", "foo"));
    CHECK(hsm_module_name_is("/usr/lib/libfoo.so.1", "FOO"));
    CHECK(hsm_module_name_is("/usr/lib/foo.so", "foo"));
    CHECK(hsm_module_name_is("libfoo", "libfoo"));
    CHECK(hsm_module_name_is("/usr/lib/foo-pkcs11.so", "foo-pkcs11"));
    CHECK(!hsm_module_name_is("/usr/lib/foo-pkcs11.so", "foo"));
    CHECK(!hsm_module_name_is("/usr/lib/foo.so", "foo.s"));
    CHECK(!hsm_module_name_is("/usr/lib/foo.so", "/usr/lib/foo"));
    CHECK(!hsm_module_name_is("/usr/lib/foo.so", "bar"));
}

static const struct test_case cases[] = {
    TEST_CASE(configured_modules_are_listed),
    TEST_CASE(modules_have_the_name_of_their_file_too),
    TEST_CASE(no_module_has_an_unknown_name),
    TEST_CASE(trust_modules_are_left_out),
    TEST_CASE(a_broken_module_hides_no_other),
    TEST_CASE(the_walk_can_be_ended),
    TEST_CASE(names_are_compared_without_lib_and_suffix),
};
TEST_MAIN("hsm.p11_kit", cases)
