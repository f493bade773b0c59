/*
 * Where secrets come from, by OpenSSL's own convention (openssl-passphrase-
 * options(1)): pass:TEXT, env:NAME, file:PATH, fd:N, stdin; and cred:NAME
 * (a systemd credential), prompt. One resolver for the provider and caadm.
 */
#ifndef KS_SECRET_H
#define KS_SECRET_H

#include "ks_ask.h"

/* KS_E_INVALID, naming the fault, unless SOURCE has one of the forms above.
 * Reads nothing. */
KS_MUST_CHECK ks_rc ks_secret_source_check(const char *source,
                                           struct ks_err *err);

/* No source, but said in the place of one where a key in a backend gets its
 * passphrase: one is drawn for it, and kept in the inventory. */
#define KS_SECRET_RANDOM "random"
bool ks_secret_is_random(const char *source); /* takes NULL */
/* As ks_secret_source_check, but KS_SECRET_RANDOM is good, too. */
KS_MUST_CHECK ks_rc ks_secret_passphrase_check(const char *source,
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
