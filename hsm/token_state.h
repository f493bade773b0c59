/*
 * What a token in use is made of; for token.c, pool.c, session.c, login.c.
 */
#ifndef HSM_TOKEN_STATE_H
#define HSM_TOKEN_STATE_H

#include <pthread.h>

#include "token.h"

#define HSM_POOL_MAX 32 /* idle sessions that are kept */

enum hsm_user {
    HSM_NOBODY,
    HSM_USER,
    HSM_SO
};

struct hsm_token {
    struct hsm_token *next; /* under the lists' lock, as REFS */
    unsigned refs;
    struct hsm_module *module;
    char label[33]; /* CK_TOKEN_INFO's, without padding */
    char serial[17];
    CK_TOKEN_INFO seen; /* what it is known by; its flags are old */

    pthread_mutex_t lock; /* of all below; nothing is called under it */
    pthread_cond_t returned;
    CK_SLOT_ID slot;
    /* Raised when handles of this token alone have gone stale. */
    unsigned long epoch;
    CK_SESSION_HANDLE idle[HSM_POOL_MAX]; /* all of the epoch IDLE_EPOCH */
    size_t n_idle;
    unsigned long idle_epoch;
    unsigned n_lent;
    unsigned n_moving; /* being opened or closed: there may soon be room */

    enum hsm_user user;        /* who shall be logged in */
    bool login_is_ours;        /* C_Login was, so C_Logout is */
    unsigned long login_epoch; /* who is logged in there */
    struct ks_secret pin;      /* of USER; empty for a PIN pad */

    /* One login at a time; held while a person is asked. */
    pthread_mutex_t login;
    pthread_mutex_t creating; /* hsm_token_create_begin */
    pthread_rwlock_t objects; /* hsm_token_search_begin */
};

/* C_GetTokenInfo, patiently: SoftHSM 2.6.1 cannot tell (CKR_GENERAL_ERROR)
 * while another process logs in and writes that down, as the workers of a
 * server do all at once. Asking uses up no try of a PIN. */
CK_RV hsm_slot_token_info(const CK_FUNCTION_LIST *f, CK_SLOT_ID slot,
                          CK_TOKEN_INFO *info);

/* Under LOCK: changes with either epoch, never comes back. */
unsigned long hsm_token_epoch(const struct hsm_token *token);

/* The token's slot now (it may be in another); CKR_TOKEN_NOT_PRESENT. */
CK_RV hsm_token_find_again(struct hsm_token *token);

#endif
