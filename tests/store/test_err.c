/* store/base/err.c */
#include "ks_err.h"

#include <errno.h>
#include <string.h>

#include "test.h"

static void first_text_is_kept(void)
{
    struct ks_err err = {0};

    CHECK_RC(ks_fail(&err, KS_E_IO, "disk %d", 7), KS_E_IO);
    CHECK_RC(ks_fail(&err, KS_E_DENIED, "later"), KS_E_DENIED);
    CHECK_STR(err.text, "disk 7");
    ks_hint(&err, "first");
    ks_hint(&err, "second");
    CHECK_STR(err.hint, "first");
}

static void null_error_is_allowed_everywhere(void)
{
    CHECK_RC(ks_fail(NULL, KS_E_IO, "x"), KS_E_IO);
    CHECK_RC(ks_fail_errno(NULL, KS_E_IO, "x"), KS_E_IO);
    ks_hint(NULL, "x");
}

static void errno_text_is_appended_and_errno_survives(void)
{
    struct ks_err err = {0};

    errno = ENOSPC;
    CHECK_RC(ks_fail_errno(&err, KS_E_FULL, "%s", "file"), KS_E_FULL);
    CHECK_STR(err.text, "file: No space left on device");
    CHECK_INT(errno, ENOSPC);
}

static void long_texts_are_cut_with_a_nul(void)
{
    struct ks_err err = {0};
    char big[2000];

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    errno = EIO;
    (void)ks_fail_errno(&err, KS_E_IO, "%s", big);
    ks_hint(&err, "%s", big);
    CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
    CHECK_INT(strlen(err.hint), sizeof(err.hint) - 1);
}

static void percent_signs_in_arguments_are_text(void)
{
    struct ks_err err = {0};

    (void)ks_fail(&err, KS_E_IO, "%s", "%s%n");
    CHECK_STR(err.text, "%s%n");
}

static void every_result_has_a_text(void)
{
#define CHECK_TEXT(name, number, text) CHECK_STR(ks_rc_text(name), text);
    KS_RC_LIST(CHECK_TEXT)
#undef CHECK_TEXT
    CHECK_STR(ks_rc_text(KS_OK), "done");
    CHECK_STR(ks_rc_text((ks_rc)12345), "unknown error");
}

static void errno_values_become_results(void)
{
    static const struct {
        int errnum;
        ks_rc rc;
    } rows[] = {
        {0, KS_OK},
        {ENOENT, KS_E_NOT_FOUND},
        {EACCES, KS_E_DENIED},
        {EROFS, KS_E_DENIED},
        {ENOSPC, KS_E_FULL},
        {EDQUOT, KS_E_FULL},
        {EEXIST, KS_E_EXISTS},
        {EBUSY, KS_E_BUSY},
        {ENOMEM, KS_E_NOMEM},
        {EIO, KS_E_IO},
        {123456, KS_E_IO},
        {-1, KS_E_IO},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_RC(ks_rc_of_errno(rows[i].errnum), rows[i].rc);
}

static const struct test_case cases[] = {
    TEST_CASE(first_text_is_kept),
    TEST_CASE(null_error_is_allowed_everywhere),
    TEST_CASE(errno_text_is_appended_and_errno_survives),
    TEST_CASE(long_texts_are_cut_with_a_nul),
    TEST_CASE(percent_signs_in_arguments_are_text),
    TEST_CASE(every_result_has_a_text),
    TEST_CASE(errno_values_become_results),
};
TEST_MAIN("store.err", cases)
