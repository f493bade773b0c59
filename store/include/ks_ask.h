/*
 * How a secret is asked for: what every backend may need, wherever the secret
 * comes from.
 */
#ifndef KS_ASK_H
#define KS_ASK_H

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

#endif
