/*
 * The list of backends of a module for tests: the file backend, one whose keys
 * never come out, and one that has keys of both kinds.
 */
#include "backends.h"

#include "inside_backend.h"
#include "mem_backend.h"

const struct ks_backend *const prov_backends[] = {
    &ks_file_backend,
    &test_inside_backend,
    &test_both_backend,
    NULL,
};

const char prov_backend_types[] = "file, /test/inside, /test/both";
