/*
 * The login as sessions see it; for session.c.
 */
#ifndef HSM_LOGIN_STATE_H
#define HSM_LOGIN_STATE_H

#include "session.h"

/* Logs in whoever was logged in in an earlier epoch, with the PIN that was
 * accepted then. */
CK_RV hsm_login_restore(const struct hsm_session *session);

#endif
