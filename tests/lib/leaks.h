/*
 * What LeakSanitizer is told, if it is there: without it, nothing happens.
 */
#ifndef TEST_LEAKS_H
#define TEST_LEAKS_H

#include <stdbool.h>

bool test_leaks_are_looked_for(void);

/*
 * What this thread allocates from now on counts as no leak; or does again.
 * Around calls in which a library loses memory: SoftHSM 2.6.1 loses an
 * ASN1_OCTET_STRING (the curve's name) at every use of a private Edwards or
 * Montgomery key, and is unloaded before LeakSanitizer could be told its name.
 */
void test_leaks_ignore(bool ignore);

#endif
