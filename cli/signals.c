/*
 * ^C and its like: asked for between steps, so that nothing is left half
 * made; a second signal does not wait any longer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "exit.h"

#define TEMP_MAX 4352

static volatile sig_atomic_t caught;
static char temp_path[TEMP_MAX];
static volatile sig_atomic_t temp_set;

static void on_signal(int number)
{
    static const char text[] =
        "\ncaadm: stopping after this step; once more stops at once\n";
    int saved = errno;
    ssize_t written;

    (void)number;
    if (caught) {
        if (temp_set)
            (void)unlink(temp_path);
        _exit(CLI_EXIT_INTERRUPTED);
    }
    caught = 1;
    written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written; /* there is nobody to tell */
    errno = saved;
}

void cli_signals_init(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)sigaction(numbers[i], &action, NULL);
    /* A reader that went away is a write error, told with its exit code. */
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

static volatile sig_atomic_t busy_said;

/* Not while somebody is being asked, which is when the echo is off. A dot for
 * each further second. */
static void on_alarm(int number)
{
    static const char text[] = "caadm: working ...";
    const char *more = busy_said ? "." : text;
    int saved = errno;
    struct termios mode;

    (void)number;
    if (tcgetattr(STDERR_FILENO, &mode) == 0 && (mode.c_lflag & ECHO) != 0 &&
        write(STDERR_FILENO, more, strlen(more)) > 0)
        busy_said = 1;
    (void)alarm(1);
    errno = saved;
}

void cli_signals_busy(const struct cli *cli)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

    if (!cli->stderr_tty || cli->globals.quiet)
        return;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(1);
}

bool cli_signals_busy_end(void)
{
    bool said = busy_said != 0;

    (void)alarm(0);
    busy_said = 0;
    return said;
}

bool cli_interrupted(void)
{
    return caught != 0;
}

ks_rc cli_check_interrupt(struct ks_err *err)
{
    if (caught)
        return ks_fail(err, KS_E_INTERRUPTED, "interrupted by a signal");
    return KS_OK;
}

void cli_signals_temp(const char *path)
{
    temp_set = 0;
    if (path == NULL || strlen(path) >= sizeof(temp_path))
        return;
    memcpy(temp_path, path, strlen(path) + 1);
    temp_set = 1;
}
