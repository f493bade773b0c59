/*
 * Making trouble through fault_module.c, whose head lists the rules.
 */
#ifndef TEST_HSM_FAULT_H
#define TEST_HSM_FAULT_H

/* The module before SoftHSM; its rules and its log are the test case's own.
 * After test_softhsm_setup. */
const char *fault_module(void);

/* These rules hold from now on, and no others; counts begin anew. */
void fault_rules(const char *rules);

/* How often FUNCTION was called in this case, or since fault_forget, by all
 * processes. */
unsigned fault_calls(const char *function);
void fault_forget(void);

#endif
