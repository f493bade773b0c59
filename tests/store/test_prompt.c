/* store/config/prompt.c, on a terminal of its own */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ks_secret.h"
#include "test.h"

#define PATIENCE_MS 10000

/* What a child at a prompt came to: its result as a byte. */
static int result_of(pid_t child)
{
    int status = 0;

    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

/* In the child: asks, and ends with 0 if it was given WANT, else with -rc. */
static void ask_and_exit(const struct ks_question *question, const char *want)
{
    struct ks_secret secret = {0};
    struct ks_err err = {0};
    ks_rc rc = ks_secret_prompt(question, &secret, &err);

    if (rc == KS_OK && strcmp((const char *)secret.data, want) != 0)
        rc = KS_E_INTERNAL;
    ks_secret_clear(&secret);
    _exit(-rc);
}

/* Adds what the terminal shows to SEEN, until it ends in ": " or is over. */
static void read_prompt(int terminal, char *seen, size_t size)
{
    struct pollfd ready = {.fd = terminal, .events = POLLIN};
    size_t len = strlen(seen);

    while (len + 1 < size && poll(&ready, 1, PATIENCE_MS) == 1) {
        ssize_t got = read(terminal, seen + len, 1);

        if (got <= 0)
            break;
        len++;
        seen[len] = '\0';
        if (len > 1 && strcmp(seen + len - 2, ": ") == 0)
            break;
    }
}

/* The prompt is there a moment before the echo is off. */
static void wait_for_silence(int terminal)
{
    const struct timespec step = {.tv_nsec = 1000000};
    struct termios mode;

    for (int i = 0; i < PATIENCE_MS; i++) {
        if (tcgetattr(terminal, &mode) == 0 && (mode.c_lflag & ECHO) == 0)
            return;
        (void)nanosleep(&step, NULL);
    }
}

/* Answers each prompt of a child; SEEN gets all that was on the screen. */
static int talk(const struct ks_question *question, const char *want,
                const char *const *answers, char *seen, size_t size)
{
    int terminal;
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);

    seen[0] = '\0';
    if (child < 0)
        return -1;
    if (child == 0)
        ask_and_exit(question, want);
    for (; *answers != NULL; answers++) {
        read_prompt(terminal, seen, size);
        wait_for_silence(terminal);
        if (write(terminal, *answers, strlen(*answers)) < 0)
            break;
    }
    read_prompt(terminal, seen, size);
    (void)close(terminal);
    return result_of(child);
}

static const struct ks_question plain = {.what = "passphrase",
                                         .whose = "keystore://d/k"};
static const struct ks_question fresh = {
    .what = "PIN", .whose = "keystore://d/k", .confirm = true};

static void an_answer_is_taken_and_not_shown(void)
{
    static const char *const answers[] = {"sesame\n", NULL};
    char seen[1024];

    CHECK_INT(talk(&plain, "sesame", answers, seen, sizeof(seen)), 0);
    CHECK_CONTAINS(seen, "Passphrase of keystore://d/k: ");
    CHECK(strstr(seen, "sesame") == NULL);
}

static void a_new_secret_is_asked_for_twice(void)
{
    static const char *const same[] = {"sesame\n", "sesame\n", NULL};
    static const char *const other[] = {"sesame\n", "simsim\n", NULL};
    char seen[1024];

    CHECK_INT(talk(&fresh, "sesame", same, seen, sizeof(seen)), 0);
    CHECK_CONTAINS(seen, "New PIN of keystore://d/k: ");
    CHECK_CONTAINS(seen, "Again, new PIN of keystore://d/k: ");
    CHECK_INT(talk(&fresh, "sesame", other, seen, sizeof(seen)), -KS_E_INVALID);
    CHECK(strstr(seen, "simsim") == NULL);
    CHECK(strstr(seen, "Verify failure") == NULL); /* our error says it */
}

static void interrupt_is_a_result(void)
{
    static const char *const answers[] = {"ses\003", NULL};
    char seen[1024];

    CHECK_INT(talk(&plain, "", answers, seen, sizeof(seen)), -KS_E_INTERRUPTED);
}

static void an_empty_answer_is_no_secret(void)
{
    static const char *const answers[] = {"\n", NULL};
    char seen[1024];

    CHECK_INT(talk(&plain, "", answers, seen, sizeof(seen)),
              -KS_E_SECRET_MISSING);
}

static void without_a_terminal_nothing_is_asked(void)
{
    pid_t child = fork();

    REQUIRE(child >= 0);
    if (child == 0) {
        (void)setsid(); /* away from any terminal the tests run on */
        ask_and_exit(&plain, "");
    }
    CHECK_INT(result_of(child), -KS_E_SECRET_MISSING);
}

static const struct test_case cases[] = {
    TEST_CASE(an_answer_is_taken_and_not_shown),
    TEST_CASE(a_new_secret_is_asked_for_twice),
    TEST_CASE(interrupt_is_a_result),
    TEST_CASE(an_empty_answer_is_no_secret),
    TEST_CASE(without_a_terminal_nothing_is_asked),
};
TEST_MAIN("store.prompt", cases)
