/* The example backend of docs/ whose keys stay inside, under test. */
#include "contract.h"
#include "plugin.h"

static const struct ks_setting settings[] = {
    {"type", "/plugin.so"}, {"path", "keys"}, {"inside", "yes"}};

const struct contract_subject subject = {
    .backend = &plugin,
    .inside = true,
    .secret = "sesame",
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
};
