/*
 * A backend of operation keys: it makes them or takes them in, and signs,
 * decrypts and derives with them.
 */
#include "example.h"

KS_BACKEND_EXPORT const struct ks_backend ks_backend = {
    .abi = KS_BACKEND_ABI,
    .type = "example-operation",
    .open = example_open,
    .close = example_close,
    .list = example_list,
    .info = example_info,
    .remove = example_remove,
    .generate = example_generate,
    .open_key = example_open_key,
    .import = example_import,
};
