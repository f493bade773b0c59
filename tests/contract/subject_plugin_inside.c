/* A plug-in whose keys stay inside under test: an example of docs/, or
 * another. */
#include "contract.h"
#include "plugin.h"

static const struct ks_setting settings[] = {{"type", "/plugin.so"},
                                             {"path", "keys"},
                                             {"inside", "yes"},
                                             {"iterations", "100"}};

const struct contract_subject subject = {
    .backend = &plugin,
    .inside = true,
    .secret = "sesame",
    .settle = plugin_settle,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
};
