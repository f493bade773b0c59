/*
 * A backend and its sealing.
 */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>

static const struct ks_crypto ours = {NULL, NULL};

void test_place_make(const struct ks_backend *backend, void *store,
                     const struct ks_setting *settings, size_t n_settings,
                     struct test_place *place)
{
    struct ks_err err = {0};

    *place = (struct test_place){.place = {.name = "default",
                                           .backend = backend,
                                           .store = store,
                                           .crypto = &ours}};
    if (ks_sealing_new("default", settings, n_settings, &ours, NULL,
                       &place->sealing, &err) != KS_OK) {
        (void)fprintf(stderr, "sealing: %s\n", err.text);
        abort();
    }
    place->place.sealing = place->sealing;
}

void test_place_clear(struct test_place *place)
{
    ks_sealing_free(place->sealing);
    *place = (struct test_place){0};
}
