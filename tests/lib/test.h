/*
 * The frame of all unit tests: CUnit below, a table of cases above. The name
 * of a case is a sentence. A test program is
 *
 *   static void secret_clear_twice_is_harmless(void) { ... CHECK(...); }
 *   static const struct test_case cases[] = {
 *       TEST_CASE(secret_clear_twice_is_harmless),
 *   };
 *   TEST_MAIN("store.buf", cases)
 *
 * An argument runs only the cases whose names contain it.
 */
#ifndef TEST_TEST_H
#define TEST_TEST_H

#include <stddef.h>
#include <stdint.h>

#include <CUnit/CUnit.h>

#include "ks_err.h"

struct test_case {
    const char *sentence;
    void (*run)(void);
};

#define TEST_CASE(function)                                                    \
    {                                                                          \
        .sentence = #function, .run = function                                 \
    }
#define TEST_MAIN(suite, cases)                                                \
    int main(int argc, char **argv)                                            \
    {                                                                          \
        return test_run((suite), (cases), sizeof(cases) / sizeof((cases)[0]),  \
                        argc, argv);                                           \
    }

/* Runs the cases, removes their folders, prints CUnit's summary. 0 if none
 * failed. */
int test_run(const char *suite, const struct test_case *cases, size_t n_cases,
             int argc, char **argv);

/* Each evaluates its arguments once, goes on after a failure, and is true if
 * the check held. */
#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(have, want)                                                  \
    test_check_int((long long)(have), (long long)(want), #have, __FILE__,      \
                   __LINE__)
#define CHECK_STR(have, want)                                                  \
    test_check_str((have), (want), #have, __FILE__, __LINE__)
#define CHECK_CONTAINS(have, part)                                             \
    test_check_contains((have), (part), #have, __FILE__, __LINE__)
#define CHECK_RC(have, want)                                                   \
    test_check_rc((have), (want), #have, __FILE__, __LINE__)
/* For KS_OK, showing ERR's text if it is not. */
#define CHECK_OK(have, err)                                                    \
    test_check_ok((have), (err), #have, __FILE__, __LINE__)
#define CHECK_BYTES(have, have_len, want, want_len)                            \
    test_check_bytes((have), (have_len), (want), (want_len), #have, __FILE__,  \
                     __LINE__)

/* Leaves the case if the check does not hold: for what the rest stands on. */
#define REQUIRE(condition)                                                     \
    do {                                                                       \
        if (!test_check((condition), #condition, __FILE__, __LINE__))          \
            return;                                                            \
    } while (0)

int test_check(int held, const char *text, const char *file, int line);
int test_check_int(long long have, long long want, const char *text,
                   const char *file, int line);
int test_check_str(const char *have, const char *want, const char *text,
                   const char *file, int line);
int test_check_contains(const char *have, const char *part, const char *text,
                        const char *file, int line);
int test_check_rc(ks_rc have, ks_rc want, const char *text, const char *file,
                  int line);
int test_check_ok(ks_rc have, const struct ks_err *err, const char *text,
                  const char *file, int line);
int test_check_bytes(const void *have, size_t have_len, const void *want,
                     size_t want_len, const char *text, const char *file,
                     int line);

#endif
