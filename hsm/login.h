/*
 * Logging in. C_Login is called by us and not through libp11: its login
 * waits for ever where no session can be opened, takes a session of its own,
 * and keeps a copy of the PIN (0.4.12).
 */
#ifndef HSM_LOGIN_H
#define HSM_LOGIN_H

#include "session.h"

/*
 * Logs the user in, unless that is done. WHOSE (a URI) is shown in prompts.
 * ASK is asked for the SO PIN first, quietly (setting "so_pin"), then for the
 * user PIN (setting "user_pin"). BACKEND is handed on in the question.
 *
 * One PIN is tried once. One that was refused is never tried again in this
 * process; nothing is tried where one more failure would lock the token
 * (CKF_USER_PIN_FINAL_TRY), where it is locked, must be changed first, or has
 * no user PIN. The PIN is kept (secure heap where there is one) until the
 * token is closed: a forked child and a token put back in have to log in
 * anew. A token with a protected authentication path (a PIN pad) is not given
 * a PIN.
 *
 * KS_E_SECRET_MISSING, KS_E_SECRET_WRONG, KS_E_DENIED (locked, final try, no
 * user PIN), each with token, CKR_ name where there is one, and a hint. An SO
 * login that succeeds is KS_OK: what an SO may not do fails at the operation.
 */
KS_MUST_CHECK ks_rc hsm_login(struct hsm_token *token, const char *backend,
                              const char *whose, const struct ks_ask *ask,
                              struct ks_err *err);

/* True while somebody is logged in. */
bool hsm_is_logged_in(const struct hsm_token *token);
/* True if it is the security officer: private objects are out of reach then,
 * and that is what errors have to say. */
bool hsm_is_so(const struct hsm_token *token);

/* For a key with CKA_ALWAYS_AUTHENTICATE, after hsm_login: asks for the user
 * PIN where none is kept, because another library of the program logged in.
 * Tries nothing. Results as hsm_login's. */
KS_MUST_CHECK ks_rc hsm_login_prepare(struct hsm_token *token,
                                      const char *backend, const char *whose,
                                      const struct ks_ask *ask,
                                      struct ks_err *err);

/* C_Login(CKU_CONTEXT_SPECIFIC) with the PIN that hsm_login was given; for a
 * key with CKA_ALWAYS_AUTHENTICATE, right after C_SignInit.
 * CKR_USER_NOT_LOGGED_IN if there is none. */
CK_RV hsm_login_again(const struct hsm_session *session);

#endif
