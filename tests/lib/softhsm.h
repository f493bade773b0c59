/*
 * SoftHSM with tokens of the test case's own: below its folder, gone with it.
 */
#ifndef TEST_SOFTHSM_H
#define TEST_SOFTHSM_H

#include <p11-kit/pkcs11.h>

#define TEST_SO_PIN "87654321"
#define TEST_USER_PIN "12345678"

/* The module: SOFTHSM_MODULE of the environment, else where Debian has it. */
const char *test_softhsm(void);

/* An empty folder for tokens, and SOFTHSM2_CONF that names it: for this
 * process, its children, and modules loaded from now on. Anew in every test
 * case. Stops the program if that fails. */
void test_softhsm_setup(void);

/* A token with LABEL and the PINs above, made by softhsm2-util: nothing of
 * what is tested had a hand in it. */
void test_softhsm_token(const char *label);
/* The same, but with no user PIN. */
void test_softhsm_token_no_pin(const char *label);

/* Runs pkcs11-tool on the module, with the arguments after it: a second
 * implementation to make keys and to look at them. Stops the program if it
 * fails. NULL ends the arguments. */
void test_pkcs11_tool(const char *first, ...);

#endif
