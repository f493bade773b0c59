/*
 * The ways to a key's secret, tried in turn by a backend through ks_ask.
 */
#ifndef PROV_ASK_H
#define PROV_ASK_H

#include <openssl/core_dispatch.h>

#include "ks_secret.h"
#include "ks_uri.h"
#include "random.h"
#include "stores.h"

/* The application's passphrase callback, as libcrypto hands it to us. */
struct prov_pw {
    OSSL_PASSPHRASE_CALLBACK *cb; /* NULL: none */
    void *arg;
};

/* ks_ask.get for a struct prov_pw: asks once. */
ks_rc prov_pw_get(void *arg, const struct ks_question *question,
                  struct ks_secret *secret, struct ks_err *err);

/*
 * The sources of one secret, best first:
 *   SOURCE (by parameter), or what the URI gives: if there is one, it is the
 *   only one; else what the backend's section names, then the key's random
 *   secrets in the inventory, then APPLICATION. All borrowed.
 * A passphrase that was wrong makes way for the next source. A PIN does not:
 * the first source that has one decides, as tries are counted by the token.
 * And a token knows one user at a time: user PIN and SO PIN are not both
 * taken.
 * A new passphrase may be drawn, where SOURCE or the section says random: then
 * prov_ask_done has to follow.
 */
struct prov_ask {
    const char *source;
    const struct ks_uri *uri;
    const struct prov_store *store;
    const struct ks_ask *application;
    const char *whose; /* the key's URI, for prompts */
    bool confirm;      /* a new passphrase */
    bool random_too;   /* random secrets even after SOURCE: what is broken off
                          and done again may have put one on */
    unsigned next;     /* the source that comes next */
    struct prov_random random;
    struct ks_err unread; /* why it is not known whether there are any */
};

/* ks_ask.get for a struct prov_ask. */
ks_rc prov_ask_get(void *arg, const struct ks_question *question,
                   struct ks_secret *secret, struct ks_err *err);

/* Around what seals the key anew, or removes it: notes the random secrets that
 * it has. */
void prov_ask_mark(struct prov_ask *ask);
/* After a key was sealed or removed, with the result RC, which is returned if
 * it is an error: keeps the random secret that ASK drew, if any, and removes
 * those that open nothing any more. */
KS_MUST_CHECK ks_rc prov_ask_done(struct prov_ask *ask, ks_rc rc,
                                  struct ks_err *err);

/* After nothing was changed: removes the random secret that ASK drew. */
void prov_ask_undo(struct prov_ask *ask);

/* ks_ask.get that asks on the terminal. */
ks_rc prov_ask_terminal(void *arg, const struct ks_question *question,
                        struct ks_secret *secret, struct ks_err *err);

#endif
