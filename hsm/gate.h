/*
 * The gate that every call into a module passes, so that fork() and exit()
 * find no thread of ours inside one; and the one short lock for the lists of
 * modules and tokens.
 */
#ifndef HSM_GATE_H
#define HSM_GATE_H

#include <stdbool.h>

/* False once the process exits: make no call, then. Waits while another
 * thread forks. May be nested. */
bool hsm_gate_enter(void);
void hsm_gate_leave(void);

/* Calls TASK while no other thread is inside the gate. False, and no call, if
 * one stays there for long, this thread is inside itself, or the process
 * exits. */
bool hsm_gate_alone(void (*task)(void *), void *arg);

/* The lock of all lists. Nothing is called while it is held, and of tokens'
 * own locks only under it are several taken. */
void hsm_lists_lock(void);
void hsm_lists_unlock(void);

/* True once no module may be called any more. */
bool hsm_gate_is_shut(void);

/* Has hsm_gate_at_exit run before the destructors of every module that is
 * loaded by now; called after each C_Initialize. False if there is no memory
 * for that. */
bool hsm_gate_arm(void);

/* What the gate calls; in module.c and token.c. The lists are locked, and in
 * the child no other thread is there. */
void hsm_tokens_before_fork(void);
void hsm_tokens_after_fork(void);
void hsm_tokens_in_child(void);
void hsm_modules_in_child(void);
void hsm_modules_at_exit(void);
void hsm_tokens_at_exit(void); /* the lists are not locked */

#endif
