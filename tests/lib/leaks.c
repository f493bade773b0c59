/*
 * LeakSanitizer's functions, if they are there (sanitizer/lsan_interface.h).
 */
#include "leaks.h"

#include <stddef.h>

void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

bool test_leaks_are_looked_for(void)
{
    return __lsan_disable != NULL && __lsan_enable != NULL;
}

void test_leaks_ignore(bool ignore)
{
    if (!test_leaks_are_looked_for())
        return;
    if (ignore)
        __lsan_disable();
    else
        __lsan_enable();
}
