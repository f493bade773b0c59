/*
 * Asking a person, through OpenSSL's own terminal dialogue: it talks to
 * /dev/tty, turns the echo off, and restores the terminal on signals.
 */
#include "ks_secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ui.h>

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}

/* OpenSSL's dialogue falls back to stdin without a terminal; ours does not,
 * so this is only reached with one. Its own check of the second answer
 * (UI_add_verify_string) would print a line above our error. */
static ks_rc ask_twice(UI *ui, const struct ks_question *question,
                       const char *prompt, const char *again, char *first,
                       char *second, struct ks_err *err)
{
    int answer;

    if (UI_add_input_string(ui, prompt, 0, first, 1, KS_SECRET_MAX) < 0)
        return KS_E_NOMEM;
    if (question->confirm &&
        UI_add_input_string(ui, again, 0, second, 1, KS_SECRET_MAX) < 0)
        return KS_E_NOMEM;
    answer = UI_process(ui);
    if (answer == -2)
        return ks_fail(err, KS_E_INTERRUPTED, "interrupted at the prompt");
    if (answer != 0)
        return ks_fail(err, KS_E_SECRET_MISSING, "nothing was entered");
    if (question->confirm && strcmp(first, second) != 0)
        return ks_fail(err, KS_E_INVALID, "the two are not the same");
    return KS_OK;
}

/* LEAD and what is asked for, as a sentence starts. */
static void word_prompt(const struct ks_question *question, const char *lead,
                        const char *what, char *out, size_t size)
{
    const char *whose = question->whose;

    (void)snprintf(out, size, "%s%s%s%s: ", lead, what,
                   whose != NULL ? " of " : "", whose != NULL ? whose : "");
    if (lead[0] == '\0' && out[0] >= 'a' && out[0] <= 'z')
        out[0] = (char)(out[0] - 'a' + 'A');
}

ks_rc ks_secret_prompt(const struct ks_question *question,
                       struct ks_secret *secret, struct ks_err *err)
{
    const char *what = question->what != NULL ? question->what : "passphrase";
    const char *whose = question->whose;
    char first[KS_SECRET_MAX + 1] = "", second[KS_SECRET_MAX + 1] = "";
    char prompt[512], again[512];
    UI *ui = NULL;
    ks_rc rc;

    if (!has_terminal()) {
        ks_hint(err, "name a source: file:PATH, env:NAME, fd:N, cred:NAME");
        return ks_fail(err, KS_E_SECRET_MISSING,
                       "no terminal to ask for the %s%s%s", what,
                       whose != NULL ? " of " : "", whose != NULL ? whose : "");
    }
    word_prompt(question,
                question->attempt > 0 ? "Wrong; "
                : question->confirm   ? "New "
                                      : "",
                what, prompt, sizeof(prompt));
    word_prompt(question, "Again, new ", what, again, sizeof(again));
    ui = UI_new_method(UI_OpenSSL());
    if (ui == NULL)
        return KS_E_NOMEM;
    rc = ask_twice(ui, question, prompt, again, first, second, err);
    if (rc == KS_OK)
        rc = ks_secret_set(secret, first, strlen(first));
    UI_free(ui);
    OPENSSL_cleanse(first, sizeof(first));
    OPENSSL_cleanse(second, sizeof(second));
    return rc;
}
