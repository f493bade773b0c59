/*
 * A backend whose keys are made inside and never come out.
 */
#ifndef TEST_INSIDE_BACKEND_H
#define TEST_INSIDE_BACKEND_H

#include "ks_backend.h"

/* Type "/test/inside": the configuration wants a path for what is not its own.
 * Takes no settings. */
extern const struct ks_backend test_inside_backend;

#endif
