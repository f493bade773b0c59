/*
 * The two functions of exit_dso.so.
 */
#ifndef TEST_HSM_EXIT_DSO_H
#define TEST_HSM_EXIT_DSO_H

#include <stdbool.h>

/* Opens the token, logs in, signs. */
bool dso_use(const char *path, const char *label);
void dso_put(void);

#endif
