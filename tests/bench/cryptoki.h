/*
 * A PKCS#11 module used directly, as the best bare program would: dlopen, one
 * C_Initialize with the system's locks. Every failure ends the program.
 */
#ifndef BENCH_CRYPTOKI_H
#define BENCH_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

/* Loads and initialises the module at PATH. */
CK_FUNCTION_LIST *cryptoki_open(const char *path);

/* The slot whose token has LABEL; with LABEL NULL the first slot without an
 * initialised token. */
CK_SLOT_ID cryptoki_slot(CK_FUNCTION_LIST *f, const char *label);

/* Ends the program unless RV is CKR_OK. */
void cryptoki_must(const char *what, CK_RV rv);

#endif
