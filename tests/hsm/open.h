/*
 * Opening tokens by label, and giving PINs.
 */
#ifndef TEST_HSM_OPEN_H
#define TEST_HSM_OPEN_H

#include "login.h"
#include "token.h"

/* For hsm_token_get: a token labelled ARG; NULL: any slot. */
bool open_by_label(const void *arg, const struct hsm_slot *slot);

/* A failed check and NULL if it cannot be. */
struct hsm_module *open_module(const char *path);
/* Alone holds the module. */
struct hsm_token *open_token(const char *path, const char *label);
/* A new token behind the fault module. Each its own label, as what was refused
 * is remembered. */
struct hsm_token *open_fresh_faulty(const char *label);

/* Gives these; NULL: none. Counts how often a PIN was given, and how often a
 * person would have been asked (not quiet). */
struct pins {
    const char *user;
    const char *so;
    unsigned given;
    unsigned asked;
};
struct ks_ask open_ask(struct pins *pins);

/* A failed check if it fails. */
void open_login(struct hsm_token *token, const char *pin);
/* With these PINs, as for OPEN_URI; *err is of this try alone. */
#define OPEN_URI "keystore://hsm/key"
ks_rc open_try_login(struct hsm_token *token, struct pins *pins,
                     struct ks_err *err);
/* The program's own login, past us; a failed check and false if it fails. */
bool open_login_as_program(struct hsm_token *token);
/* open_fresh_faulty, and the user logged in. */
struct hsm_token *open_logged_in_faulty(const char *label, struct pins *pins);

/* The user is logged out, as by somebody else: we do not know. */
void open_lose_login(struct hsm_token *token);
/* What an operation gets that needs the user; *runs (NULL: nothing) counts how
 * often it was begun. */
CK_RV open_use(struct hsm_token *token, unsigned *runs);
/* What the login for one use of a key gets. */
CK_RV open_login_again(struct hsm_token *token);

/* A task: C_GetSessionInfo into *ARG, a CK_SESSION_INFO. */
CK_RV open_state(const struct hsm_session *session, void *arg);
/* The state of a session of TOKEN; CKR_... + 1000 if there is none. */
CK_ULONG open_state_of(struct hsm_token *token, enum hsm_mode mode);

/* With a key pair EC P-256 of the label "key", by pkcs11-tool. */
void open_make_key(const char *token_label);
/* A task: finds that key's private half and signs 32 bytes (CKM_ECDSA);
 * checks nothing, so that threads and children may run it. */
CK_RV open_sign(const struct hsm_session *session, void *unused);

#endif
