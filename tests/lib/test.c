/*
 * The frame of all unit tests.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "tmpdir.h"

#define MESSAGE_MAX 1024

static int report(int held, const char *message, const char *file, int line)
{
    (void)CU_assertImplementation(held, (unsigned)line, message, file, "",
                                  CU_FALSE);
    return held;
}

int test_check(int held, const char *text, const char *file, int line)
{
    return report(held, text, file, line);
}

int test_check_int(long long have, long long want, const char *text,
                   const char *file, int line)
{
    char message[MESSAGE_MAX];

    (void)snprintf(message, sizeof(message), "%s is %lld, not %lld", text, have,
                   want);
    return report(have == want, message, file, line);
}

int test_check_str(const char *have, const char *want, const char *text,
                   const char *file, int line)
{
    char message[MESSAGE_MAX];
    int same =
        have == NULL || want == NULL ? have == want : strcmp(have, want) == 0;

    (void)snprintf(message, sizeof(message), "%s is \"%s\", not \"%s\"", text,
                   have != NULL ? have : "(null)",
                   want != NULL ? want : "(null)");
    return report(same, message, file, line);
}

int test_check_contains(const char *have, const char *part, const char *text,
                        const char *file, int line)
{
    char message[MESSAGE_MAX];

    (void)snprintf(message, sizeof(message), "%s is \"%s\", without \"%s\"",
                   text, have != NULL ? have : "(null)", part);
    return report(have != NULL && strstr(have, part) != NULL, message, file,
                  line);
}

int test_check_rc(ks_rc have, ks_rc want, const char *text, const char *file,
                  int line)
{
    char message[MESSAGE_MAX];

    (void)snprintf(message, sizeof(message), "%s is %d (%s), not %d (%s)", text,
                   have, ks_rc_text(have), want, ks_rc_text(want));
    return report(have == want, message, file, line);
}

int test_check_ok(ks_rc have, const struct ks_err *err, const char *text,
                  const char *file, int line)
{
    char message[MESSAGE_MAX];

    (void)snprintf(message, sizeof(message), "%s is %d (%s): %s", text, have,
                   ks_rc_text(have), err != NULL ? err->text : "");
    return report(have == KS_OK, message, file, line);
}

int test_check_bytes(const void *have, size_t have_len, const void *want,
                     size_t want_len, const char *text, const char *file,
                     int line)
{
    char message[MESSAGE_MAX];
    int same = have_len == want_len &&
               (have_len == 0 || memcmp(have, want, have_len) == 0);

    (void)snprintf(message, sizeof(message),
                   "%s: %zu bytes are not the %zu that were wanted", text,
                   have_len, want_len);
    return report(same, message, file, line);
}

static int run_all(const char *suite, const struct test_case *cases,
                   size_t n_cases, const char *part)
{
    CU_pSuite registered = CU_add_suite_with_setup_and_teardown(
        suite, NULL, NULL, NULL, test_dir_remove);

    if (registered == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < n_cases; i++)
        if (strstr(cases[i].sentence, part) != NULL &&
            CU_add_test(registered, cases[i].sentence, cases[i].run) == NULL)
            return EXIT_FAILURE;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    if (CU_basic_run_tests() != CUE_SUCCESS ||
        CU_get_number_of_tests_run() == 0)
        return EXIT_FAILURE;
    return CU_get_number_of_failures() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int test_run(const char *suite, const struct test_case *cases, size_t n_cases,
             int argc, char **argv)
{
    int status;

    if (CU_initialize_registry() != CUE_SUCCESS)
        return EXIT_FAILURE;
    status = run_all(suite, cases, n_cases, argc > 1 ? argv[1] : "");
    CU_cleanup_registry();
    return status;
}
