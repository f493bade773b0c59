/*
 * A backend of material keys: it keeps records, and nothing else.
 */
#include "example.h"

KS_BACKEND_EXPORT const struct ks_backend ks_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "example-material",
    .open = example_open,
    .close = example_close,
    .list = example_list,
    .info = example_info,
    .remove = example_remove,
    .get = example_get,
    .put = example_put,
    .replace = example_replace,
};
