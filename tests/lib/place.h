/*
 * A backend and its sealing, as the provider puts them together.
 */
#ifndef TEST_PLACE_H
#define TEST_PLACE_H

#include "material.h"

struct test_place {
    struct ks_place place;
    struct ks_sealing *sealing;
};

/* STORE, of BACKEND, as the configured backend "default" with SETTINGS. Stops
 * the program if there is no such sealing. */
void test_place_make(const struct ks_backend *backend, void *store,
                     const struct ks_setting *settings, size_t n_settings,
                     struct test_place *place);
void test_place_clear(struct test_place *place);

#endif
