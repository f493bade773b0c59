/*
 * Where secrets come from, by OpenSSL's own convention (openssl-passphrase-
 * options(1)): pass:TEXT, env:NAME, file:PATH, fd:N, stdin; and cred:NAME
 * (a systemd credential), prompt. One resolver for the provider and caadm.
 */
#ifndef KS_SECRET_H
#define KS_SECRET_H

#include <stdbool.h>

#include "ks_buf.h"
#include "ks_err.h"

#define KS_SECRET_MAX 1024 /* bytes of a passphrase or PIN */

/* What a secret is for, said to whoever gives it. */
struct ks_question {
    const char *what;  /* "passphrase" or "PIN"; shown in prompts */
    const char *whose; /* the key's URI, no query; shown in prompts */
    bool confirm;      /* a new secret: ask twice and compare */
    unsigned attempt;  /* 0 first; counts up after a wrong one */
    /* Which of the place's secrets it is, by the name of the setting in
     * caadm.conf that may give its source; NULL: "passphrase". */
    const char *setting;
    /* The configured backend whose settings hold; NULL: the one asked of. */
    const char *backend;
    bool quiet; /* from settings and the URI only: no person is asked */
};

/*
 * A caller's way to a secret. GET fills *secret (callee allocates, caller
 * clears). It returns KS_E_SECRET_MISSING when it has none, or none left at
 * this attempt: attempt 0 is the first source, 1 the next, and so on.
 */
struct ks_ask {
    ks_rc (*get)(void *arg, const struct ks_question *question,
                 struct ks_secret *secret, struct ks_err *err);
    void *arg;
};

/* KS_E_INVALID, naming the fault, unless SOURCE has one of the forms above.
 * Reads nothing. */
KS_MUST_CHECK ks_rc ks_secret_source_check(const char *source,
                                           struct ks_err *err);

/*
 * Reads the secret that SOURCE names. Relative paths of file: are below
 * BASE_DIR (NULL: the working directory). file:, fd: and stdin give their
 * first line, without its end; one byte read too many never leaves fd: or
 * stdin, so several secrets can follow each other there.
 * KS_E_INVALID (form), KS_E_SECRET_MISSING (variable unset, file absent or
 * unreadable, empty, no terminal), KS_E_NOMEM.
 */
KS_MUST_CHECK ks_rc ks_secret_resolve(const char *source, const char *base_dir,
                                      const struct ks_question *question,
                                      struct ks_secret *secret,
                                      struct ks_err *err);

/* Asks on the terminal (/dev/tty, echo off; twice if question->confirm).
 * KS_E_SECRET_MISSING without a terminal, KS_E_INTERRUPTED on ^C,
 * KS_E_INVALID if the two differ. */
KS_MUST_CHECK ks_rc ks_secret_prompt(const struct ks_question *question,
                                     struct ks_secret *secret,
                                     struct ks_err *err);

#endif
