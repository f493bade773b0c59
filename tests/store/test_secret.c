/* store/config/secret.c */
#include "ks_secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tmpdir.h"

static const struct ks_question question = {.what = "passphrase",
                                            .whose = "keystore://d/k"};

static void check_gives(const char *source, const char *want)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};

    if (CHECK_OK(
            ks_secret_resolve(source, test_dir(), &question, &secret, &err),
            &err))
        CHECK_STR((const char *)secret.data, want);
    ks_secret_clear(&secret);
}

/* The text names WHY; neither text nor hint shows "sesame". */
static void check_fails(const char *source, ks_rc rc, const char *why)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};

    CHECK_RC(ks_secret_resolve(source, test_dir(), &question, &secret, &err),
             rc);
    CHECK_CONTAINS(err.text, why);
    CHECK(strstr(err.text, "sesame") == NULL);
    CHECK(strstr(err.hint, "sesame") == NULL);
    CHECK(secret.data == NULL);
}

static void forms_are_checked_without_reading(void)
{
    static const char *const good[] = {
        "pass:", "pass:a b",   "env:X", "file:x", "file:/a",
        "fd:0",  "fd:1000000", "stdin", "prompt", "cred:x.y",
    };
    static const char *const bad[] = {
        "",           "sesame",   "pass",
        "env:",       "env:A=B",  "file:",
        "fd:",        "fd:-1",    "fd:1x",
        "fd:1000001", "fd: 1",    "stdin:",
        "stdinx",     "prompt:x", "cred:",
        "cred:a/b",   "cred:..",  "cred:.",
        "PASS:x",     " pass:x",  "fd:99999999999999999999",
    };
    struct ks_err err = {0};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK_OK(ks_secret_source_check(good[i], &err), &err);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_RC(ks_secret_source_check(bad[i], NULL), KS_E_INVALID);
        check_fails(bad[i], KS_E_INVALID, "not a source");
    }
    CHECK_RC(ks_secret_source_check(NULL, NULL), KS_E_INVALID);
}

static void random_is_for_passphrases_of_keys_alone(void)
{
    static const char *const not_random[] = {
        NULL,      "",        "Random", "random:",
        "random ", " random", "rando",  "randomly",
    };
    struct ks_err err = {0};

    CHECK(ks_secret_is_random("random"));
    CHECK_OK(ks_secret_passphrase_check("random", &err), &err);
    CHECK_OK(ks_secret_passphrase_check("env:X", &err), &err);
    CHECK_RC(ks_secret_source_check("random", &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "random secret cannot be used here");
    CHECK_CONTAINS(err.hint, "--passout");
    check_fails("random", KS_E_INVALID, "random secret cannot be used here");
    for (size_t i = 0; i < sizeof(not_random) / sizeof(not_random[0]); i++) {
        CHECK(!ks_secret_is_random(not_random[i]));
        CHECK_RC(ks_secret_passphrase_check(not_random[i], NULL), KS_E_INVALID);
    }
    err = (struct ks_err){0};
    CHECK_RC(ks_secret_passphrase_check("Random", &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "prompt, or random");
}

static void text_and_environment_give_what_they_say(void)
{
    check_gives("pass:geheim nis", "geheim nis");
    (void)setenv("TEST_SECRET", "aus der Umgebung", 1);
    check_gives("env:TEST_SECRET", "aus der Umgebung");
    (void)setenv("TEST_SECRET", "", 1);
    check_fails("env:TEST_SECRET", KS_E_SECRET_MISSING, "empty");
    (void)unsetenv("TEST_SECRET");
    check_fails("env:TEST_SECRET", KS_E_SECRET_MISSING,
                "env:TEST_SECRET: variable is not set");
    check_fails("pass:", KS_E_SECRET_MISSING, "empty");
}

static void files_give_their_first_line(void)
{
    test_write("one", "sesame", 6, 0600);
    test_write("two", "sesame\nother\n", 13, 0600);
    test_write("dos", "sesame\r\nother\r\n", 15, 0600);
    test_write("spaces", " a b \n", 6, 0600);
    check_gives("file:one", "sesame");
    check_gives("file:two", "sesame");
    check_gives("file:dos", "sesame");
    check_gives("file:spaces", " a b ");
}

static void files_that_give_nothing_are_missing_secrets(void)
{
    test_write("empty", "", 0, 0600);
    test_write("blank", "\nsesame\n", 8, 0600);
    test_write("nul", "ses\0ame\n", 8, 0600);
    REQUIRE(mkdir(test_path("dir"), 0700) == 0);
    REQUIRE(mkfifo(test_path("fifo"), 0600) == 0);
    check_fails("file:none", KS_E_SECRET_MISSING,
                "/none: cannot read the passphrase: No such file");
    check_fails("file:empty", KS_E_SECRET_MISSING, "empty");
    check_fails("file:blank", KS_E_SECRET_MISSING, "empty");
    check_fails("file:nul", KS_E_INVALID, "NUL");
    check_fails("file:dir", KS_E_SECRET_MISSING, "not a regular file");
    check_fails("file:fifo", KS_E_SECRET_MISSING, "not a regular file");
}

static void secrets_have_a_greatest_length(void)
{
    char text[KS_SECRET_MAX + 8];

    memset(text, 's', sizeof(text));
    text[KS_SECRET_MAX] = '\n';
    test_write("most", text, KS_SECRET_MAX + 1, 0600);
    text[KS_SECRET_MAX] = '\0';
    check_gives("file:most", text);
    memset(text, 's', sizeof(text));
    text[KS_SECRET_MAX + 1] = '\n';
    test_write("more", text, KS_SECRET_MAX + 2, 0600);
    check_fails("file:more", KS_E_INVALID, "longer than 1024");
    test_write("endless", "", 0, 0600);
    REQUIRE(truncate(test_path("endless"), 1 << 30) == 0);
    check_fails("file:endless", KS_E_INVALID, "longer than");
}

static void lines_of_a_descriptor_follow_each_other(void)
{
    int ends[2];
    char source[32];

    REQUIRE(pipe(ends) == 0);
    REQUIRE(write(ends[1], "eins\nzwei\r\ndrei", 15) == 15);
    (void)close(ends[1]);
    (void)snprintf(source, sizeof(source), "fd:%d", ends[0]);
    check_gives(source, "eins");
    check_gives(source, "zwei");
    check_gives(source, "drei");
    check_fails(source, KS_E_SECRET_MISSING, "empty");
    (void)close(ends[0]);
    check_fails(source, KS_E_SECRET_MISSING, "Bad file descriptor");
}

static void standard_input_gives_lines_too(void)
{
    int saved = dup(STDIN_FILENO), fd;

    test_write("in", "eins\nzwei\n", 10, 0600);
    fd = open(test_path("in"), O_RDONLY);
    REQUIRE(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    check_gives("stdin", "eins");
    check_gives("stdin", "zwei");
    check_fails("stdin", KS_E_SECRET_MISSING, "empty");
    (void)dup2(saved, STDIN_FILENO);
    (void)close(saved);
    (void)close(fd);
}

static void credentials_come_from_systemds_folder(void)
{
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    check_fails("cred:pw", KS_E_SECRET_MISSING, "CREDENTIALS_DIRECTORY");
    (void)setenv("CREDENTIALS_DIRECTORY", test_dir(), 1);
    check_fails("cred:pw", KS_E_SECRET_MISSING, "No such file");
    test_write("pw", "a\nb\n", 4, 0400);
    check_gives("cred:pw", "a\nb"); /* the whole file but its last newline */
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void relative_paths_without_a_base_are_of_the_process(void)
{
    struct ks_secret secret = {0};

    test_write("pw", "sesame\n", 7, 0600);
    REQUIRE(chdir(test_dir()) == 0);
    CHECK_RC(ks_secret_resolve("file:pw", NULL, NULL, &secret, NULL), KS_OK);
    ks_secret_clear(&secret);
    REQUIRE(chdir("/") == 0);
}

static const struct test_case cases[] = {
    TEST_CASE(forms_are_checked_without_reading),
    TEST_CASE(random_is_for_passphrases_of_keys_alone),
    TEST_CASE(text_and_environment_give_what_they_say),
    TEST_CASE(files_give_their_first_line),
    TEST_CASE(files_that_give_nothing_are_missing_secrets),
    TEST_CASE(secrets_have_a_greatest_length),
    TEST_CASE(lines_of_a_descriptor_follow_each_other),
    TEST_CASE(standard_input_gives_lines_too),
    TEST_CASE(credentials_come_from_systemds_folder),
    TEST_CASE(relative_paths_without_a_base_are_of_the_process),
};
TEST_MAIN("store.secret", cases)
