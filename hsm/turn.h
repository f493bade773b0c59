/*
 * Taking turns at changing what lies on a token, among the threads and
 * processes of this host. What is right does not rest on it: another host may
 * use the same device. But SoftHSM (2.6) loses sight of another process'
 * objects when both change the token at once.
 */
#ifndef HSM_TURN_H
#define HSM_TURN_H

#include "token.h"

struct hsm_turn {
    struct hsm_token *token;
    int fd; /* -1: there was no getting it */
};

/* Waits for the others, some seconds at most. */
void hsm_turn_take(struct hsm_token *token, struct hsm_turn *turn);
void hsm_turn_give(struct hsm_turn *turn);

#endif
