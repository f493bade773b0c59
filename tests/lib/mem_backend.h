/*
 * A backend whose keys are in memory: fast, for tests of what stands on
 * backends, and the proof that ks_backend.h is enough to write one from.
 */
#ifndef TEST_MEM_BACKEND_H
#define TEST_MEM_BACKEND_H

#include "ks_backend.h"

/* It takes no settings. A store lives from open to close. */
extern const struct ks_backend test_mem_backend;

/* The same with operation keys besides: those whose names begin with
 * "inside-" are made inside, and stay there. */
extern const struct ks_backend test_both_backend;

/* Changes one bit of the private half of NAME, if there is such a key. */
void test_mem_damage(void *store, const char *name);

#endif
