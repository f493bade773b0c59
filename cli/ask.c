/*
 * Questions to a person, and secrets from their sources.
 */
#include "ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ks_secret.h"
#include "ks_uri.h"
#include "out.h"

#define ANSWER_MAX 512
#define READ_ONCE_SIZE (sizeof("pass:") + KS_SECRET_MAX)

static UI_METHOD *method;
static char *read_once[4]; /* "pass:" and the secret; secure heap */
static size_t read_count;
static struct {
    const char *source; /* NULL: the terminal */
    bool terminal;      /* there is a person to ask */
    ks_rc rc;           /* of the last question */
    struct ks_err err;
} asked;

/* The prompt is the key's name alone; ks_secret_prompt words the question. */
static char *construct_prompt(UI *ui, const char *desc, const char *name)
{
    (void)ui;
    return OPENSSL_strdup(name != NULL ? name : desc);
}

/* Of a key on a token the provider says "URI (PIN)", since other programs ask
 * for a pass phrase whatever it is. Fills WHOSE with the URI. */
static void take_apart(const char *prompt, char *whose, char *what, size_t size)
{
    const char *open = strrchr(prompt, '(');
    size_t len = strlen(prompt);

    (void)snprintf(whose, size, "%s", prompt);
    (void)snprintf(what, size, "passphrase");
    if (open == NULL || open < prompt + 2 || open[-1] != ' ' ||
        prompt[len - 1] != ')' || (size_t)(open - prompt) >= size)
        return;
    whose[open - prompt - 1] = '\0';
    (void)snprintf(what, size, "%.*s", (int)strlen(open) - 2, open + 1);
}

static ks_rc get_secret(const char *prompt, struct ks_secret *secret)
{
    char whose[KS_URI_MAX], what[KS_URI_MAX];
    struct ks_question question = {.what = what, .whose = whose};

    take_apart(prompt, whose, what, sizeof(whose));

    asked.err = (struct ks_err){0};
    if (asked.source != NULL) {
        asked.rc = ks_secret_resolve(asked.source, NULL, &question, secret,
                                     &asked.err);
    } else if (asked.terminal) {
        asked.rc = ks_secret_prompt(&question, secret, &asked.err);
    } else {
        ks_hint(&asked.err, "--passin file:PATH, env:NAME or fd:N give it");
        asked.rc =
            ks_fail(&asked.err, KS_E_SECRET_MISSING,
                    "no %s, and no terminal to ask for it", question.what);
    }
    return asked.rc;
}

/* Results as libcrypto's UI has them: 1 given, 0 error, -1 interrupted. */
static int read_string(UI *ui, UI_STRING *uis)
{
    struct ks_secret secret = {0};
    const char *whose = UI_get0_output_string(uis);
    enum UI_string_types type = UI_get_string_type(uis);
    int result = 0;
    ks_rc rc;

    if (type != UIT_PROMPT && type != UIT_VERIFY)
        return 1;
    rc = get_secret(whose, &secret);
    if (rc == KS_E_INTERRUPTED)
        result = -1;
    if (rc != KS_OK)
        goto out;
    if (type == UIT_VERIFY &&
        strcmp((const char *)secret.data, UI_get0_test_string(uis)) != 0)
        goto out;
    result = UI_set_result(ui, uis, (const char *)secret.data) == 0;
out:
    ks_secret_clear(&secret);
    return result;
}

const UI_METHOD *cli_ask_method(void)
{
    if (method == NULL) {
        method = UI_create_method("caadm");
        if (method == NULL)
            return NULL;
        (void)UI_method_set_reader(method, read_string);
        (void)UI_method_set_prompt_constructor(method, construct_prompt);
    }
    return method;
}

void *cli_ask_data(const struct cli *cli, const char *source)
{
    asked.source = source;
    asked.terminal = cli->stdin_tty;
    asked.rc = KS_OK;
    return &asked;
}

ks_rc cli_ask_failure(struct ks_err *err)
{
    if (asked.rc != KS_OK)
        *err = asked.err;
    return asked.rc;
}

void cli_ask_free(void)
{
    UI_destroy_method(method);
    method = NULL;
    while (read_count > 0)
        OPENSSL_secure_clear_free(read_once[--read_count], READ_ONCE_SIZE);
}

static ks_rc keep_once(const struct ks_secret *secret, const char **source)
{
    char *kept;

    if (read_count == sizeof(read_once) / sizeof(read_once[0]))
        return KS_E_INTERNAL;
    kept = OPENSSL_secure_zalloc(READ_ONCE_SIZE);
    if (kept == NULL)
        return KS_E_NOMEM;
    (void)snprintf(kept, READ_ONCE_SIZE, "pass:%s", (const char *)secret->data);
    read_once[read_count++] = kept;
    *source = kept;
    return KS_OK;
}

ks_rc cli_ask_read_once(const char *option, const char *what,
                        const char **source, struct ks_err *err)
{
    struct ks_question question = {.what = what, .whose = option};
    struct ks_secret secret = {0};
    ks_rc rc;

    if (*source == NULL ||
        (strcmp(*source, "stdin") != 0 && strncmp(*source, "fd:", 3) != 0))
        return KS_OK;
    rc = ks_secret_resolve(*source, NULL, &question, &secret, err);
    if (rc == KS_OK)
        rc = keep_once(&secret, source);
    ks_secret_clear(&secret);
    return rc == KS_OK ? rc
                       : ks_fail(err, rc, "%s: %s", option, ks_rc_text(rc));
}

ks_rc cli_source_check(const struct cli *cli, const char *option,
                       const char *source, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    if (source == NULL)
        return KS_OK;
    rc = ks_secret_source_check(source, &why);
    if (rc != KS_OK) {
        ks_hint(err, "%s", why.hint);
        return ks_fail(err, rc, "%s: %s", option, why.text);
    }
    if (strncmp(source, "pass:", 5) == 0)
        cli_warn(cli,
                 "%s: pass: shows the secret to every user of this "
                 "machine; file:, fd: and env: do not",
                 option);
    return KS_OK;
}

ks_rc cli_passphrase_check(const struct cli *cli, const char *option,
                           const char *source, struct ks_err *err)
{
    return ks_secret_is_random(source)
               ? KS_OK
               : cli_source_check(cli, option, source, err);
}

ks_rc cli_secret(const struct cli *cli, const char *source, const char *whose,
                 bool confirm, struct ks_secret *secret, struct ks_err *err)
{
    struct ks_question question = {
        .what = "passphrase", .whose = whose, .confirm = confirm};

    if (source != NULL)
        return ks_secret_resolve(source, NULL, &question, secret, err);
    if (!cli->stdin_tty) {
        ks_hint(err, "--passout file:PATH, env:NAME or fd:N give it");
        return ks_fail(err, KS_E_SECRET_MISSING,
                       "%s: no passphrase, and no terminal to ask for it",
                       whose);
    }
    return ks_secret_prompt(&question, secret, err);
}

void cli_ask_only_on_terminal(const struct cli *cli)
{
    int fd;

    if (cli->stdin_tty)
        return;
    fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    /* A session's leader would hang up the session; a command is none. */
    if (getsid(0) != getpid())
        (void)ioctl(fd, TIOCNOTTY);
    (void)close(fd);
}

ks_rc cli_ask_once(const struct cli *cli, const char *whose, bool confirm,
                   const char **source, struct ks_err *err)
{
    struct ks_secret secret = {0};
    ks_rc rc = cli_secret(cli, NULL, whose, confirm, &secret, err);

    if (rc == KS_OK)
        rc = keep_once(&secret, source);
    ks_secret_clear(&secret);
    return rc == KS_OK ? rc : ks_fail(err, rc, "%s: %s", whose, ks_rc_text(rc));
}

ks_rc cli_confirm(const struct cli *cli, const char *question, const char *word,
                  struct ks_err *err)
{
    char answer[ANSWER_MAX];

    if (!cli->stdin_tty) {
        ks_hint(err, "--yes does it without asking");
        return ks_fail(err, KS_E_POLICY, "%s: not confirmed", word);
    }
    cli_say("%s", question);
    (void)fputs("caadm: type ", stderr);
    cli_put_safe(stderr, word);
    (void)fputs(" to go on: ", stderr);
    if (fgets(answer, (int)sizeof(answer), stdin) == NULL) {
        ks_rc rc = cli_check_interrupt(err);

        return rc != KS_OK
                   ? rc
                   : ks_fail(err, KS_E_POLICY, "%s: not confirmed", word);
    }
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, word) != 0)
        return ks_fail(err, KS_E_POLICY, "%s: not confirmed", word);
    return KS_OK;
}
